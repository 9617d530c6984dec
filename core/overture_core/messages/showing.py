"""Messages one by one, with what happened to them: for a person who looks into something."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, func, select

from overture_core.campaigns import service as campaigns
from overture_core.errors import NotFound
from overture_core.messages.channels import Channel
from overture_core.messages.states import PENDING, State
from overture_core.storage.schema import Campaign, Message, MessageEvent
from overture_core.storage.store import Work
from overture_core.text import quoted


class MessageView(BaseModel):
    """A message in a list. `since` is when it came into its state, `due_at` when it leaves or is asked about again."""

    id: str
    campaign: str | None
    channel: Channel
    address: str
    state: State
    reason: str | None
    since: datetime
    due_at: datetime | None


class EventView(BaseModel):
    """One step; the two states are equal where something was noted and nothing moved."""

    at: datetime
    from_state: State | None
    to_state: State
    cause: str
    detail: str | None


class MessageStory(MessageView):
    """A message with everything that happened to it, oldest first."""

    attempt: int = Field(description="How often it was handed to the provider, or was about to be.")
    provider: str | None
    provider_id: str | None
    events: list[EventView]


def list_(
    work: Work, *, state: State | None = None, campaign: str | None = None, limit: int | None = None
) -> list[MessageView]:
    """Return the oldest messages that fit every filter given.

    Raises:
        NotFound: there is no such campaign.
    """
    rows = (
        select(Message, Campaign.name)
        .outerjoin(Campaign, Campaign.id == Message.campaign_id)
        .where(*_filters(work, state, campaign))
        .order_by(Message.id)
        .limit(limit)
    )
    return [MessageView.model_validate(_fields(row, name)) for row, name in work.session.execute(rows)]


def count(work: Work, *, state: State | None = None, campaign: str | None = None) -> int:
    """Count the messages that fit every filter given.

    Raises:
        NotFound: there is no such campaign.
    """
    return work.session.scalar(select(func.count(Message.id)).where(*_filters(work, state, campaign))) or 0


def get(work: Work, message_id: str) -> MessageStory:
    """Return a message with its events.

    Raises:
        NotFound: there is no such message.
    """
    found = work.session.execute(
        select(Message, Campaign.name)
        .outerjoin(Campaign, Campaign.id == Message.campaign_id)
        .where(Message.workspace_id == work.workspace, Message.id == message_id)
    ).one_or_none()
    if found is None:
        msg = f"There is no message {quoted(message_id)}; `overture messages list` shows the ids."
        raise NotFound(msg)
    row, name = found
    events = select(MessageEvent).where(MessageEvent.message_id == row.id).order_by(MessageEvent.id)
    return MessageStory(
        **_fields(row, name),
        attempt=row.attempt,
        provider=row.provider,
        provider_id=row.provider_id,
        events=[EventView.model_validate(each, from_attributes=True) for each in work.session.scalars(events)],
    )


def _filters(work: Work, state: State | None, campaign: str | None) -> list[ColumnElement[bool]]:
    wanted = [Message.workspace_id == work.workspace]
    if state is not None:
        wanted.append(Message.state == state)
    if campaign is not None:
        wanted.append(Message.campaign_id == campaigns.get(work, campaign).id)
    return wanted


def _fields(row: Message, campaign: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "campaign": campaign,
        "channel": row.channel,
        "address": row.address,
        "state": row.state,
        "reason": row.reason,
        "since": row.updated_at,
        "due_at": row.due_at if row.state in PENDING else None,
    }
