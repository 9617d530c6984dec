"""The one gate: `contactability(lead, channel, at)` in its single and its set-based form."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from overture_core.contactability import facts
from overture_core.contactability.facts import Person
from overture_core.contactability.rules import Caps, Decision, Verdict, decide
from overture_core.messages import warming
from overture_core.messages.channels import Channel
from overture_core.storage.store import Work
from overture_core.workspaces.service import sender_for

Decisions = dict[Channel, Decision]


def contactability(work: Work, lead: Person, channel: Channel, at: datetime | None = None) -> Decision:
    """Say whether a lead may be contacted: yes, not before a time, or never, with the reason."""
    return contactabilities(work, [lead], [channel], at)[lead.id][channel]


def contactabilities(
    work: Work,
    leads: Sequence[Person],
    channels: Sequence[Channel],
    at: datetime | None = None,
    *,
    free_text: bool = False,
    direct: bool = False,
) -> dict[str, Decisions]:
    """The same for up to 10,000 leads and several channels, in a few queries. `free_text`, `direct`: see `decide`."""
    moment = at or work.now()
    verified = {channel: _verified(work, channel) for channel in channels}
    rests = {channel: _rests_until(work, channel) for channel in channels}
    known = facts.load(work, leads, channels)
    caps = Caps(work.settings.messages_a_day, work.settings.messages_a_week)
    # Leads who share their facts share the answer.
    answers: dict[int, Decisions] = {}
    for each in known.values():
        if id(each) not in answers:
            answers[id(each)] = {
                channel: decide(
                    each,
                    channel,
                    moment,
                    sender_verified=verified[channel],
                    free_text=free_text,
                    direct=direct,
                    caps=caps,
                    sender_rests_until=rests[channel],
                )
                for channel in channels
            }
    return {lead_id: answers[id(each)] for lead_id, each in known.items()}


def first_usable(
    work: Work,
    leads: Sequence[Person],
    order: Sequence[Channel],
    at: datetime,
    *,
    free_text: Collection[Channel] = (),
) -> dict[str, Decisions]:
    """The same, but a lead's channels are asked in `order` only until one may be used now. `free_text` has those whose
    message is free text."""
    decided: dict[str, Decisions] = {}
    asking = leads
    for channel in order:
        free = channel in free_text
        answers = contactabilities(work, asking, [channel], at, free_text=free) if asking else {}
        for lead_id, answer in answers.items():
            decided[lead_id] = {**decided[lead_id], **answer} if lead_id in decided else answer
        asking = [lead for lead in asking if answers[lead.id][channel].verdict is not Verdict.YES]
    return decided


def _rests_until(work: Work, channel: Channel) -> datetime | None:
    sender = sender_for(work, channel) if warming.allowance(work.settings, channel, work.now()) is not None else None
    return warming.full_until(work, channel, sender.address) if sender is not None else None


def _verified(work: Work, channel: Channel) -> bool | None:
    sender = sender_for(work, channel)
    return None if sender is None else sender.verified
