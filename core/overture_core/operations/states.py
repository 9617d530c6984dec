"""The states of an operation, and which may follow which."""

from __future__ import annotations

from enum import StrEnum


class OperationState(StrEnum):
    """Where an operation stands. `waiting` is for a person's approval, `ready` for its time or for who runs it."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


ALLOWED: dict[OperationState, frozenset[OperationState]] = {
    OperationState.WAITING: frozenset({OperationState.RUNNING, OperationState.CANCELLED}),
    OperationState.READY: frozenset({OperationState.RUNNING, OperationState.CANCELLED}),
    OperationState.RUNNING: frozenset(
        {OperationState.DONE, OperationState.FAILED, OperationState.UNKNOWN, OperationState.READY}
    ),
    # Settled by evidence or by a person, never by trying again.
    OperationState.UNKNOWN: frozenset({OperationState.DONE, OperationState.FAILED}),
    OperationState.DONE: frozenset(),
    OperationState.FAILED: frozenset(),
    OperationState.CANCELLED: frozenset(),
}
# An operation in one of these may still come to something: the same one asked for again is this one.
OPEN = (OperationState.WAITING, OperationState.READY, OperationState.RUNNING, OperationState.UNKNOWN)
