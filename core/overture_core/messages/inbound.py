"""Applies what a person wrote back: to whom it belongs, what it wants, and what it stops.

A sender address of an e-mail can be forged, so that a reply can only ever stop things.
"""

from __future__ import annotations

import re
from dataclasses import replace

from sqlalchemy import func, select, update

from overture_core.ids import new_id
from overture_core.leads import service as leads
from overture_core.leads.normalise import email_key
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.messages.stopping import stop_lead, suppress_address
from overture_core.replies import tasks
from overture_core.replies.away import away_until
from overture_core.replies.intent import AUTOMATIC, Intent, label
from overture_core.storage.schema import Lead, Message, Reply, Sender, Workspace
from overture_core.storage.store import Work
from overture_core.text import clean

MAX_BODY = 10_000
_PERMANENT = re.compile(r"\b(5\.\d{1,3}\.\d{1,3}|55[0134])\b")


def apply_inbound(work: Work, event: InboundMessage) -> bool:
    """Apply one inbound message; false if no lead is known for it and it does not ask to stop.

    What asks to stop always counts, whatever address of ours it was written to.
    """
    original = _answered(work, event)
    work = replace(work, workspace=original.workspace_id if original else _workspace_of(work, event))
    intent = _intent(event)
    if intent is Intent.STOP:
        # Also from somebody we do not know as a lead: the wish counts.
        origin = f"{event.provider}:reply"
        suppress_address(work, event.channel, event.sender, reason="stop", origin=origin)
        if original is not None:
            # People answer from other addresses than the one that was written to.
            suppress_address(work, event.channel, original.address, reason="stop", origin=origin)
    lead = _lead_of(work, event, original)
    if lead is None:
        return intent is Intent.STOP
    answered = original or _last_message(work, lead.id, event.channel)
    if intent is Intent.BOUNCE:
        _bounced(work, event, original)
    reply = _store(work, event, lead.id, answered, intent)
    if intent not in AUTOMATIC:
        stop_lead(work, lead.id, cause="stop" if intent is Intent.STOP else "reply")
    tasks.ask(work, reply)
    return True


def _intent(event: InboundMessage) -> Intent:
    if event.opt_out:  # also where a mail program wrote it, for somebody who pressed its button
        return Intent.STOP
    return label(event.body, subject=event.subject, automatic=event.automatic).intent


def _bounced(work: Work, event: InboundMessage, original: Message | None) -> None:
    """A report that came as a mail: the address is dead if it says so by a permanent code (RFC 3463)."""
    if original is not None and _PERMANENT.search(f"{event.subject or ''} {event.body}"):
        suppress_address(work, event.channel, original.address, reason="bounce", origin=f"{event.provider}:report")


def _answered(work: Work, event: InboundMessage) -> Message | None:
    """The message whose reply address was written to; mail programs may have put it in small letters."""
    if not event.in_reply_to:
        return None
    prefix, _, number = event.in_reply_to.partition("_")
    spellings = (event.in_reply_to, f"{prefix.lower()}_{number.upper()}")
    return next(filter(None, (work.session.get(Message, each) for each in spellings)), None)


def _workspace_of(work: Work, event: InboundMessage) -> str:
    """Whose sender was written to, else the first that knows who wrote, else the one that is served here.

    Mail comes in for a whole domain: also to a reply address whose message is gone, or to one that is no sender.
    """
    written_to = func.lower(Sender.address) == email_key(event.recipient)
    ours = select(Sender.workspace_id).where(Sender.channel == event.channel, written_to)
    if (found := work.session.scalar(ours)) is not None:
        return found
    others = work.session.scalars(select(Workspace.id).where(Workspace.id != work.workspace).order_by(Workspace.id))
    known = (each for each in [work.workspace, *others] if _by_sender(replace(work, workspace=each), event))
    return next(known, work.workspace)


def _lead_of(work: Work, event: InboundMessage, original: Message | None) -> Lead | None:
    if original is not None:
        return work.session.get(Lead, original.lead_id)
    return _by_sender(work, event)


def _by_sender(work: Work, event: InboundMessage) -> Lead | None:
    return leads.find_by_address(work, event.channel, event.sender)


def _last_message(work: Work, lead_id: str, channel: Channel) -> Message | None:
    return work.session.scalar(
        select(Message)
        .where(
            Message.workspace_id == work.workspace,
            Message.lead_id == lead_id,
            Message.channel == channel,
            Message.accepted_at.is_not(None),
        )
        .order_by(Message.accepted_at.desc(), Message.id.desc())
        .limit(1)
    )


def _store(work: Work, event: InboundMessage, lead_id: str, answered: Message | None, intent: Intent) -> Reply:
    is_away = intent is Intent.OUT_OF_OFFICE
    reply = Reply(
        id=new_id("rpl"),
        workspace_id=work.workspace,
        lead_id=lead_id,
        message_id=answered.id if answered else None,
        channel=event.channel,
        subject=clean(event.subject, limit=998) if event.subject else None,
        body=clean(event.body, limit=MAX_BODY, keep_lines=True),
        intent=intent,
        received_at=event.at,
        labelled_by="rules",
        away_until=away_until(f"{event.subject or ''}\n{event.body}", event.at) if is_away else None,
    )
    work.session.add(reply)
    if answered is not None and intent not in AUTOMATIC:
        work.session.execute(
            update(Message)
            .where(Message.id == answered.id, Message.replied_at.is_(None))
            .values(replied_at=event.at)
            .execution_options(synchronize_session=False)
        )
    work.session.flush()
    return reply
