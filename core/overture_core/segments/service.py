"""Segments: filters with a name, evaluated whenever they are used, or frozen with those who met them then."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, bindparam, case, delete, func, insert, literal, select

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.segments.filter import LeadFilter, as_expression, as_value, where
from overture_core.storage.schema import Lead, Segment, SegmentMember
from overture_core.storage.store import Work
from overture_core.text import as_name, quoted

SAMPLE = 5
_MINE = Segment.workspace_id == bindparam("workspace")
_NUMBER = select(func.count()).select_from(Segment).where(_MINE)


class SegmentView(BaseModel):
    """A segment as shown to callers."""

    name: str
    count: int = Field(description="Leads in it now.")
    where: str = Field(description="Its filter; empty if everybody is in it.")
    frozen_at: datetime | None = Field(description="Since when it keeps the same leads.")
    updated_at: datetime


class SegmentSample(BaseModel):
    """One lead of a preview."""

    lead_id: str
    name: str
    company: str | None
    country: str | None


class SegmentPreview(BaseModel):
    """What a filter selects now."""

    count: int
    by_country: dict[str, int]
    by_channel: dict[str, int] = Field(description="Leads by the addresses they have: email, sms, both, none.")
    dormant_days: dict[str, int] = Field(description="Leads by days since the last contact.")
    sample: list[SegmentSample]


def save(work: Work, name: str, wanted: LeadFilter, *, frozen: bool = False) -> SegmentView:
    """Save a filter under a name, in place of what was there. A frozen segment keeps those who meet it now.

    Raises:
        InvalidInput: the name is empty, too long, has what nobody sees in it, or is another segment's but for its
            letters' case.
        FilterError: the filter's expression names a segment that is not there, or this one.
    """
    name = as_name(name, "segment")
    conditions = where(work, wanted, (name,))
    row = _find(work, name)
    if row is None:
        _require_another_name(work, name)
        row = Segment(id=new_id("seg"), workspace_id=work.workspace, name=name, created_at=work.now())
        work.session.add(row)
    row.filter = wanted.model_dump(mode="json", exclude_none=True)
    row.updated_at = work.now()
    row.frozen_at = work.now() if frozen else None
    work.session.flush()
    _keep_members(work, row, conditions)
    audit.record(work, "segment.saved", row.id, name=name, frozen=frozen)
    return _view(work, row)


def get(work: Work, name: str) -> Segment:
    """Return a segment.

    Raises:
        NotFound: there is no such segment; the message names those that exist.
    """
    row = _find(work, name)
    if row is None:
        names = work.session.scalars(
            select(Segment.name).where(Segment.workspace_id == work.workspace).order_by(Segment.name).limit(20)
        )
        known = ", ".join(names) or "none yet; save one with leads_save_segment"
        msg = f"There is no segment {quoted(name)}; the segments are: {known}."
        raise NotFound(msg)
    return row


def list_(work: Work, *, limit: int | None = None) -> list[SegmentView]:
    """Return segments by name; without a `limit`, all of them."""
    given = {"workspace": work.workspace}
    return [_view(work, row) for row in work.session.scalars(_by_name(limit), given).all()]


@lru_cache(8)
def _by_name(limit: int | None) -> Select[Segment]:
    # Kept: to put a statement together again for each call takes longer than to run it.
    return select(Segment).where(_MINE).order_by(Segment.name).limit(limit)


def number(work: Work) -> int:
    """Return how many segments there are."""
    return work.session.scalar(_NUMBER, {"workspace": work.workspace}) or 0


def preview(work: Work, wanted: LeadFilter) -> SegmentPreview:
    """Count and break down what a filter selects."""
    conditions = where(work, wanted)
    count = work.session.scalar(select(func.count()).select_from(Lead).where(*conditions)) or 0
    country = func.coalesce(Lead.country, "unknown")
    by_country = select(country, func.count()).where(*conditions).group_by(country).order_by(func.count().desc())
    channel = case(
        (Lead.email.is_not(None) & Lead.phone.is_not(None), "both"),
        (Lead.email.is_not(None), "email"),
        (Lead.phone.is_not(None), "sms"),
        else_="none",
    )
    by_channel = select(channel, func.count()).where(*conditions).group_by(channel)
    sample = work.session.scalars(select(Lead).where(*conditions).order_by(Lead.id).limit(SAMPLE))
    return SegmentPreview(
        count=count,
        by_country=dict(work.session.execute(by_country).all()),
        by_channel=dict(work.session.execute(by_channel).all()),
        dormant_days=_dormancy(work, wanted),
        sample=[
            SegmentSample(
                lead_id=lead.id,
                name=" ".join(filter(None, (lead.first_name, lead.last_name))) or "(no name)",
                company=lead.company,
                country=lead.country,
            )
            for lead in sample
        ],
    )


def preview_named(work: Work, name: str) -> SegmentPreview:
    """The same for a saved segment.

    Raises:
        NotFound: there is no such segment.
    """
    return preview(work, filter_of(get(work, name)))


def filter_of(segment: Segment) -> LeadFilter:
    """Return the filter that selects a segment's leads: its own, or one that names it if it is frozen."""
    if segment.frozen_at is None:
        return LeadFilter.model_validate(segment.filter)
    return LeadFilter(where=f"segment = {as_value(segment.name)}")


def _dormancy(work: Work, wanted: LeadFilter) -> dict[str, int]:
    now = work.now()
    bucket = case(
        (Lead.last_contact_at.is_(None), "unknown"),
        (Lead.last_contact_at > now - timedelta(days=90), "under 90"),
        (Lead.last_contact_at > now - timedelta(days=365), "90 to 364"),
        (Lead.last_contact_at > now - timedelta(days=730), "365 to 729"),
        else_="730 and more",
    )
    counted = select(bucket, func.count()).where(*where(work, wanted)).group_by(bucket)
    return dict(work.session.execute(counted).all())


def _keep_members(work: Work, segment: Segment, conditions: list[ColumnElement[bool]]) -> None:
    mine = SegmentMember.segment_id == segment.id
    work.session.execute(delete(SegmentMember).where(mine))
    if segment.frozen_at is not None:
        found = select(literal(segment.id), Lead.id, literal(work.workspace)).where(*conditions)
        work.session.execute(insert(SegmentMember).from_select(["segment_id", "lead_id", "workspace_id"], found))


def _find(work: Work, name: str) -> Segment | None:
    return work.session.scalar(select(Segment).where(Segment.workspace_id == work.workspace, Segment.name == name))


def _require_another_name(work: Work, name: str) -> None:
    for there in work.session.scalars(select(Segment.name).where(Segment.workspace_id == work.workspace)):
        if there.casefold() == name.casefold():
            msg = f"There is a segment {quoted(there)}; save it by that name, or choose one that is not so like it."
            raise InvalidInput(msg)


def _view(work: Work, row: Segment) -> SegmentView:
    own = where(work, filter_of(row))
    return SegmentView(
        name=row.name,
        count=work.session.scalar(select(func.count()).select_from(Lead).where(*own)) or 0,
        where=as_expression(LeadFilter.model_validate(row.filter)),
        frozen_at=row.frozen_at,
        updated_at=row.updated_at,
    )
