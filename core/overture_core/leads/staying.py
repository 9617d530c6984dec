"""What an undo leaves: leads on whom somebody has built since, and the addresses of those who said no.

Nobody may become contactable by an undo. Who refused a channel, is suppressed in whatever way, or is to be erased keeps
every address that they are known by: under one that they had lost they would be somebody new, who never said no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import aliased

from overture_core.contactability.suppressed import suppressed_anywhere
from overture_core.leads.requests import RequestState
from overture_core.operations.ending import may_count
from overture_core.operations.states import OPEN
from overture_core.storage.among import among
from overture_core.storage.schema import (
    AuditEntry,
    BillingObject,
    Consent,
    ErasureRequest,
    Lead,
    LeadChange,
    LeadImport,
    LeadSignal,
    LeadTag,
    Message,
    Operation,
    Payment,
    Reply,
    SegmentMember,
    Task,
)
from overture_core.storage.store import Work

WRITTEN_TO = "messages to them were planned or sent"
ASKED_ABOUT = "an operation about them waits"


class Left(BaseModel):
    """What an undo had to leave, and why."""

    lead_id: str
    what: str
    why: str


def keeping_addresses(work: Work, lead_ids: Sequence[str]) -> dict[str, str]:
    """Return who of the leads keeps every address, and themselves, whatever is undone; each with the first reason."""
    asked = (ErasureRequest.lead_id == Lead.id, ErasureRequest.state == RequestState.WAITING)
    own = select(Lead.id, Lead.email, Lead.phone, Lead.linkedin_url).where(
        Lead.workspace_id == work.workspace, among(Lead.id, lead_ids)
    )
    found = dict.fromkeys(suppressed_anywhere(work, work.session.execute(own).all()), "they are suppressed")
    refused = exists().where(Consent.lead_id == Lead.id, Consent.granted.is_(False))
    reasons = {"their erasure was asked for": exists().where(*asked), "they refused a channel": refused}
    return {**_meeting(work, lead_ids, reasons), **found}


def needing_addresses(work: Work, lead_ids: Sequence[str]) -> dict[str, str]:
    """Return whose addresses something goes to, or an answer comes from, each with the reason."""
    waits = exists().where(Operation.lead_id == Lead.id, Operation.state.in_(OPEN), may_count(work))
    reasons = {WRITTEN_TO: exists().where(Message.lead_id == Lead.id), ASKED_ABOUT: waits}
    return _meeting(work, lead_ids, reasons)


def staying(work: Work, import_: LeadImport, lead_ids: Sequence[str]) -> list[Left]:
    """Return who of the leads that an import created has to stay, each with the first reason."""
    other = aliased(LeadChange)
    reasons = {
        WRITTEN_TO: exists().where(Message.lead_id == Lead.id),
        "they wrote back": exists().where(Reply.lead_id == Lead.id),
        "a task is about them": exists().where(Task.lead_id == Lead.id),
        "they paid": exists().where(Payment.lead_id == Lead.id),
        "they are a customer at a provider of payments": exists().where(BillingObject.lead_id == Lead.id),
        "an operation about them was asked for": exists().where(Operation.lead_id == Lead.id, may_count(work)),
        "they are in a frozen segment": exists().where(SegmentMember.lead_id == Lead.id),
        "signals of them were recorded": exists().where(LeadSignal.lead_id == Lead.id),
        "a later import added to them": exists().where(
            other.lead_id == Lead.id,
            or_(other.import_id != import_.id, other.import_id.is_(None)),
            other.undone_at.is_(None),
        ),
    }
    found = {**_meeting(work, lead_ids, reasons), **keeping_addresses(work, lead_ids)}
    for lead_id in _agreed_since(work, import_, lead_ids):
        found.setdefault(lead_id, "a consent of theirs was recorded since")
    for lead_id in _tagged_since(work, import_, lead_ids):
        found.setdefault(lead_id, "a tag that they have was given since")
    return [Left(lead_id=lead_id, what="the lead", why=why) for lead_id, why in found.items()]


def _meeting(work: Work, lead_ids: Sequence[str], reasons: Mapping[str, ColumnElement[bool]]) -> dict[str, str]:
    """Return which leads meet a condition, with the first of the reasons that they meet."""
    found: dict[str, str] = {}
    own = select(Lead.id).where(Lead.workspace_id == work.workspace, among(Lead.id, lead_ids))
    for why, condition in reasons.items():
        for lead_id in work.session.scalars(own.where(condition)):
            found.setdefault(lead_id, why)
    return found


def _agreed_since(work: Work, import_: LeadImport, lead_ids: Sequence[str]) -> set[str]:
    """Return who has a consent that is neither of the row that created them nor of a later row of the same file."""
    later = (
        select(Consent.id, Consent.lead_id)
        .join(Lead, Lead.id == Consent.lead_id)
        .where(Lead.workspace_id == work.workspace, among(Lead.id, lead_ids), Consent.recorded_at > Lead.created_at)
    )
    owners = {row.id: row.lead_id for row in work.session.execute(later)}
    if not owners:
        return set()
    merged = select(LeadChange.detail).where(
        LeadChange.workspace_id == work.workspace,
        LeadChange.import_id == import_.id,
        among(LeadChange.lead_id, sorted(set(owners.values()))),
    )
    own = {consent_id for detail in work.session.scalars(merged) for consent_id in detail.get("consents", ())}
    return {lead_id for consent_id, lead_id in owners.items() if consent_id not in own}


def _tagged_since(work: Work, import_: LeadImport, lead_ids: Sequence[str]) -> set[str]:
    """Return who has a tag that was given to leads since, but for those that the import gave to all of its own. A tag
    does not say when it was given: the audit does."""
    mine = (LeadTag.workspace_id == work.workspace, among(LeadTag.lead_id, lead_ids))
    held = set(work.session.scalars(select(LeadTag.tag).where(*mine).distinct()))
    if not (held := held.difference(import_.options.get("tags", ()))):
        return set()
    tagged = select(AuditEntry.detail).where(
        AuditEntry.workspace_id == work.workspace,
        AuditEntry.action == "leads.tagged",
        AuditEntry.at >= import_.created_at,
    )
    given = {detail["tag"] for detail in work.session.scalars(tagged) if detail["changed"]} & held
    return set(work.session.scalars(select(LeadTag.lead_id).where(*mine, among(LeadTag.tag, sorted(given)))))
