"""The one gate: `contactability(lead, channel, at)` in its single and its set-based form."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from overture_core.contactability import facts
from overture_core.contactability.rules import Decision, decide
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Lead
from overture_core.storage.store import Work
from overture_core.workspaces.service import sender_for


def contactability(work: Work, lead: Lead, channel: Channel, at: datetime | None = None) -> Decision:
    """Say whether a lead may be contacted: yes, not before a time, or never, with the reason."""
    return contactabilities(work, [lead], [channel], at)[lead.id][channel]


def contactabilities(
    work: Work, leads: Sequence[Lead], channels: Sequence[Channel], at: datetime | None = None
) -> dict[str, dict[Channel, Decision]]:
    """The same for up to 1,000 leads and several channels, in a fixed number of queries."""
    moment = at or work.now()
    verified = {channel: _verified(work, channel) for channel in channels}
    known = facts.load(work, leads)
    return {
        lead.id: {
            channel: decide(known[lead.id], channel, moment, sender_verified=verified[channel]) for channel in channels
        }
        for lead in leads
    }


def _verified(work: Work, channel: Channel) -> bool:
    sender = sender_for(work, channel)
    return sender is not None and sender.verified
