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

# Why operations were cancelled whose lead is no more: there is nobody to ask for them about again.
GONE = "the lead whom it is about is gone"
ERASED = "the person whom it is about was erased"
TAKEN_BACK = "the lead whom it is about was removed when their import was taken back"


def what_then(reason: str | None) -> str:
    """Say what can be done about an operation that was cancelled for a reason."""
    return "it cannot be asked for again" if reason in {GONE, ERASED, TAKEN_BACK} else "ask for it again"
