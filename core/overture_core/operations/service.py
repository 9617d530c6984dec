"""Operations: calls that change something at a provider, other than messages. Proposed, approved, run once.

An operation is a row before anything leaves. `running` is committed with a lease before the call, so a crash
leaves a row that says so. Where the provider keeps idempotency keys, the key comes from the row, and a call that
broke off is made again under it; where it keeps none, the row becomes `unknown` and is settled by the provider's
evidence or by a person (docs/operations.md).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState
from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.leads.finding import lead_of
from overture_core.operations.models import OperationView, Proposal
from overture_core.operations.states import ALLOWED, OPEN, OperationState
from overture_core.storage.schema import Approval, Operation
from overture_core.storage.store import Work
from overture_core.text import clean, quoted
from overture_core.workspaces import emergency

APPROVAL_KIND = "operation"
# How long the same operation asked for again is taken for the same one: a model or a crew that repeats itself.
SAME_FOR = timedelta(hours=24)
# Stripe keeps an idempotency key for at least a day (docs.stripe.com/api/idempotent_requests).
KEY_HOLDS = timedelta(hours=23)
APPROVAL_HOLDS = timedelta(days=7)
LEASE = timedelta(minutes=2)
GRACE = timedelta(seconds=30)
FURTHEST = timedelta(days=366)
_COUNTS = (OperationState.RUNNING, OperationState.DONE, OperationState.UNKNOWN)


class Claim(NamedTuple):
    """A hold on an operation that is about to be called. `key` is the idempotency key for the provider."""

    workspace: str
    id: str
    kind: str
    params: dict[str, Any]
    lead_id: str | None
    sandbox: bool
    token: str
    key: str


class Swept(NamedTuple):
    """How many broken-off operations may be run again, and of how many nobody knows what became."""

    ready: int
    unknown: int


def propose(work: Work, proposal: Proposal) -> OperationView:
    """Store an operation, and ask for its approval if it needs one.

    The same kind, parameters and reference within 24 hours is the same operation, whatever became of it, unless it
    failed or was cancelled: who repeats a call gets the first one's result.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: its time is over, or more than a year away.
    """
    if proposal.lead_id is not None:
        lead_of(work, proposal.lead_id)
    _check_time(work, proposal.run_at)
    key = _digest(proposal.kind, proposal.params, proposal.lead_id, proposal.reference, proposal.sandbox)
    known = _known(work, key)
    if known is not None:
        return _view(work, known)
    row = Operation(
        id=new_id("opr"),
        workspace_id=work.workspace,
        kind=proposal.kind,
        key=key,
        params=proposal.params,
        told=proposal.told,
        why=proposal.why,
        lead_id=proposal.lead_id,
        amount=proposal.money.amount if proposal.money else None,
        currency=proposal.money.currency if proposal.money else None,
        run_at=proposal.run_at,
        repeatable=proposal.repeatable,
        sandbox=proposal.sandbox,
        state=OperationState.WAITING if proposal.why else OperationState.READY,
        created_by=clean(work.actor, limit=200),
        created_at=work.now(),
        updated_at=work.now(),
    )
    work.session.add(row)
    work.session.flush()
    if proposal.why:
        holds_until = max(work.now(), proposal.run_at or work.now()) + APPROVAL_HOLDS
        approvals.request(work, APPROVAL_KIND, row.id, content_hash(row), expires_at=holds_until)
    audit.record(work, "operation.proposed", row.id, kind=row.kind, lead=row.lead_id)
    return _view(work, row)


def content_hash(row: Operation) -> str:
    """Return the SHA-256 of all that an operation would do, and of what a person reads of it."""
    at = row.run_at.isoformat() if row.run_at else None
    return _digest(row.kind, row.params, row.lead_id, row.told, row.amount, row.currency, at, row.sandbox)


def get(work: Work, operation_id: str) -> OperationView:
    """Return an operation.

    Raises:
        NotFound: there is none by that id.
    """
    return _view(work, _get(work, operation_id))


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
    return [_view(work, row) for row in found]


def begin(work: Work, operation_id: str, *, sandbox: bool) -> Claim | None:
    """Take an operation in hand: from here on it is `running`; None if it is done already.

    Commit before the call. `sandbox` says where the call would go now.

    Raises:
        NotFound: there is none by that id.
        ApprovalRequired: a person has to approve it first, or said no.
        Conflict: somebody runs it, it ended otherwise, its time has not come, it was approved for the other world,
            or all sending is stopped.
    """
    row = _get(work, operation_id)
    if row.state == OperationState.DONE:
        return None
    if row.state not in (OperationState.WAITING, OperationState.READY):
        raise Conflict(_STANDS[row.state].format(id=row.id))
    if row.run_at is not None and row.run_at > work.now():
        msg = f"The operation {row.id} is for {row.run_at:%Y-%m-%d %H:%M} UTC; a worker runs it then."
        raise Conflict(msg)
    if row.sandbox != sandbox:
        msg = "The provider changed between the sandbox and the real one since this was asked for; ask for it again."
        raise Conflict(msg)
    if emergency.is_stopped(work):
        msg = "All sending is stopped; a person lifts that with `overture stop --lift`, then run this again."
        raise Conflict(msg)
    if row.why and row.state == OperationState.WAITING:
        approvals.use(work, row.id, content_hash(row))
    claim = Claim(
        work.workspace,
        row.id,
        row.kind,
        row.params,
        row.lead_id,
        row.sandbox,
        new_id("lse"),
        f"overture-{work.workspace}-{row.id}",
    )
    values = {"lease_token": claim.token, "lease_until": work.now() + LEASE, "attempts": Operation.attempts + 1}
    first = {} if row.begun_at else {"begun_at": work.now()}
    if not _change(work, row, OperationState.RUNNING, **values, **first):
        msg = f"Somebody else runs the operation {row.id} just now; look at it again in a minute."
        raise Conflict(msg)
    audit.record(work, "operation.begun", row.id, kind=row.kind)
    return claim


def finish(work: Work, claim: Claim, result: dict[str, Any]) -> OperationView:
    """Write down what the provider made."""
    return _end(work, claim, OperationState.DONE, result=result, error=None)


def fail(work: Work, claim: Claim, error: str) -> OperationView:
    """Write down that the provider refused for good."""
    return _end(work, claim, OperationState.FAILED, error=clean(error, limit=1_000))


def give_back(work: Work, claim: Claim, error: str, *, not_before: datetime | None = None) -> OperationView:
    """Write down that nothing was done this time, and that it may be tried again."""
    later = {} if not_before is None else {"run_at": not_before}
    return _end(work, claim, OperationState.READY, error=clean(error, limit=1_000), **later)


def lose(work: Work, claim: Claim, detail: str) -> OperationView:
    """Write down that nobody can say what became of the call.

    A provider that keeps idempotency keys is simply asked again.
    """
    row = _get(work, claim.id)
    if row.repeatable and _key_holds(work, row):
        return give_back(work, claim, detail)
    return _end(work, claim, OperationState.UNKNOWN, error=clean(detail, limit=1_000))


def cancel(work: Work, operation_id: str) -> OperationView:
    """Take an operation back that has not begun.

    Raises:
        NotFound: there is none by that id.
        Conflict: it has begun, or ended.
    """
    row = _get(work, operation_id)
    if row.state == OperationState.CANCELLED:
        return _view(work, row)
    if OperationState.CANCELLED not in ALLOWED[OperationState(row.state)] or not _change(
        work, row, OperationState.CANCELLED
    ):
        msg = f"The operation {row.id} is {row.state}, which cannot be taken back."
        raise Conflict(msg)
    approvals.void(work, row.id, reason="the operation was cancelled")
    audit.record(work, "operation.cancelled", row.id, kind=row.kind)
    return _view(work, row)


def settle(work: Work, operation_id: str, *, result: dict[str, Any] | None, note: str) -> OperationView:
    """Say what became of an operation whose outcome is unknown: what it made, or with None that nothing was done.

    Raises:
        NotFound: there is none by that id.
        Conflict: its outcome is known.
    """
    row = _get(work, operation_id)
    if row.state != OperationState.UNKNOWN:
        msg = f"The operation {row.id} is {row.state}; only one that is unknown has to be settled."
        raise Conflict(msg)
    target = OperationState.FAILED if result is None else OperationState.DONE
    _change(work, row, target, result=result, error=clean(note, limit=1_000))
    audit.record(work, "operation.settled", row.id, kind=row.kind, done=result is not None, note=note)
    return _view(work, row)


def begun(work: Work, operation_id: str) -> tuple[dict[str, Any], datetime]:
    """Return an operation's parameters and when it was first called, for whoever looks for its traces.

    Raises:
        NotFound: there is none by that id.
        Conflict: it was never called.
    """
    row = _get(work, operation_id)
    if row.begun_at is None:
        msg = f"The operation {row.id} was never called."
        raise Conflict(msg)
    return row.params, row.begun_at


def sweep(work: Work) -> Swept:
    """Take up operations whose lease ran out: whoever ran them is gone."""
    mine = and_(
        Operation.workspace_id == work.workspace,
        Operation.state == OperationState.RUNNING,
        Operation.lease_until <= work.now(),
    )
    again = and_(Operation.repeatable, Operation.begun_at > work.now() - KEY_HOLDS)
    ready = _swept(work, and_(mine, again), OperationState.READY)
    return Swept(ready, _swept(work, mine, OperationState.UNKNOWN))


def due(work: Work, *, limit: int = 20) -> list[str]:
    """Return the ids of operations that a worker may run now: their time has come, and who has to approve did.

    Who asked for one, or approved it, mostly runs it at once; a worker leaves them `GRACE` for that.
    """
    if emergency.standing(work).stopped:
        return []
    settled = work.now() - GRACE
    approved = exists().where(
        Approval.subject_id == Operation.id,
        Approval.state == ApprovalState.APPROVED,
        Approval.decided_at <= settled,
    )
    rows = (
        select(Operation.id)
        .where(
            Operation.workspace_id == work.workspace,
            or_(
                and_(Operation.state == OperationState.READY, Operation.updated_at <= settled),
                and_(Operation.state == OperationState.WAITING, approved),
            ),
            or_(Operation.run_at <= work.now(), Operation.run_at.is_(None)),
        )
        .order_by(Operation.created_at, Operation.id)
        .limit(limit)
    )
    return list(work.session.scalars(rows))


def spent(work: Work, kinds: list[str], currency: str, *, lead_id: str | None = None) -> int:
    """Return what operations of these kinds came to in the last 24 hours, in minor units of one currency."""
    total = select(func.coalesce(func.sum(Operation.amount), 0)).where(
        Operation.workspace_id == work.workspace,
        Operation.kind.in_(kinds),
        Operation.currency == currency,
        Operation.state.in_(_COUNTS),
        Operation.begun_at > work.now() - timedelta(hours=24),
    )
    if lead_id is not None:
        total = total.where(Operation.lead_id == lead_id)
    return int(work.session.scalar(total) or 0)


def _end(work: Work, claim: Claim, target: OperationState, **values: Any) -> OperationView:
    row = _get(work, claim.id)
    if row.lease_token != claim.token or not _change(work, row, target, lease_token=None, lease_until=None, **values):
        msg = f"The operation {row.id} was taken over meanwhile; look at what became of it."
        raise Conflict(msg)
    if target is not OperationState.READY:
        audit.record(work, f"operation.{target.value}", row.id, kind=row.kind)
    return _view(work, row)


def _change(work: Work, row: Operation, target: OperationState, **values: Any) -> bool:
    """Change a state, if it is still what was read and the table allows it."""
    if target not in ALLOWED[OperationState(row.state)]:
        return False
    changed = (
        update(Operation)
        .where(
            Operation.id == row.id,
            Operation.workspace_id == work.workspace,
            Operation.state == row.state,
            Operation.lease_token.is_(None) if row.lease_token is None else Operation.lease_token == row.lease_token,
        )
        .values(state=target, updated_at=work.now(), **values)
    )
    work.session.flush()
    done = work.session.connection().execute(changed.returning(Operation.id)).first() is not None
    work.session.refresh(row)
    return done


def _swept(work: Work, condition: ColumnElement[bool], target: OperationState) -> int:
    gone = (
        update(Operation)
        .where(condition)
        .values(
            state=target, lease_token=None, lease_until=None, updated_at=work.now(), error="whoever ran it went away"
        )
    )
    return len(work.session.connection().execute(gone.returning(Operation.id)).all())


def _key_holds(work: Work, row: Operation) -> bool:
    return row.begun_at is not None and row.begun_at > work.now() - KEY_HOLDS


def _check_time(work: Work, run_at: datetime | None) -> None:
    if run_at is not None and not work.now() < run_at <= work.now() + FURTHEST:
        msg = f"{run_at:%Y-%m-%d %H:%M %Z} is over, or more than a year away; give another time, or none for now."
        raise InvalidInput(msg)


def _known(work: Work, key: str) -> Operation | None:
    rows = select(Operation).where(
        Operation.workspace_id == work.workspace,
        Operation.key == key,
        or_(
            Operation.state.in_(OPEN),
            and_(Operation.state == OperationState.DONE, Operation.created_at > work.now() - SAME_FOR),
        ),
    )
    for row in work.session.scalars(rows.order_by(Operation.created_at.desc(), Operation.id.desc())):
        if row.state != OperationState.WAITING or _may_still_run(work, row):
            return row
    return None


def _may_still_run(work: Work, row: Operation) -> bool:
    """Whether its approval can still come; who asks again after a no, or too late, asks anew."""
    asked = approvals.for_subject(work, row.id)
    undecided = asked.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    return undecided and asked.expires_at > work.now()


def _get(work: Work, operation_id: str) -> Operation:
    row = work.session.scalar(
        select(Operation).where(Operation.workspace_id == work.workspace, Operation.id == operation_id)
    )
    if row is None:
        msg = f"There is no operation {quoted(operation_id)}; `overture operations list` shows them."
        raise NotFound(msg)
    return row


def _view(work: Work, row: Operation) -> OperationView:
    shown = OperationView.model_validate(row)
    if not row.why:
        return shown
    return shown.model_copy(update={"approval_id": approvals.for_subject(work, row.id).id})


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


_STANDS: dict[str, str] = {
    OperationState.RUNNING: "Somebody runs the operation {id} just now; look at it again in a minute.",
    OperationState.FAILED: "The operation {id} failed; ask for it again once the cause is mended.",
    OperationState.CANCELLED: "The operation {id} was cancelled; ask for it again.",
    OperationState.UNKNOWN: (
        "Nobody knows what became of the operation {id}, so it is not run again: look at the provider, then say so "
        "with `overture operations settle {id}`."
    ),
}
