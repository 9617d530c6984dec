"""What to say to somebody whose filter nobody meets: custom fields that no lead has."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain

from sqlalchemy import select

from overture_core.segments.filter import LeadFilter, as_value
from overture_core.storage.schema import Lead
from overture_core.storage.store import Work
from overture_core.text import quoted

LOOKED_AT = 1_000
_SHOWN = 10


def hints(work: Work, wanted: LeadFilter) -> list[str]:
    """Return a sentence for each custom field that a filter asks for and none of the newest leads has, with the nearest
    one that they have. Names of fields are text from outside."""
    if wanted.where is None:
        return []
    from overture_core.segments.language import conditions_of, parse  # the parser is loaded where it is used

    conditions = conditions_of(parse(wanted.where))
    asked = dict.fromkeys(each.detail for each in conditions if each.field == "custom" and each.detail)
    if not asked:
        return []
    newest = select(Lead.custom).where(Lead.workspace_id == work.workspace, Lead.erased_at.is_(None))
    fields = work.session.scalars(newest.order_by(Lead.id.desc()).limit(LOOKED_AT)).all()
    nobody = "No lead has" if len(fields) < LOOKED_AT else f"None of the {LOOKED_AT:,} newest leads has"
    there = sorted(set(chain.from_iterable(fields)))
    return [f"{nobody} a custom field {quoted(name)}; {_instead(name, there)}" for name in asked if name not in there]


def _instead(name: str, there: list[str]) -> str:
    by_key = {each.casefold(): each for each in there}
    if close := get_close_matches(name.casefold(), by_key, n=1):
        return f"did you mean custom.{as_value(by_key[close[0]])}?"
    if not there:
        return "they have none."
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    return f"there are {', '.join(map(quoted, there[:_SHOWN]))}{more}."
