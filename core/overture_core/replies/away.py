"""Until when somebody is away, by the text of their automatic answer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

UNKNOWN = timedelta(days=7)  # where no day is named
_LONGEST = timedelta(days=400)
_RETURNS = re.compile(
    r"\b(?:back\b(?: in the office| at work| at my desk)?(?: on| by)?"
    r"|return(?:ing)?(?: to (?:the office|work))?(?: on)?"
    r"|from\b.{3,30}?\b(?:to|until|till|through)|vom?\b.{3,30}?\bbis(?: zum)?|du\b.{3,30}?\bau"
    r"|until|till|through|from|wieder (?:ab|am)|zurück (?:am|ab)|bis(?: zum| einschließlich)?|ab dem|jusqu'au"
    r"|de retour le|reviens le|hasta el|vuelvo el|regreso el)\W+(?P<day>[^\n;!?()]{3,60})",
    re.IGNORECASE,
)
_LEADING = re.compile(r"\A(?:the|dem|den|le|el|on|around|about)\s+", re.IGNORECASE)
_DOTTED = re.compile(r"\d{1,2}\.\d{1,2}\.")


def away_until(text: str, now: datetime) -> datetime:
    """Return when to write again: the start of the day after the last that the text names, else in seven days."""
    days = [day for found in _RETURNS.finditer(text) if (day := _day(found["day"], now)) is not None]
    return max(days) + timedelta(days=1) if days else now + UNKNOWN


def _day(said: str, now: datetime) -> datetime | None:
    # Only here: it takes half a second to load, and few answers are automatic.
    from dateparser import parse

    base = now.replace(tzinfo=None)
    settings: dict[str, Any] = {"RELATIVE_BASE": base, "PREFER_DATES_FROM": "future"}
    if _DOTTED.search(said):
        settings["DATE_ORDER"] = "DMY"
    words = _LEADING.sub("", said.strip()).replace(",", " ").split()
    # The day stands first; what follows it is the rest of a sentence.
    for length in range(min(len(words), 5), 0, -1):
        found: datetime | None = parse(" ".join(words[:length]).rstrip(".:"), settings=settings)
        if found is not None:
            found = found.replace(tzinfo=None)
            day = found.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=now.tzinfo)
            return day if timedelta() < found - base < _LONGEST else None
    return None
