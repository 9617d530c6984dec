"""Tags on many leads at once, by filter or by id, in statements that do not grow with them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel
from sqlalchemy import ColumnElement, delete, exists, func, insert, literal, select

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput
from overture_core.leads.finding import no_such_lead
from overture_core.leads.labels import tag_name
from overture_core.segments.filter import LeadFilter, where
from overture_core.storage.among import among
from overture_core.storage.schema import Lead, LeadTag
from overture_core.storage.store import Work
from overture_core.text import quoted

MOST_IDS = 1_000


class Tagged(BaseModel):
    """How many leads were meant, and how many of them did not have (or, untagging, had) the tag."""

    tag: str
    leads: int
    changed: int


def tag(
    work: Work, name: str, *, wanted: LeadFilter | None = None, lead_ids: Sequence[str] = (), remove: bool = False
) -> Tagged:
    """Put a tag on leads, or take it off; those who have it (or do not) are left as they are.

    Raises:
        InvalidInput: the tag cannot be one, or neither or both of a filter and ids are given.
        NotFound: one of the ids is not in this workspace; nothing was tagged.
        FilterError: the filter names a segment that is not there.
    """
    label = tag_name(name)
    if not label:
        msg = f"{quoted(name)} cannot be a tag: it says nothing."
        raise InvalidInput(msg)
    if (wanted is None) == (not lead_ids):
        msg = "Say which leads: either a filter (where) or their ids (lead_ids)."
        raise InvalidInput(msg)
    conditions = where(work, LeadFilter() if wanted is None else wanted)
    if lead_ids:
        _require(work, lead_ids)
        conditions.append(among(Lead.id, list(dict.fromkeys(lead_ids))))
    meant = work.session.scalar(select(func.count()).select_from(Lead).where(*conditions)) or 0
    changed = _take_off(work, label, conditions) if remove else _put_on(work, label, conditions)
    audit.record(work, "leads.untagged" if remove else "leads.tagged", tag=label, leads=meant, changed=changed)
    return Tagged(tag=label, leads=meant, changed=changed)


def _require(work: Work, lead_ids: Sequence[str]) -> None:
    if len(lead_ids) > MOST_IDS:
        msg = f"At most {MOST_IDS} ids at once; use a filter for more."
        raise InvalidInput(msg)
    own = select(Lead.id).where(Lead.workspace_id == work.workspace, Lead.erased_at.is_(None))
    strangers = set(lead_ids) - set(work.session.scalars(own.where(among(Lead.id, list(lead_ids)))))
    if strangers:
        raise no_such_lead(min(strangers))


def _put_on(work: Work, label: str, conditions: list[ColumnElement[bool]]) -> int:
    has = exists().where(LeadTag.lead_id == Lead.id, LeadTag.tag == label)
    fresh = select(Lead.id, literal(label), literal(work.workspace)).where(*conditions, ~has)
    added = insert(LeadTag).from_select(["lead_id", "tag", "workspace_id"], fresh)
    # Counted on PostgreSQL only if asked for.
    return work.session.connection().execute(added, execution_options={"preserve_rowcount": True}).rowcount


def _take_off(work: Work, label: str, conditions: list[ColumnElement[bool]]) -> int:
    mine = (LeadTag.workspace_id == work.workspace, LeadTag.tag == label)
    gone = delete(LeadTag).where(*mine, LeadTag.lead_id.in_(select(Lead.id).where(*conditions)))
    return work.session.connection().execute(gone).rowcount
