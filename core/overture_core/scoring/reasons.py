"""Why a part of a score is what it is, in words of ours made from numbers, times and kinds: no text of a lead is in
them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from overture_core.scoring.parts import FIELDS
from overture_core.scoring.roles import OTHER, UNKNOWN
from overture_core.scoring.weights import Part
from overture_core.storage.schema import LeadSignal
from overture_core.text import quantity

_SIGNALS = {
    "job_change": "changed job",
    "promotion": "was promoted",
    "funding": "company was funded",
    "hiring": "company is hiring",
    "expansion": "company is expanding",
    "acquisition": "company was bought or bought another",
    "event": "was at an event",
}
_BANDS = {
    OTHER: "title says nothing of rank",
    UNKNOWN: "title is unknown",
    "junior": "title is that of an assistant or a beginner",
    "manager": "title is that of a manager",
    "head": "title is that of a head or lead",
    "director": "title is that of a director or vice president",
    "chief": "title is that of a chief, owner or founder",
}


def reason(part: Part, facts: Mapping[str, Any], signal: LeadSignal | None, now: datetime) -> str:
    """Say why a part is worth what it is worth; `facts` are those of `Scoring.rows`."""
    match part:
        case Part.RECENCY:
            return _recency(facts["last_at"], now)
        case Part.ENGAGEMENT:
            return _engagement(facts)
        case Part.SIGNALS:
            return f"{_SIGNALS[signal.kind]} {_ago(signal.observed_at, now)}" if signal else "no signal in half a year"
        case Part.FIT:
            return _fit(facts)
        case Part.ROLE:
            return _BANDS[facts["band"]]
        case Part.COMPLETENESS:
            return f"{facts['filled']} of {len(FIELDS)} fields are known"


def _recency(last: datetime | None, now: datetime) -> str:
    return "last contact is unknown" if last is None else f"last contact {_ago(last, now)}"


def _ago(at: datetime, now: datetime) -> str:
    days = (now - at).days
    return f"{quantity(days, 'day')} ago" if days > 0 else "today"


def _engagement(facts: Mapping[str, Any]) -> str:
    sent = facts["sent"]
    if facts["paid"]:
        return f"paid {quantity(facts['paid'], 'time')}"
    if facts["answer"] == 2:
        return "answered with interest or a question"
    if facts["clicked"]:
        return f"clicked in {facts['clicked']} of {quantity(sent, 'message')}"
    if facts["answer"] == 1:
        return "answered, without asking for more"
    if facts["opened"]:
        return f"opened {facts['opened']} of {quantity(sent, 'message')}"
    return f"{quantity(sent, 'message')} and no sign of life" if sent else "no message was ever sent to them"


def _fit(facts: Mapping[str, Any]) -> str:
    known = facts["known"] + (facts["tag"] is not None)
    if known:
        return f"{quantity(known, 'value')} of theirs held against who revived"
    named = "company is known" if facts["named"] else "company is unknown"
    return f"{named}, {'an address of its own' if facts['own_address'] else 'no address of its own'}"
