"""What an operator watches: how much waits and for how long, what nobody knows, what is stopped. Of every workspace.

For metrics and readiness. Everything that is asked often goes by an index of what waits, so that it costs little
while all is well, however many messages there were.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from overture_core.approvals.service import ApprovalState
from overture_core.campaigns.states import CampaignState
from overture_core.health import service
from overture_core.messages.breaker import BreakerState
from overture_core.messages.states import State, is_in
from overture_core.operations.states import OPEN
from overture_core.storage.schema import (
    Approval,
    Campaign,
    Lease,
    Message,
    Operation,
    ProviderAccount,
    WebhookEvent,
    Workspace,
)
from overture_core.storage.store import Store

_WAITING: Final = (State.DUE, State.HELD, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages of a workspace and channel in one state. `oldest` is when the first of them was or is due."""

    workspace: str
    channel: str
    state: str
    messages: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is so at `at`."""

    at: datetime
    waiting: list[Waiting]
    leases: int
    webhook_events: int  # taken and not applied yet
    oldest_webhook_event: datetime | None
    operations: dict[str, int]  # by state, those that are not over
    approvals: int  # that a person has not decided on
    paused: int  # campaigns paused for their bounces or complaints
    stopped: int  # workspaces in which all sending is stopped
    breakers: dict[str, BreakerState]  # by provider


@dataclass(frozen=True, slots=True)
class SenderRates:
    """A sender's share of bounces and complaints among what was accepted in the last 7 days, 0 to 1."""

    workspace: str
    sender: str
    accepted: int
    bounces: float
    complaints: float


def figures(store: Store) -> Figures:
    """Count what waits.

    Raises:
        DatabaseUnavailable: the database cannot be reached.
    """
    now = store.clock.now()
    with store.look() as connection:
        events = connection.execute(
            select(func.count(), func.min(WebhookEvent.received_at)).where(WebhookEvent.processed_at.is_(None))
        ).one()
        return Figures(
            at=now,
            waiting=[waiting for state in _WAITING for waiting in _waiting(connection, state)],
            leases=_count(connection, Lease.until > now),
            webhook_events=events[0],
            oldest_webhook_event=events[1],
            operations=_open_operations(connection),
            approvals=_count(connection, Approval.state == ApprovalState.PENDING, Approval.expires_at > now),
            paused=_count(connection, Campaign.state == CampaignState.PAUSED, Campaign.paused_reason.is_not(None)),
            stopped=_count(connection, Workspace.stopped_at.is_not(None)),
            breakers={row.provider: BreakerState(row.state) for row in connection.execute(select(ProviderAccount))},
        )


def sender_rates(store: Store) -> list[SenderRates]:
    """Count bounces and complaints by sender; reads what was accepted in 7 days, so ask rarely.

    Raises:
        DatabaseUnavailable: the database cannot be reached.
    """
    with store.look() as connection:
        workspaces = connection.scalars(select(Workspace.id).order_by(Workspace.id)).all()
    found = []
    for workspace in workspaces:
        with store.read(workspace) as work:
            rates = service.report(work).rates
        found += [
            SenderRates(workspace, each.name, each.accepted, each.bounce_rate, each.complaint_rate)
            for each in rates
            if each.kind == "sender"
        ]
    return found


def _waiting(connection: Connection, state: State) -> list[Waiting]:
    # One statement a state: each has an index of its own, which lists no other.
    counted = (
        select(Message.workspace_id, Message.channel, func.count(), func.min(Message.due_at))
        .where(is_in(state))
        .group_by(Message.workspace_id, Message.channel)
    )
    return [
        Waiting(workspace, channel, state, number, oldest)
        for workspace, channel, number, oldest in connection.execute(counted)
    ]


def _open_operations(connection: Connection) -> dict[str, int]:
    counted = (
        select(Operation.state, func.count().label("number")).where(Operation.state.in_(OPEN)).group_by(Operation.state)
    )
    return {**dict.fromkeys(OPEN, 0), **{row.state: row.number for row in connection.execute(counted)}}


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).where(*conditions)) or 0
