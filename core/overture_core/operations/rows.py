"""The rows of operations: found, shown, sealed, and changed by the table of states alone."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import select, update

from overture_core.approvals import service as approvals
from overture_core.errors import NotFound
from overture_core.operations.models import OperationView
from overture_core.operations.states import ALLOWED, OperationState
from overture_core.storage.schema import Operation
from overture_core.storage.store import Work
from overture_core.text import quoted


def content_hash(row: Operation) -> str:
    """Return the SHA-256 of all that an operation would do, and of what a person reads of it."""
    at = row.run_at.isoformat() if row.run_at else None
    return digest(row.kind, row.params, row.lead_id, row.told, row.amount, row.currency, at, row.sandbox)


def change(work: Work, row: Operation, target: OperationState, **values: Any) -> bool:
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


def row_of(work: Work, operation_id: str) -> Operation:
    """Return an operation's row.

    Raises:
        NotFound: there is none by that id in this workspace.
    """
    row = work.session.scalar(
        select(Operation).where(Operation.workspace_id == work.workspace, Operation.id == operation_id)
    )
    if row is None:
        msg = f"There is no operation {quoted(operation_id)}; `overture operations list` shows them."
        raise NotFound(msg)
    return row


def view(work: Work, row: Operation) -> OperationView:
    """Return how an operation is shown, with the approval that it needs."""
    shown = OperationView.model_validate(row)
    if not row.why:
        return shown
    asked = approvals.for_subject(work, row.id)
    return shown.model_copy(update={"approval_id": asked.id, "approval_state": approvals.standing(work, asked)})


def digest(*parts: object) -> str:
    """Return the SHA-256 of values, as canonical JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
