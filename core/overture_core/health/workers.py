"""What waits in a workspace and which workers have something of it in hand."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import BaseModel, Field
from sqlalchemy import func, select

from overture_core.messages.channels import Channel
from overture_core.messages.states import State, is_in
from overture_core.storage.schema import Lease, Message
from overture_core.storage.store import Work

_WAITING: Final = (State.DUE, State.HELD, State.UNKNOWN)


class WaitingView(BaseModel):
    """Messages of one channel in one state. `oldest` is when the first of them was or is due."""

    channel: Channel
    state: State
    messages: int
    oldest: datetime | None


class WorkerView(BaseModel):
    """A worker that holds messages."""

    owner: str
    channel: Channel
    chunks: int
    until: datetime = Field(description="When the first of its leases runs out.")


def waiting(work: Work) -> list[WaitingView]:
    """Count what is due, held, and of unknown outcome."""
    found = []
    for state in _WAITING:  # one statement a state: each has an index of its own, which lists no other
        counted = (
            select(Message.channel, func.count(), func.min(Message.due_at))
            .where(is_in(state), Message.workspace_id == work.workspace)
            .group_by(Message.channel)
            .order_by(Message.channel)
        )
        found += [
            WaitingView(channel=Channel(channel), state=state, messages=number, oldest=oldest)
            for channel, number, oldest in work.session.execute(counted)
        ]
    return found


def workers(work: Work) -> list[WorkerView]:
    """Return the workers that hold messages now, by name and channel."""
    held = (
        select(Lease.owner, Lease.channel, func.count(), func.min(Lease.until))
        .where(Lease.workspace_id == work.workspace, Lease.until > work.now())
        .group_by(Lease.owner, Lease.channel)
        .order_by(Lease.owner, Lease.channel)
    )
    return [
        WorkerView(owner=owner, channel=Channel(channel), chunks=chunks, until=until)
        for owner, channel, chunks, until in work.session.execute(held)
    ]
