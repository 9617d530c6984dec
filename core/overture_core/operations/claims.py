"""Operations in hand: claimed under a lease, called, and written down, so that a crash leaves a row that says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, or_, select, update

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState
from overture_core.audit import service as audit
from overture_core.errors import Conflict
from overture_core.ids import new_id
from overture_core.operations.models import OperationView
from overture_core.operations.rows import change, content_hash, row_of, view
from overture_core.operations.states import OperationState, what_then
from overture_core.storage.schema import Approval, Operation
from overture_core.storage.store import Work
from overture_core.text import clean
from overture_core.workspaces import emergency

# Stripe keeps an idempotency key for at least a day (docs.stripe.com/api/idempotent_requests).
KEY_HOLDS = timedelta(hours=23)
LEASE = timedelta(minutes=2)
GRACE = timedelta(seconds=30)


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


def begin(work: Work, operation_id: str, *, sandbox: bool) -> Claim | None:
    """Take an operation in hand: from here on it is `running`; None if it is done already.

    Commit before the call. `sandbox` says where the call would go now.

    Raises:
        NotFound: there is none by that id.
        ApprovalRequired: a person has to approve it first, or said no.
        Conflict: somebody runs it, it ended otherwise, its time has not come, it was approved for the other world,
            or all sending is stopped.
    """
    row = row_of(work, operation_id)
    if row.state == OperationState.DONE:
        return None
    if row.state not in (OperationState.WAITING, OperationState.READY):
        why = f" ({row.error})" if row.error else ""
        raise Conflict(_STANDS[row.state].format(id=row.id, why=why, then=what_then(row.error)))
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
    if not change(work, row, OperationState.RUNNING, **values, **first):
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
    row = row_of(work, claim.id)
    if row.repeatable and _key_holds(work, row):
        return give_back(work, claim, detail)
    return _end(work, claim, OperationState.UNKNOWN, error=clean(detail, limit=1_000))


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
        Approval.expires_at > work.now(),
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


def _end(work: Work, claim: Claim, target: OperationState, **values: Any) -> OperationView:
    row = row_of(work, claim.id)
    if row.lease_token != claim.token or not change(work, row, target, lease_token=None, lease_until=None, **values):
        msg = f"The operation {row.id} was taken over meanwhile; look at what became of it."
        raise Conflict(msg)
    if target is not OperationState.READY:
        audit.record(work, f"operation.{target.value}", row.id, kind=row.kind)
    return view(work, row)


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


_STANDS: dict[str, str] = {
    OperationState.RUNNING: "Somebody runs the operation {id} just now; look at it again in a minute.",
    OperationState.FAILED: "The operation {id} failed; ask for it again once the cause is mended.",
    OperationState.CANCELLED: "The operation {id} was cancelled{why}; {then}.",
    OperationState.UNKNOWN: (
        "Nobody knows what became of the operation {id}, so it is not run again: look at the provider, then say so "
        "with `overture operations settle {id}`."
    ),
}
