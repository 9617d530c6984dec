"""Erasing a person: nothing about them is left but a keyed hash of each address and external id, which keeps them from
being written to should a file bring them back, and what happened to rows that name nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select, Text, cast, delete, insert, or_, select, update

from overture_core.audit import service as audit
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.errors import ConfigurationError, Conflict
from overture_core.leads import requests
from overture_core.leads.finding import lead_of
from overture_core.leads.normalise import mailbox
from overture_core.leads.requests import RequestState
from overture_core.leads.traces import Traces
from overture_core.messages.states import State
from overture_core.messages.stopping import stop_lead
from overture_core.operations.ending import forget
from overture_core.operations.states import ERASED, OperationState
from overture_core.storage.schema import (
    BillingObject,
    Campaign,
    Consent,
    ErasedAddress,
    ErasureRequest,
    ExportRequest,
    ImportReject,
    Lead,
    LeadChange,
    LeadIdentity,
    LeadImport,
    LeadScore,
    LeadSignal,
    LeadTag,
    Message,
    MessageEvent,
    Operation,
    Plan,
    Reply,
    Segment,
    Suppression,
    Task,
    WebhookEvent,
)
from overture_core.storage.store import Work
from overture_core.suppressions.service import erased_digest
from overture_core.text import quoted

_Row = TypeVar("_Row")
_Owned = TypeVar("_Owned", ExportRequest, ImportReject, LeadImport, Plan, Segment)
_SENDING = (PlanState.LAUNCHING, PlanState.LAUNCHED)
_IN_HAND = (State.CLAIMED, State.SENDING)
_EMPTIED = (
    *("first_name", "last_name", "email", "phone", "company", "title", "country", "time_zone", "language"),
    *("linkedin_url", "external_id", "notes", "last_contact_at", "import_id"),
)


class Erased(BaseModel):
    """What was erased, in rows. `addresses`, external ids with them, are kept as keyed hashes alone."""

    lead_id: str
    addresses: int
    messages: int
    replies: int


def erase(work: Work, lead_id: str) -> Erased:
    """Erase a lead from every table. Apply stored webhook events before.

    Raises:
        NotFound: there is no such lead.
        Conflict: a worker has a message of theirs in hand, a campaign with them is being launched, or one that has not
            ended names them in its filter.
        ConfigurationError: several machines may share this database, and no secret key is set for all of them.
    """
    if work.settings.database_url is not None and work.settings.secret_key is None:
        msg = "Set OVERTURE_SECRET_KEY first, the same on every machine: an erased address is known by it alone."
        raise ConfigurationError(msg)
    lead = lead_of(work, lead_id, lock=True)
    messages = _messages(work, lead)
    _require_no_operation_in_hand(work, lead)
    stop_lead(work, lead.id, cause="erased")
    addresses = _addresses(work, lead, ("email", "phone"))
    kept = addresses | _addresses(work, lead, ("linkedin", "external"))
    _keep_hashes(work, kept)
    words = _words(lead, addresses)
    traces = Traces(words, lead.first_name, lead.last_name)
    _require_no_filter_in_use(work, traces, words)
    _shred(work)
    replies = _remove(work, lead, addresses)
    _empty_messages(work, messages)
    forget(
        work,
        [lead.id],
        about="something about a person who was erased",
        reason=ERASED,
    )
    _empty_traces(work, lead, messages, traces, words)
    for name in _EMPTIED:
        setattr(lead, name, None)
    lead.custom, lead.erased_at, lead.updated_at = {}, work.now(), work.now()
    audit.record(work, "lead.erased", lead.id, addresses=len(kept), messages=len(messages))
    _settle_requests(work, lead)
    work.session.flush()
    return Erased(lead_id=lead.id, addresses=len(kept), messages=len(messages), replies=replies)


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


def _require_no_operation_in_hand(work: Work, lead: Lead) -> None:
    in_hand = select(Operation.id).where(
        Operation.workspace_id == work.workspace,
        Operation.lead_id == lead.id,
        Operation.state == OperationState.RUNNING,
    )
    if work.session.scalar(in_hand.limit(1)) is not None:
        msg = "Something about this lead is being done at a provider just now; wait a minute, then erase again."
        raise Conflict(msg)


def _addresses(work: Work, lead: Lead, kinds: Sequence[str]) -> set[tuple[str, str]]:
    known = select(LeadIdentity.kind, LeadIdentity.value).where(
        LeadIdentity.lead_id == lead.id, LeadIdentity.kind.in_(kinds)
    )
    return {(kind, value) for kind, value in work.session.execute(known)}


def _keep_hashes(work: Work, addresses: set[tuple[str, str]]) -> None:
    digests = {erased_digest(work, kind, value) for kind, value in addresses}
    there = select(ErasedAddress.kind, ErasedAddress.digest).where(ErasedAddress.workspace_id == work.workspace)
    fresh = digests - {(kind, digest) for kind, digest in work.session.execute(there)}
    rows = [
        {"workspace_id": work.workspace, "kind": kind, "digest": digest, "created_at": work.now()}
        for kind, digest in sorted(fresh)
    ]
    if rows:
        work.session.execute(insert(ErasedAddress), rows)


def _shred(work: Work) -> None:
    """Have SQLite write zeros over what is removed from now on, in this connection."""
    connection = work.session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def _words(lead: Lead, addresses: set[tuple[str, str]]) -> list[str]:
    """By which a stored text is known to be about them: their addresses, as they were written and as they compare.
    Nothing shorter, such as an id in somebody's list, which other people's texts may hold too."""
    return sorted({*(value for _, value in addresses), *(each for each in (lead.email, lead.phone) if each)})


def _remove(work: Work, lead: Lead, addresses: set[tuple[str, str]]) -> int:
    replies = len(work.session.scalars(select(Reply.id).where(Reply.lead_id == lead.id)).all())
    for table in (Task, Reply, Consent, LeadTag, LeadIdentity, LeadChange, LeadSignal, LeadScore, BillingObject):
        work.session.execute(delete(table).where(table.lead_id == lead.id))
    for kind, value in sorted(addresses):
        same = Suppression.mailbox == mailbox(value) if kind == "email" else Suppression.value == value
        of_address = (Suppression.workspace_id == work.workspace, Suppression.kind == kind, same)
        work.session.execute(delete(Suppression).where(*of_address))
    return replies


def _empty_messages(work: Work, ids: Sequence[str]) -> None:
    emptied: dict[str, Any] = {"address": "", "merge": {}, "idempotency_key": None, "next_step": None}
    work.session.execute(update(Message).where(Message.id.in_(ids)).values(**emptied))
    work.session.execute(update(MessageEvent).where(MessageEvent.message_id.in_(ids)).values(detail=None))


def _empty_traces(work: Work, lead: Lead, messages: Sequence[str], traces: Traces, words: Sequence[str]) -> None:
    """Empty what tells of them elsewhere: providers' events, rejected rows, filters, samples in plans and reports."""
    names_message = Traces(messages, None, None)
    for event in _candidates(work, select(WebhookEvent), WebhookEvent.event, [*words, *messages]):
        if traces.has_address(event.event) or names_message.has_address(event.event):
            event.event, event.outcome = {}, event.outcome if event.processed_at else "erased"
            event.processed_at = event.processed_at or work.now()
    _empty_imports(work, traces)
    for segment in work.session.scalars(_of(work, Segment)).all():
        segment.filter = traces.without_addresses(segment.filter)
    for request in _candidates(work, _of(work, ExportRequest), ExportRequest.where, [*words, lead.id]):
        work.session.delete(request)
    for plan in _candidates(work, _of(work, Plan), Plan.spec, words):
        # What was approved no longer stands then: such a plan has to be made again.
        plan.spec = traces.without_addresses(plan.spec)
    for plan in _candidates(work, _of(work, Plan), Plan.summary, [lead.id]):
        samples = [each for each in plan.summary.get("samples", []) if each.get("lead_id") != lead.id]
        plan.summary = {**plan.summary, "samples": samples}


def _empty_imports(work: Work, traces: Traces) -> None:
    # All of them: no database finds a number in every writing.
    rejects = _of(work, ImportReject).execution_options(yield_per=1_000)
    theirs = [row for row in work.session.scalars(rejects) if traces.names([row.original, row.reasons])]
    for row in theirs:
        work.session.delete(row)
    for imported in work.session.scalars(_of(work, LeadImport)).all():
        samples = imported.report.get("reject_samples", [])
        left = [each for each in samples if not traces.names([each["original"], each["reasons"]])]
        warnings = [each for each in imported.report.get("warnings", []) if not traces.names(each)]
        if (left, warnings) != (samples, imported.report.get("warnings", [])):
            imported.report = {**imported.report, "reject_samples": left, "warnings": warnings}


def _require_no_filter_in_use(work: Work, traces: Traces, words: Sequence[str]) -> None:
    """Later steps of a campaign are held against what was approved, its filter with it."""
    in_use = (Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)), Plan.state.in_(_SENDING))
    plans = _of(work, Plan).join(Campaign, Campaign.id == Plan.campaign_id).where(*in_use)
    for plan in _candidates(work, plans, Plan.spec, words):
        if traces.has_address(plan.spec):
            name = work.session.get_one(Campaign, plan.campaign_id).name
            msg = f"The filter of the campaign {quoted(name)} names them; cancel it or await its end, then erase again."
            raise Conflict(msg)


def _settle_requests(work: Work, lead: Lead) -> None:
    asked = select(ErasureRequest).where(
        ErasureRequest.lead_id == lead.id, ErasureRequest.state == RequestState.WAITING
    )
    for row in work.session.scalars(asked).all():
        requests.decide(work, row, RequestState.RELEASED)


def _of(work: Work, table: type[_Owned]) -> Select[_Owned]:
    return select(table).where(table.workspace_id == work.workspace)


def _candidates(work: Work, rows: Select[_Row], column: Any, words: Sequence[str]) -> Sequence[_Row]:
    """Return the rows whose text holds one of the words somewhere; JSON may have them escaped."""
    if not words:
        return []
    spelt = {form for word in words for form in (word, json.dumps(word)[1:-1])}
    held = or_(*(cast(column, Text).icontains(form, autoescape=True) for form in sorted(spelt)))
    return work.session.scalars(rows.where(held)).all()
