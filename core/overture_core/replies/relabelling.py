"""Another opinion on replies that no rule knows: whoever gives it can only choose a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, select

from overture_core.messages.channels import Channel
from overture_core.messages.stopping import Refusal, refuse
from overture_core.replies import tasks
from overture_core.replies.intent import AUTOMATIC, Intent
from overture_core.storage.schema import Lead, Message, Reply, Task
from overture_core.storage.store import Work

RULES, MODEL, UNSURE = "rules", "model", "model_unsure"
# A model that was talked into it could make a person's answer look like a machine's, and so go on writing to them.
CHOICES = tuple(intent for intent in Intent if intent not in AUTOMATIC)


class Unlabelled(NamedTuple):
    """A reply whose label is open. `body` is text from outside."""

    id: str
    body: str


def unlabelled(work: Work, limit: int) -> Sequence[Unlabelled]:
    """Return replies that no rule knew and nobody else was asked about, the oldest first."""
    rows = (
        select(Reply.id, Reply.body)
        .where(Reply.workspace_id == work.workspace, Reply.intent == Intent.OTHER, Reply.labelled_by == RULES)
        .order_by(Reply.received_at)
        .limit(limit)
    )
    return [Unlabelled(*row) for row in work.session.execute(rows)]


def relabel(work: Work, reply_id: str, intent: Intent | None) -> bool:
    """Give a reply the label that was chosen, with all that follows from it; None keeps the rules' one. False if it
    was labelled meanwhile."""
    reply = work.session.get(Reply, reply_id, with_for_update=True)
    if reply is None or reply.labelled_by != RULES:
        return False
    if intent is None or intent not in CHOICES:
        reply.labelled_by = UNSURE
        return True
    reply.labelled_by, reply.intent = MODEL, intent
    work.session.flush()
    if intent is not Intent.OTHER:
        work.session.execute(delete(Task).where(Task.reply_id == reply.id, Task.done_at.is_(None)))
        tasks.ask(work, reply)
    if intent is Intent.STOP:
        _stop(work, reply)
    return True


def _stop(work: Work, reply: Reply) -> None:
    """Suppress the address that was written to, else the lead's own, and stop the person everywhere."""
    answered = work.session.get(Message, reply.message_id) if reply.message_id else None
    channel, lead = Channel(reply.channel), work.session.get_one(Lead, reply.lead_id)
    own = lead.email if channel is Channel.EMAIL else lead.phone
    if address := answered.address if answered is not None else own:
        refuse(work, [Refusal(channel, address, "stop", "reply:model", lead.id)])
