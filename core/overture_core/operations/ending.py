"""Operations whose lead goes: they can come to nothing, and end with the reason instead of waiting for ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState
from overture_core.operations import service as operations
from overture_core.operations.rows import content_hash
from overture_core.operations.states import GONE, OperationState
from overture_core.storage.among import among
from overture_core.storage.schema import Approval, Operation
from overture_core.storage.store import Work

_NOT_BEGUN = (OperationState.WAITING, OperationState.READY)


def may_count(work: Work) -> ColumnElement[bool]:
    """Return the condition that an operation was carried out, or still may be: its approval can be given or used."""
    approvable = exists().where(
        Approval.subject_id == Operation.id,
        Approval.state.in_((ApprovalState.PENDING, ApprovalState.APPROVED)),
        Approval.expires_at > work.now(),
    )
    ended = (OperationState.WAITING, OperationState.FAILED, OperationState.CANCELLED)
    return or_(Operation.state.not_in(ended), and_(Operation.state == OperationState.WAITING, approvable))


def end_about(work: Work, lead_ids: Sequence[str], *, reason: str) -> None:
    """Cancel what was asked for about leads and has not begun."""
    about = select(Operation.id).where(
        Operation.workspace_id == work.workspace,
        among(Operation.lead_id, lead_ids),
        Operation.state.in_(_NOT_BEGUN),
    )
    for operation_id in work.session.scalars(about).all():
        operations.cancel(work, operation_id, reason=reason)


def forget(work: Work, lead_ids: Sequence[str], *, about: str, reason: str) -> None:
    """Cancel what was asked for about leads and has not begun, and of all that was leave what names nobody: that
    something was asked of a provider, when, and the amount. `about` says whom it was about."""
    emptied: dict[str, Any] = {"params": {}, "told": [about], "result": None, "error": None, "key": ""}
    mine = (Operation.workspace_id == work.workspace, among(Operation.lead_id, lead_ids))
    work.session.execute(update(Operation).where(*mine).values(**emptied))
    end_about(work, lead_ids, reason=reason)


def end_orphans(work: Work) -> int:
    """Cancel what waits for an approval and has lost its lead; returns how many.

    With the lead it lost a part of the content that a person is asked to approve.
    """
    waiting = select(Operation).where(
        Operation.workspace_id == work.workspace,
        Operation.state == OperationState.WAITING,
        Operation.lead_id.is_(None),
    )
    orphans = [row.id for row in work.session.scalars(waiting) if is_orphan(work, row)]
    for operation_id in orphans:
        operations.cancel(work, operation_id, reason=GONE)
    return len(orphans)


def is_orphan(work: Work, row: Operation) -> bool:
    """Say whether an operation that needs an approval has lost its lead since that was asked for."""
    if row.lead_id is not None or not row.why:
        return False
    return approvals.for_subject(work, row.id).content_hash != content_hash(row)
