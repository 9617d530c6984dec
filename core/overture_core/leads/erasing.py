"""Erasing a person: nothing about them is left but a keyed hash of each address, which keeps them from being written
to should a file bring them back, and what happened to rows that name nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Text, cast, delete, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from overture_core.audit import service as audit
from overture_core.campaigns.states import PlanState
from overture_core.errors import ConfigurationError, Conflict
from overture_core.leads.finding import lead_of
from overture_core.messages.states import State
from overture_core.messages.stopping import stop_lead
from overture_core.storage.schema import (
    Consent,
    ErasedAddress,
    ImportReject,
    Lead,
    LeadIdentity,
    LeadImport,
    LeadTag,
    Message,
    MessageEvent,
    Plan,
    Reply,
    Suppression,
    Task,
    WebhookEvent,
)
from overture_core.storage.store import Work
from overture_core.suppressions.service import erased_digest

_IN_HAND = (State.CLAIMED, State.SENDING)
_EMPTIED = (
    *("first_name", "last_name", "email", "phone", "company", "title", "country", "time_zone", "language"),
    *("linkedin_url", "external_id", "notes", "last_contact_at", "import_id"),
)


class Erased(BaseModel):
    """What was erased, in rows. `addresses` are kept as keyed hashes alone."""

    lead_id: str
    addresses: int
    messages: int
    replies: int


def erase(work: Work, lead_id: str) -> Erased:
    """Erase a lead from every table. Apply stored webhook events before.

    Raises:
        NotFound: there is no such lead.
        Conflict: a worker has a message of theirs in hand, or a campaign with them is being launched.
        ConfigurationError: several machines may share this database, and no secret key is set for all of them.
    """
    if work.settings.database_url is not None and work.settings.secret_key is None:
        msg = "Set OVERTURE_SECRET_KEY first, the same on every machine: an erased address is known by it alone."
        raise ConfigurationError(msg)
    lead = lead_of(work, lead_id, lock=True)
    messages = _messages(work, lead)
    stop_lead(work, lead.id, cause="erased")
    addresses = _addresses(work, lead)
    _keep_hashes(work, addresses)
    words = _words(work, lead)
    replies = _remove(work, lead, addresses)
    _empty_messages(work, messages)
    _empty_traces(work, lead, messages, words)
    for name in _EMPTIED:
        setattr(lead, name, None)
    lead.custom, lead.erased_at, lead.updated_at = {}, work.now(), work.now()
    audit.record(work, "lead.erased", lead.id, addresses=len(addresses), messages=len(messages))
    work.session.flush()
    return Erased(lead_id=lead.id, addresses=len(addresses), messages=len(messages), replies=replies)


def _messages(work: Work, lead: Lead) -> list[str]:
    rows = select(Message.id, Message.state, Plan.state).outerjoin(Plan, Plan.id == Message.plan_id)
    rows = rows.where(Message.workspace_id == work.workspace, Message.lead_id == lead.id).with_for_update(of=Message)
    found = work.session.execute(rows).all()
    if any(state in _IN_HAND for _, state, _ in found):
        msg = "A worker has a message to this lead in hand; wait some seconds, then erase again."
        raise Conflict(msg)
    if any(plan in (PlanState.LAUNCHING, PlanState.PREPARING) for _, _, plan in found):
        msg = "A campaign with this lead is being planned or launched; wait until that is done, then erase again."
        raise Conflict(msg)
    return [id_ for id_, _, _ in found]


def _addresses(work: Work, lead: Lead) -> set[tuple[str, str]]:
    known = select(LeadIdentity.kind, LeadIdentity.value).where(
        LeadIdentity.lead_id == lead.id, LeadIdentity.kind.in_(("email", "phone"))
    )
    return {(kind, value) for kind, value in work.session.execute(known)}


def _keep_hashes(work: Work, addresses: set[tuple[str, str]]) -> None:
    digests = {(kind, erased_digest(work, kind, value)) for kind, value in addresses}
    there = select(ErasedAddress.kind, ErasedAddress.digest).where(ErasedAddress.workspace_id == work.workspace)
    fresh = digests - {(kind, digest) for kind, digest in work.session.execute(there)}
    rows = [
        {"workspace_id": work.workspace, "kind": kind, "digest": digest, "created_at": work.now()}
        for kind, digest in sorted(fresh)
    ]
    if rows:
        work.session.execute(insert(ErasedAddress), rows)


def _words(work: Work, lead: Lead) -> list[str]:
    """By which a stored text is known to be about them: their addresses, as they were written and as they compare."""
    known = work.session.scalars(select(LeadIdentity.value).where(LeadIdentity.lead_id == lead.id))
    written = {*known, *(each for each in (lead.email, lead.phone, lead.linkedin_url) if each)}
    return sorted({*written, *(json.dumps(each)[1:-1] for each in written)})  # as JSON has them, too


def _remove(work: Work, lead: Lead, addresses: set[tuple[str, str]]) -> int:
    replies = len(work.session.scalars(select(Reply.id).where(Reply.lead_id == lead.id)).all())
    for table in (Task, Reply, Consent, LeadTag, LeadIdentity):
        work.session.execute(delete(table).where(table.lead_id == lead.id))
    for kind, value in sorted(addresses):
        of_address = (Suppression.workspace_id == work.workspace, Suppression.kind == kind, Suppression.value == value)
        work.session.execute(delete(Suppression).where(*of_address))
    return replies


def _empty_messages(work: Work, ids: Sequence[str]) -> None:
    emptied: dict[str, Any] = {"address": "", "merge": {}, "idempotency_key": None, "next_step": None}
    work.session.execute(update(Message).where(Message.id.in_(ids)).values(**emptied))
    work.session.execute(update(MessageEvent).where(MessageEvent.message_id.in_(ids)).values(detail=None))


def _empty_traces(work: Work, lead: Lead, messages: Sequence[str], words: Sequence[str]) -> None:
    """Empty what tells of them elsewhere: providers' events, rejected rows, samples in plans and reports."""
    named = [*words, *messages]
    for event in work.session.scalars(select(WebhookEvent).where(_mentions(WebhookEvent.event, named))):
        event.event = {}
    ours = ImportReject.workspace_id == work.workspace
    work.session.execute(delete(ImportReject).where(ours, _mentions(ImportReject.original, words)))
    reports = select(LeadImport).where(LeadImport.workspace_id == work.workspace, _mentions(LeadImport.report, words))
    for imported in work.session.scalars(reports):
        imported.report = {**imported.report, "reject_samples": []}
    plans = select(Plan).where(Plan.workspace_id == work.workspace, _mentions(Plan.summary, [*words, lead.id]))
    for plan in work.session.scalars(plans):
        samples = [each for each in plan.summary.get("samples", []) if each.get("lead_id") != lead.id]
        plan.summary = {**plan.summary, "samples": samples}


def _mentions(column: Any, words: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(cast(column, Text).icontains(word, autoescape=True) for word in words))
