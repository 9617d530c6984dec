"""Search: leads that meet a filter, in an order, page by page."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_
from sqlalchemy.sql.elements import UnaryExpression

from overture_core.errors import InvalidInput
from overture_core.scoring import keeping
from overture_core.segments.filter import LeadFilter, where
from overture_core.storage.schema import Lead, LeadScore
from overture_core.storage.store import Work

MOST_COUNTED = 1_000


class Sort(StrEnum):
    """The order of a search. Who was never contacted, as far as anybody knows, is the longest silent. `best_score` has
    those alone whose score is kept."""

    OLDEST = "oldest"
    NEWEST = "newest"
    LONGEST_SILENT = "longest_silent"
    RECENTLY_CONTACTED = "recently_contacted"
    BEST_SCORE = "best_score"


class LeadBrief(BaseModel):
    """A lead in a list. Every text is from outside."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    company: str | None
    title: str | None
    country: str | None
    last_contact_at: datetime | None


class LeadPage(BaseModel):
    """Some of the leads that match, how many match in all, and the cursor to the next ones."""

    total: int = Field(description="At most 1,000 are counted.")
    more: bool = Field(description="Whether more than `total` match.")
    leads: list[LeadBrief]
    next_cursor: str | None


def search(
    work: Work, wanted: LeadFilter, *, limit: int = 20, cursor: str | None = None, sort: Sort = Sort.OLDEST
) -> LeadPage:
    """Return leads that meet a filter; the cursor stays right while leads are added.

    Raises:
        InvalidInput: the cursor is not one that this function returned for this order.
        FilterError: the filter's expression names a segment that is not there, or asks for scores that are not kept.
    """
    conditions = where(work, wanted)
    if sort is Sort.BEST_SCORE:
        if not keeping.are_there(work):
            msg = f"The order cannot be {sort}: {keeping.MISSING}"
            raise InvalidInput(msg)
        conditions.append(exists().where(LeadScore.lead_id == Lead.id).correlate(Lead))
    counted = select(Lead.id).where(*conditions).limit(MOST_COUNTED + 1).subquery()
    total = work.session.scalar(select(func.count()).select_from(counted)) or 0
    rows = select(Lead, LeadScore.score if sort is Sort.BEST_SCORE else Lead.last_contact_at).where(*conditions)
    if sort is Sort.BEST_SCORE:
        # Of many, the order is gone along and each lead looked up; an expression cannot be looked up the other way
        # round, after which all of them would have to be sorted.
        scored = LeadScore.lead_id.concat("") if total > MOST_COUNTED else LeadScore.lead_id
        rows = rows.join(LeadScore, Lead.id == scored).where(LeadScore.workspace_id == work.workspace)
    if cursor is not None:
        rows = rows.where(_after(sort, *_read_cursor(cursor, sort)))
    found = work.session.execute(rows.order_by(*_order(sort)).limit(limit + 1)).all()
    shown = [LeadBrief.model_validate(lead) for lead, _ in found[:limit]]
    return LeadPage(
        total=min(total, MOST_COUNTED),
        more=total > MOST_COUNTED,
        leads=shown,
        next_cursor=_write_cursor(sort, shown[-1].id, found[limit - 1][1]) if len(found) > limit else None,
    )


def _order(sort: Sort) -> tuple[UnaryExpression[Any], ...]:
    match sort:
        case Sort.OLDEST:
            return (Lead.id.asc(),)
        case Sort.NEWEST:
            return (Lead.id.desc(),)
        case Sort.LONGEST_SILENT:
            return (Lead.last_contact_at.asc().nulls_first(), Lead.id.asc())
        case Sort.RECENTLY_CONTACTED:
            return (Lead.last_contact_at.desc().nulls_last(), Lead.id.desc())
        case Sort.BEST_SCORE:
            return (LeadScore.score.desc(), LeadScore.lead_id.desc())


def _after(sort: Sort, lead_id: str, at: datetime | int | None) -> ColumnElement[bool]:
    """What comes after a lead in an order, so that an index in that order can be gone along."""
    last = Lead.last_contact_at
    match sort:
        case Sort.OLDEST:
            return Lead.id > lead_id
        case Sort.NEWEST:
            return Lead.id < lead_id
        case Sort.LONGEST_SILENT if at is None:
            return or_(last.is_not(None), Lead.id > lead_id)
        case Sort.LONGEST_SILENT:
            return tuple_(last, Lead.id) > tuple_(at, lead_id)
        case Sort.RECENTLY_CONTACTED if at is None:
            return and_(last.is_(None), Lead.id < lead_id)
        case Sort.RECENTLY_CONTACTED:
            return or_(last.is_(None), tuple_(last, Lead.id) < tuple_(at, lead_id))
        case Sort.BEST_SCORE:
            return tuple_(LeadScore.score, LeadScore.lead_id) < tuple_(at, lead_id)


def _write_cursor(sort: Sort, lead_id: str, at: datetime | int | None) -> str:
    place = at.isoformat() if isinstance(at, datetime) else at
    return base64.urlsafe_b64encode(json.dumps([sort, lead_id, place]).encode()).decode()


def _read_cursor(cursor: str, sort: Sort) -> tuple[str, datetime | int | None]:
    moment: datetime | int | None
    try:
        of_sort, lead_id, at = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        if sort is Sort.BEST_SCORE:
            moment = min(max(int(at), 0), 100)
        else:
            moment = datetime.fromisoformat(at) if at is not None else None
        usable = of_sort == sort and isinstance(lead_id, str) and lead_id.startswith("lead_") and lead_id.isprintable()
    except (ValueError, TypeError):
        usable = False
    if not usable:
        msg = "The cursor is not one of a search in this order; search again without it."
        raise InvalidInput(msg)
    return lead_id, moment
