"""Operations: calls that change something at a provider, other than messages. Proposed, approved, run once.

An operation is a row before anything leaves. `running` is committed with a lease before the call, so a crash
leaves a row that says so. Where the provider keeps idempotency keys, the key comes from the row, and a call that
broke off is made again under it; where it keeps none, the row becomes `unknown` and is settled by the provider's
evidence or by a person (docs/operations.md).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState
from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput
from overture_core.ids import new_id
from overture_core.leads.finding import lead_of
from overture_core.operations.models import OperationView, Proposal
from overture_core.operations.rows import change, content_hash, digest, row_of, view
from overture_core.operations.states import OPEN, OperationState
from overture_core.storage.schema import Operation, Workspace
from overture_core.storage.store import Work
from overture_core.text import clean

APPROVAL_KIND = "operation"
# How long the same operation asked for again is taken for the same one: a model or a crew that repeats itself.
SAME_FOR = timedelta(hours=24)
APPROVAL_HOLDS = timedelta(days=7)
FURTHEST = timedelta(days=366)
# What is ready counts before it runs: two that were asked for at once may not pass a cap together.
_COUNTS = (OperationState.READY, OperationState.RUNNING, OperationState.DONE, OperationState.UNKNOWN)


def as_done(work: Work, proposal: Proposal, *, apart_from: str) -> Proposal:
    """Return the proposal as it was carried out before, if it differs from that in one parameter alone: what moved on
    since, such as the last thing that a lead wrote, does not make of a repeated call a second deed."""
    rows = select(Operation).where(
        Operation.workspace_id == work.workspace,
        Operation.lead_id == proposal.lead_id,
        Operation.kind == proposal.kind,
        or_(
            Operation.state.in_((OperationState.RUNNING, OperationState.UNKNOWN)),
            and_(Operation.state == OperationState.DONE, Operation.created_at > work.now() - SAME_FOR),
        ),
    )
    for row in work.session.scalars(rows.order_by(Operation.created_at.desc())):
        params = {**proposal.params, apart_from: row.params.get(apart_from)}
        if row.key == digest(proposal.kind, params, proposal.lead_id, proposal.reference, proposal.sandbox):
            return replace(proposal, params=params)
    return proposal


def propose(work: Work, proposal: Proposal) -> OperationView:
    """Store an operation, and ask for its approval if it needs one.

    The same kind, parameters and reference within 24 hours is the same operation, whatever became of it, unless it
    failed or was cancelled, or what it made is over: who repeats a call gets the first one's result.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: its time is over, or more than a year away.
    """
    if proposal.lead_id is not None:
        lead_of(work, proposal.lead_id)
    _check_time(work, proposal.run_at)
    key = digest(proposal.kind, proposal.params, proposal.lead_id, proposal.reference, proposal.sandbox)
    _one_at_a_time(work)
    known = _known(work, key, proposal)
    if known is not None:
        return view(work, known)
    why = [*proposal.why, *(proposal.guard(work) if proposal.guard else [])]
    row = Operation(
        id=new_id("opr"),
        workspace_id=work.workspace,
        kind=proposal.kind,
        key=key,
        params=proposal.params,
        told=proposal.told,
        why=why,
        lead_id=proposal.lead_id,
        amount=proposal.money.amount if proposal.money else None,
        currency=proposal.money.currency if proposal.money else None,
        run_at=proposal.run_at,
        repeatable=proposal.repeatable,
        sandbox=proposal.sandbox,
        state=OperationState.WAITING if why else OperationState.READY,
        created_by=clean(work.actor, limit=200),
        created_at=work.now(),
        updated_at=work.now(),
    )
    work.session.add(row)
    work.session.flush()
    if why:
        holds_until = max(work.now(), proposal.run_at or work.now()) + APPROVAL_HOLDS
        approvals.request(work, APPROVAL_KIND, row.id, content_hash(row), expires_at=holds_until)
    audit.record(work, "operation.proposed", row.id, kind=row.kind, lead=row.lead_id)
    _cancel_replaced(work, proposal, row.id)
    return view(work, row)


def get(work: Work, operation_id: str) -> OperationView:
    """Return an operation.

    Raises:
        NotFound: there is none by that id.
    """
    return view(work, row_of(work, operation_id))


def list_(
    work: Work, *, state: OperationState | None = None, kind: str | None = None, limit: int = 50
) -> list[OperationView]:
    """Return operations, newest first; `kind` is the beginning of their kind, such as `stripe.`."""
    rows = select(Operation).where(Operation.workspace_id == work.workspace)
    if state is not None:
        rows = rows.where(Operation.state == state)
    if kind is not None:
        rows = rows.where(Operation.kind.startswith(kind, autoescape=True))
    found = work.session.scalars(rows.order_by(Operation.created_at.desc(), Operation.id.desc()).limit(limit))
    return [view(work, row) for row in found]


def cancel(work: Work, operation_id: str, *, reason: str | None = None) -> OperationView:
    """Take an operation back that has not begun; a `reason` stands with it and with its approval.

    Raises:
        NotFound: there is none by that id.
        Conflict: it has begun, or ended.
    """
    row = row_of(work, operation_id)
    if row.state != OperationState.CANCELLED and not _cancelled(work, row, reason):
        msg = f"The operation {row.id} is {row.state}, which cannot be taken back."
        raise Conflict(msg)
    return view(work, row)


def settle(work: Work, operation_id: str, *, result: dict[str, Any] | None, note: str) -> OperationView:
    """Say what became of an operation whose outcome is unknown: what it made, or with None that nothing was done.

    Raises:
        NotFound: there is none by that id.
        Conflict: its outcome is known.
    """
    row = row_of(work, operation_id)
    if row.state != OperationState.UNKNOWN:
        msg = f"The operation {row.id} is {row.state}; only one that is unknown has to be settled."
        raise Conflict(msg)
    target = OperationState.FAILED if result is None else OperationState.DONE
    change(work, row, target, result=result, error=clean(note, limit=1_000))
    audit.record(work, "operation.settled", row.id, kind=row.kind, done=result is not None, note=note)
    return view(work, row)


def begun(work: Work, operation_id: str) -> tuple[dict[str, Any], datetime]:
    """Return an operation's parameters and when it was first called, for whoever looks for its traces.

    Raises:
        NotFound: there is none by that id.
        Conflict: it was never called.
    """
    row = row_of(work, operation_id)
    if row.begun_at is None:
        msg = f"The operation {row.id} was never called."
        raise Conflict(msg)
    return row.params, row.begun_at


def latest(work: Work, *kinds: str, sandbox: bool, **params: str) -> tuple[str, dict[str, Any]] | None:
    """Return kind and parameters of the operation of these kinds, and with these parameters, that was called last.

    One that was refused does not count; one of which nobody knows whether it was done does.
    """
    rows = select(Operation.kind, Operation.params).where(
        Operation.workspace_id == work.workspace,
        Operation.kind.in_(kinds),
        Operation.sandbox == sandbox,
        Operation.begun_at.is_not(None),
        Operation.state != OperationState.FAILED,
        *(Operation.params[name].as_string() == value for name, value in params.items()),
    )
    found = work.session.execute(rows.order_by(Operation.begun_at.desc(), Operation.id.desc()).limit(1)).first()
    return None if found is None else (found.kind, found.params)


def spent(work: Work, kinds: list[str], currency: str, *, lead_id: str | None = None) -> int:
    """Return what operations of these kinds come to that ran in the last 24 hours, or will run without a person.

    In minor units of one currency.
    """
    total = select(func.coalesce(func.sum(Operation.amount), 0)).where(
        Operation.workspace_id == work.workspace,
        Operation.kind.in_(kinds),
        Operation.currency == currency,
        Operation.state.in_(_COUNTS),
        func.coalesce(Operation.begun_at, Operation.created_at) > work.now() - timedelta(hours=24),
    )
    if lead_id is not None:
        total = total.where(Operation.lead_id == lead_id)
    return int(work.session.scalar(total) or 0)


def _one_at_a_time(work: Work) -> None:
    """Hold back other proposals of the workspace until the end of the transaction: each sees the one before it.

    Whoever only refers to the workspace, as every new row does, is not held back. SQLite has one writer anyway.
    """
    work.session.execute(select(Workspace.id).where(Workspace.id == work.workspace).with_for_update(key_share=True))


def _check_time(work: Work, run_at: datetime | None) -> None:
    if run_at is not None and not work.now() < run_at <= work.now() + FURTHEST:
        msg = f"{run_at:%Y-%m-%d %H:%M %Z} is over, or more than a year away; give another time, or none for now."
        raise InvalidInput(msg)


def _cancelled(work: Work, row: Operation, reason: str | None) -> bool:
    """Cancel an operation that has not begun, and make its approval worthless for this reason; false if it has."""
    if not change(work, row, OperationState.CANCELLED, error=reason):
        return False
    told = reason or "the operation was cancelled"
    approvals.void(work, row.id, reason=told)
    audit.record(work, "operation.cancelled", row.id, kind=row.kind, reason=told)
    return True


def _cancel_replaced(work: Work, proposal: Proposal, by: str) -> None:
    if not proposal.replaces:
        return
    rows = select(Operation).where(
        Operation.workspace_id == work.workspace,
        Operation.kind == proposal.kind,
        Operation.lead_id == proposal.lead_id,
        Operation.state.in_((OperationState.WAITING, OperationState.READY)),
        Operation.id != by,
    )
    for row in work.session.scalars(rows).all():
        alike = all(row.params.get(name) == proposal.params[name] for name in proposal.replaces)
        # The reference is kept in the key alone.
        if alike and row.key == digest(row.kind, row.params, row.lead_id, proposal.reference, row.sandbox):
            _cancelled(work, row, f"replaced by {by}, which has another text")


def _known(work: Work, key: str, proposal: Proposal) -> Operation | None:
    rows = select(Operation).where(
        Operation.workspace_id == work.workspace,
        Operation.key == key,
        or_(
            Operation.state.in_(OPEN),
            and_(Operation.state == OperationState.DONE, Operation.created_at > work.now() - SAME_FOR),
        ),
    )
    for row in work.session.scalars(rows.order_by(Operation.created_at.desc(), Operation.id.desc())):
        if row.state == OperationState.WAITING and not _may_still_run(work, row):
            continue
        if row.result is not None and proposal.over is not None and proposal.over(work, row.result):
            continue
        return row
    return None


def _may_still_run(work: Work, row: Operation) -> bool:
    """Whether its approval can still come; who asks again after a no, or too late, asks anew."""
    asked = approvals.for_subject(work, row.id)
    undecided = asked.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    return undecided and asked.expires_at > work.now()
