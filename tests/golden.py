"""The crew's golden set: briefs as people write them, and drafts with what has to be said to each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml

from overture_crew.brief import MOST_VARIANTS, Brief, FollowUp, Tone, parse_brief

DATA = Path(__file__).parent / "data" / "crew_golden"
FOOT = "-- \n{{ sender_name }}, {{ postal_address }}\n{{ unsubscribe_url }}"
LONG = "word " * 40
FOLLOW_UPS = [FollowUp(wait_before="3 days", channels=["email", "sms"]), FollowUp(wait_before="1 week")]


def briefs() -> dict[str, Brief]:
    """Return the briefs by name."""
    return {name: parse_brief(raw, name) for name, raw in _read("briefs").items()}


def every_brief() -> Iterator[tuple[str, Brief]]:
    """Yield each brief in both tones, with one variant and two, with and without follow-ups, under a name that says
    which."""
    ways = itertools.product(briefs().items(), get_args(Tone), range(1, MOST_VARIANTS + 1), ([], FOLLOW_UPS))
    for (name, brief), tone, variants, follow_ups in ways:
        which = f"{name}, {tone}, {variants} of each{', followed up' if follow_ups else ''}"
        yield which, brief.model_copy(update={"tone": tone, "variants": variants, "follow_ups": follow_ups})


def drafts() -> list[dict[str, Any]]:
    """Return the drafts, with what stands for longer texts put in."""
    texts = ("subject", "body")
    return [
        {key: _whole(value) if key in texts and value else value for key, value in draft.items()}
        for draft in _read("drafts")
    ]


def _whole(text: str) -> str:
    return text.replace("FOOT", FOOT).replace("LONG", LONG)


def _read(name: str) -> Any:
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))
