"""The states of a message and the only ways between them.

Every change goes through `change`, which moves rows from one state to another by a single UPDATE and
appends one event a row with its cause. An UPDATE that finds no row in the expected state changes
nothing: that is what makes late, doubled and reordered work harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, func, insert, literal, select, update

from overture_core.errors import ForbiddenTransition
from overture_core.storage.among import among
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
    # Accepted at once: a person sent it by hand, for whom it was held (messages/by_hand.py).
    State.HELD: frozenset({State.DUE, State.ACCEPTED, State.SKIPPED, State.CANCELLED}),
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

# What a row that leaves a worker's hands is set to, beside its state.
NO_LEASE: Final[Mapping[str, Any]] = {"lease_token": None}
_OF = ("workspace_id", "message_id")
PENDING = (State.DRAFT, State.DUE, State.HELD, State.CLAIMED)
REFUSED = (State.BOUNCED, State.COMPLAINED, State.FAILED)
IN_MOTION = (State.DUE, State.CLAIMED, State.SENDING)


def is_in(*states: State) -> ColumnElement[bool]:
    """Return the condition that a message is in one of `states`.

    They stand in the statement as text: a partial index is used only where its own condition is read
    there, and bound parameters are not (sqlite.org/partialindex.html).
    """
    if len(states) == 1:
        return Message.state == literal(states[0].value, literal_execute=True)
    return Message.state.in_(bindparam(None, [each.value for each in states], expanding=True, literal_execute=True))


def _stands_in(state: State) -> ColumnElement[bool]:
    """The same, but as a check only: no index is used for it.

    By statistics from before a large launch, PostgreSQL takes the index of all due rows for one of none, and
    reads it through for every row that it could have looked up.
    """
    return func.coalesce(Message.state, "") == state.value


def held_by(token: str) -> ColumnElement[bool]:
    """Return the condition that a message is held by a lease, as a check only: beside its id, for the same reason."""
    return func.coalesce(Message.lease_token, "") == token


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

    The conditions say by which index rows are found; the workspace and `source` are added as checks. `limit`
    bounds the rows of one call (the oldest due first, rows that another transaction holds are passed over);
    `values` are further columns to set. Without a `detail` the event keeps the row's new reason, if it gets one.

    Raises:
        ForbiddenTransition: the state table has no such step.
    """
    if target not in TRANSITIONS[source]:
        msg = f"A message cannot go from {source} to {target}."
        raise ForbiddenTransition(msg)
    now = work.now()
    where = [Message.workspace_id == work.workspace, _stands_in(source), *conditions]
    if limit is not None:
        chosen = (
            select(Message.id)
            .where(*where)
            .order_by(Message.due_at)  # as the index has it: nothing is sorted, and reading stops at the limit
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("chosen")
        )
        where = [_stands_in(source), among(Message.id, select(chosen.c.id))]
    moved = update(Message).where(*where).values(state=target, updated_at=now, **(values or {}))
    event = _event(source, target, cause, detail or (values or {}).get("reason"), now)
    connection = work.session.connection()
    if connection.dialect.name == "postgresql":  # one statement for both; SQLite's cannot write within a WITH
        of = moved.returning(Message.workspace_id, Message.id).cte("moved")
        appended = insert(MessageEvent).from_select([*_OF, *event], select(of.c.workspace_id, of.c.id, *event.values()))
        return list(connection.execute(appended.returning(MessageEvent.message_id)).scalars())
    ids = list(connection.execute(moved.returning(Message.id)).scalars())
    _append(work, ids, event)
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
    _append(work, ids, _event(source, target, cause, detail, at or work.now()))


def _event(
    source: State | None, target: State, cause: str, detail: str | None, at: datetime
) -> dict[str, ColumnElement[Any]]:
    """The columns of an event that are alike for many messages."""
    values = {
        "at": at,
        "from_state": source,
        "to_state": target,
        "cause": cause,
        "detail": detail[:1000] if detail else None,
    }
    columns = MessageEvent.__table__.c
    return {name: bindparam(f"of_{name}", value, type_=columns[name].type) for name, value in values.items()}


def _append(work: Work, ids: list[str], event: Mapping[str, ColumnElement[Any]]) -> None:
    if ids:
        each = select(Message.workspace_id, Message.id, *event.values()).where(among(Message.id, ids))
        work.session.connection().execute(insert(MessageEvent).from_select([*_OF, *event], each))
