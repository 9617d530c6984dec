"""What a payment is credited to: the message that brought it, with its campaign, step and variant."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from overture_core.storage.schema import Message, Reply
from overture_core.storage.store import Work


class Credit(NamedTuple):
    """A message of a campaign. `variant` is the template that it was written from."""

    message_id: str
    campaign_id: str
    step: int
    variant: str


def credit_of(work: Work, lead_id: str, message_id: str | None = None) -> Credit | None:
    """Return what a payment of a lead is credited to.

    The message that is named, if it went to this lead; else the one that their latest reply answers; else the last
    one of a campaign that a provider took.
    """
    ours = select(Message.id, Message.campaign_id, Message.step, Message.template_id).where(
        Message.workspace_id == work.workspace, Message.lead_id == lead_id, Message.campaign_id.is_not(None)
    )
    answered = ours.join(Reply, Reply.message_id == Message.id).order_by(Reply.received_at.desc(), Reply.id.desc())
    taken = ours.where(Message.accepted_at.is_not(None)).order_by(Message.accepted_at.desc(), Message.id.desc())
    named = [ours.where(Message.id == message_id)] if message_id else []
    for wanted in (*named, answered, taken):
        row = work.session.execute(wanted.limit(1)).first()
        if row is not None:
            return Credit(row.id, row.campaign_id or "", row.step, row.template_id)
    return None
