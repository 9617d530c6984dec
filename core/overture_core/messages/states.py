"""The states of a message and the only ways between them.

Every change goes through `change`, which moves rows from one state to another by a single UPDATE and
appends one event a row with its cause. An UPDATE that finds no row in the expected state changes
nothing: that is what makes late, doubled and reordered work harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from overture_core.errors import ForbiddenTransition
from overture_core.storage.schema import Message, MessageEvent
from overture_core.storage.store import Work


class State(StrEnum):
    """Where a message stands."""

    DRAFT = "draft"
    DUE = "due"
    CLAIMED = "claimed"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    HELD = "held"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.DUE, State.HELD, State.SKIPPED, State.CANCELLED}),
    State.DUE: frozenset({State.CLAIMED, State.HELD, State.SKIPPED, State.CANCELLED}),
    State.HELD: frozenset({State.DUE, State.SKIPPED, State.CANCELLED}),
    State.CLAIMED: frozenset({State.SENDING, State.DUE, State.HELD, State.SKIPPED, State.CANCELLED}),
    State.SENDING: frozenset(
        {
            State.ACCEPTED,
            State.DUE,  # only on proof that nothing was accepted
            State.FAILED,
            State.UNKNOWN,
            State.DELIVERED,  # a webhook can overtake the write-back
            State.BOUNCED,
            State.COMPLAINED,
        }
    ),
    # Settled by the provider's evidence or by a person; never sent again by the machine.
    State.UNKNOWN: frozenset({State.ACCEPTED, State.DELIVERED, State.BOUNCED, State.COMPLAINED, State.FAILED}),
    State.ACCEPTED: frozenset({State.DELIVERED, State.BOUNCED, State.COMPLAINED, State.FAILED}),
    State.DELIVERED: frozenset({State.BOUNCED, State.COMPLAINED}),
    State.BOUNCED: frozenset({State.COMPLAINED}),
    State.COMPLAINED: frozenset(),
    State.FAILED: frozenset(),
    State.SKIPPED: frozenset(),
    State.CANCELLED: frozenset(),
}

PENDING = (State.DRAFT, State.DUE, State.HELD, State.CLAIMED)
IN_MOTION = (State.DUE, State.CLAIMED, State.SENDING)


def change(
    work: Work,
    source: State,
    target: State,
    *conditions: ColumnElement[bool],
    cause: str,
    detail: str | None = None,
    limit: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> list[str]:
    """Move the rows in `source` that meet `conditions` to `target`; return their ids.

    `limit` bounds the rows of one call (the oldest due first, rows that another transaction holds are
    passed over); `values` are further columns to set. The workspace is added to the conditions.

    Raises:
        ForbiddenTransition: the state table has no such step.
    """
    if target not in TRANSITIONS[source]:
        msg = f"A message cannot go from {source} to {target}."
        raise ForbiddenTransition(msg)
    now = work.now()
    where = [Message.workspace_id == work.workspace, Message.state == source, *conditions]
    if limit is not None:
        chosen = (
            select(Message.id)
            .where(*where)
            .order_by(Message.due_at, Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("chosen")
        )
        where = [Message.state == source, Message.id.in_(select(chosen.c.id))]
    moved = update(Message).where(*where).values(state=target, updated_at=now, **(values or {})).returning(Message.id)
    ids = list(work.session.execute(moved, execution_options={"synchronize_session": False}).scalars())
    record(work, ids, source, target, cause=cause, detail=detail)
    return ids


def record(
    work: Work,
    ids: list[str],
    source: State | None,
    target: State,
    *,
    cause: str,
    detail: str | None = None,
    at: datetime | None = None,
) -> None:
    """Append one event for each message id."""
    if not ids:
        return
    common = {
        "workspace_id": work.workspace,
        "at": at or work.now(),
        "from_state": source,
        "to_state": target,
        "cause": cause,
        "detail": detail[:1000] if detail else None,
    }
    work.session.execute(insert(MessageEvent), [{**common, "message_id": each} for each in ids])
