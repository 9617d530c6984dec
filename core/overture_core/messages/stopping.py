"""What ends the conversation ends it everywhere: pending messages of a lead are cancelled."""

from __future__ import annotations

from sqlalchemy import select

from overture_core.messages.channels import Channel
from overture_core.messages.states import PENDING, State, change
from overture_core.storage.schema import LeadIdentity, Message
from overture_core.storage.store import Work
from overture_core.suppressions import service as suppressions

_KIND: dict[Channel, suppressions.Kind] = {Channel.EMAIL: "email", Channel.SMS: "phone"}


def stop_lead(work: Work, lead_id: str, *, cause: str, channel: Channel | None = None) -> int:
    """Cancel every pending message of a lead, on one channel or on all; returns how many.

    What is already handed to a provider cannot be called back.
    """
    conditions = [Message.lead_id == lead_id]
    if channel is not None:
        conditions.append(Message.channel == channel)
    values = {"reason": cause, "owner": None, "lease_token": None, "lease_until": None}
    return sum(len(change(work, state, State.CANCELLED, *conditions, cause=cause, values=values)) for state in PENDING)


def suppress_address(work: Work, channel: Channel, address: str, *, reason: str, origin: str) -> None:
    """Never write to an address again, and cancel what is pending to it."""
    kind = _KIND[channel]
    stored = suppressions.add(work, kind, address, reason, origin)
    owners = select(LeadIdentity.lead_id).where(
        LeadIdentity.workspace_id == work.workspace, LeadIdentity.kind == kind, LeadIdentity.value == stored.value
    )
    for lead_id in work.session.scalars(owners):
        stop_lead(work, lead_id, cause=reason, channel=channel)
