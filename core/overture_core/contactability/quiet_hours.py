"""The hours in which an SMS may arrive, in the recipient's own time; the law's, or narrower where they live.

The window for everybody is the TCPA's, 47 CFR 64.1200(c)(1): 8:00 to 21:00. Narrower ones that are kept:
Florida, Statutes 501.616(6): 8:00 to 20:00; Oklahoma, 15 O.S. 775C.4: 8:00 to 20:00; Washington, RCW 80.36.390:
8:00 to 20:00; Maryland, Stop the Spam Calls Act of 2023: 8:00 to 20:00; Connecticut, Public Act 23-98: 9:00 to
20:00. A state is told by the number's area code. Settings narrow a window and never widen one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from functools import lru_cache
from typing import NamedTuple

EVERYWHERE = "*"
_NOON, _ONE = time(12), time(13)
_WRITTEN = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)")
_PLACE = re.compile(r"\*|[A-Z]{2}|\+\d{1,14}")


class Window(NamedTuple):
    """From `opens` on, and before `closes`, local time. A tuple, as it is hashed for every lead."""

    opens: time
    closes: time

    def within(self, other: Window) -> Window:
        """Return what both allow."""
        return Window(max(self.opens, other.opens), min(self.closes, other.closes))

    def has(self, local: time) -> bool:
        return self.opens <= local < self.closes

    def __str__(self) -> str:
        return f"{self.opens:%H:%M} to {self.closes:%H:%M}"


LEGAL = Window(time(8), time(21))
_UNTIL_EIGHT, _NINE_TO_EIGHT = Window(time(8), time(20)), Window(time(9), time(20))
_AREA_CODES = (
    # Florida
    (
        _UNTIL_EIGHT,
        "239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954",
    ),
    (_UNTIL_EIGHT, "405 539 572 580 918"),  # Oklahoma
    (_UNTIL_EIGHT, "206 253 360 425 509 564"),  # Washington
    (_UNTIL_EIGHT, "227 240 301 410 443 667"),  # Maryland
    (_NINE_TO_EIGHT, "203 475 860 959"),  # Connecticut
)
_BY_PREFIX = {f"+1{code}": window for window, codes in _AREA_CODES for code in codes.split()}


def read(written: Mapping[str, str]) -> dict[str, Window]:
    """Read windows such as `{"*": "09:00-20:00", "DE": "10:00-18:00", "+1512": "12:00-20:00"}`.

    A place is `*`, a country's two letters or the beginning of a phone number. Every window has noon to 13:00 in it,
    so that some time is left wherever several apply.

    Raises:
        ValueError: a place or a window cannot be read, or the window leaves out noon to 13:00.
    """
    windows = {}
    for place, hours in written.items():
        found = _WRITTEN.fullmatch(hours.strip())
        if not _PLACE.fullmatch(place) or found is None:
            msg = f'{place!r}: {hours!r} is not like "DE": "09:00-20:00" (a country, the start of a number, or *)'
            raise ValueError(msg)
        opens_h, opens_m, closes_h, closes_m = map(int, found.groups())
        window = Window(time(opens_h, opens_m), time(closes_h, closes_m))
        if window.opens > _NOON or window.closes < _ONE:
            msg = f"{place!r}: {hours!r} must have 12:00 to 13:00 in it"
            raise ValueError(msg)
        windows[place] = window
    return windows


class QuietHours:
    """Finds the window of a number and country; those of `written` narrow the law's."""

    def __init__(self, written: Mapping[str, str]) -> None:
        windows = read(written)
        self._everywhere = LEGAL.within(windows.pop(EVERYWHERE, LEGAL))
        self._countries = {place: window for place, window in windows.items() if not place.startswith("+")}
        self._prefixes = [*_BY_PREFIX.items(), *((p, w) for p, w in windows.items() if p.startswith("+"))]
        self._longest = max(len(prefix) for prefix, _ in self._prefixes)
        self._known: dict[tuple[str, str | None], Window] = {}

    def window(self, phone: str | None, country: str | None) -> Window:
        """Return the hours that every rule for this number and country allows."""
        start = (phone or "")[: self._longest]
        if (known := self._known.get((start, country))) is None:
            known = self._everywhere.within(self._countries.get(country or "", LEGAL))
            for prefix, window in self._prefixes:
                if start.startswith(prefix):
                    known = known.within(window)
            self._known[start, country] = known
        return known


@lru_cache(maxsize=64)
def _kept(written: tuple[tuple[str, str], ...]) -> QuietHours:
    return QuietHours(dict(written))


def quiet_hours(written: Mapping[str, str]) -> QuietHours:
    """Return the finder for these settings; it is made once."""
    return _kept(tuple(sorted(written.items())))
