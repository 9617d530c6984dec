"""Senders over a limit: mailbox providers judge the sender, whatever its campaigns are called."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, func, or_, select

from overture_core.audit import service as audit
from overture_core.contactability.rules import Reason
from overture_core.errors import Conflict, NotFound
from overture_core.health.thresholds import BOUNCES, COMPLAINTS, LEAST_EVENTS, WINDOW, Level, level, sentence
from overture_core.messages.channels import Channel
from overture_core.messages.states import State, is_in
from overture_core.storage.schema import Campaign, Message, Sender
from overture_core.storage.store import Work
from overture_core.text import quoted
from overture_core.workspaces.senders import wake
from overture_core.workspaces.service import sender_for


def over(work: Work, *conditions: ColumnElement[bool]) -> list[tuple[Sender, str]]:
    """Return the e-mail senders that are at a stopping threshold, with a sentence that names each and says why.

    What was accepted before a person let one go on no longer counts.
    """
    ours = (Sender.workspace_id == work.workspace, Sender.channel == Channel.EMAIL)
    senders = work.session.scalars(select(Sender).where(*ours, *conditions).order_by(Sender.address)).all()
    found = ((sender, _found(work, sender)) for sender in senders)
    return [(sender, f"The sender {sender.address} is over a limit: {said}") for sender, said in found if said]


def of_campaign(work: Work, campaign: Campaign) -> list[tuple[Sender, str]]:
    """Return the senders of a campaign's messages that are over a limit, with the reason."""
    return over(work, exists().where(Message.campaign_id == campaign.id, Message.sender_id == Sender.id))


def trouble(work: Work, channels: Collection[Channel]) -> str | None:
    """Say why what goes out on these channels may not be launched now, and what a person may do; None if it may."""
    sender = sender_for(work, Channel.EMAIL) if Channel.EMAIL in channels else None
    found = over(work, Sender.id == sender.id) if sender is not None else []
    return " ".join([found[0][1], _what_to_do(found[0][0])]) if found else None


def resume(work: Work, address: str, *, anyway: bool) -> Sender:
    """Let a sender send again; `anyway` is a person's word, and counts its rates afresh from now.

    Raises:
        NotFound: there is no such sender.
        Conflict: it is over a limit.
    """
    ours = (Sender.workspace_id == work.workspace, Sender.channel == Channel.EMAIL)
    senders = {each.address: each for each in work.session.scalars(select(Sender).where(*ours))}
    if (sender := senders.get(address)) is None:
        known = ", ".join(sorted(senders)) or "none yet"
        msg = f"There is no e-mail sender {quoted(address)}; the senders are: {known}."
        raise NotFound(msg)
    for _, reason in over(work, Sender.id == sender.id):
        if not anyway:
            raise Conflict(" ".join([reason, _what_to_do(sender)]))
        sender.rates_from = work.now()
        audit.record(work, "sender.resumed", sender.id, reason=reason)
    wake(work, sender, Reason.SENDER_OVER_LIMIT)
    return sender


def _what_to_do(sender: Sender) -> str:
    """Say how a person lets a sender go on."""
    return f"A person may still let it send with `overture resume --sender {sender.address} --anyway`."


def _found(work: Work, sender: Sender) -> str | None:
    since = max(filter(None, (work.now() - WINDOW, sender.rates_from)))
    # By an index: only these campaigns can have had anything accepted since then.
    lately = select(Campaign.id).where(
        Campaign.workspace_id == work.workspace, or_(Campaign.finished_at.is_(None), Campaign.finished_at >= since)
    )
    counted = (
        or_(Message.campaign_id.in_(lately), Message.campaign_id.is_(None)),
        Message.workspace_id == work.workspace,
        Message.sender_id == sender.id,
        Message.accepted_at > since,
    )
    bad = select(Message.state, func.count()).where(*counted, is_in(State.BOUNCED, State.COMPLAINED))
    events = dict(work.session.execute(bad.group_by(Message.state)).all())
    of = [(BOUNCES, events.get(State.BOUNCED, 0)), (COMPLAINTS, events.get(State.COMPLAINED, 0))]
    # With more messages than these it is over no limit: a sender who is well is not counted to the end.
    enough = max((int(number / each.stop) for each, number in of if number >= LEAST_EVENTS), default=0) + 1
    if enough == 1:
        return None
    some = select(Message.id).where(*counted).limit(enough).subquery()
    accepted = work.session.scalar(select(func.count()).select_from(some)) or 0
    least = work.settings.health_least_messages
    reached = [(each, number, level(each, number, accepted, least=least)) for each, number in of]
    said = [sentence(each, number, accepted, at) for each, number, at in reached if at is Level.OVER]
    return " ".join(said) or None
