"""Gathers what the gate's rules need, for any number of leads in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import phonenumbers
from phonenumbers import timezone as phone_zones
from sqlalchemy import ColumnElement, func, or_, select

from overture_core.contactability.rules import Facts
from overture_core.leads.normalise import email_key
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.storage.schema import Consent, Lead, Message, Reply
from overture_core.storage.store import Work
from overture_core.suppressions.service import suppressed

_UNKNOWN_ZONE = "Etc/Unknown"
_LOOKBACK = timedelta(days=7)
_ON_THEIR_WAY = (State.SENDING, State.UNKNOWN)


def load(work: Work, leads: Sequence[Lead]) -> dict[str, Facts]:
    """Return the facts by lead id; at most 1,000 leads a call.

    For the frequency cap, messages that are on their way count like accepted ones.
    """
    ids = [lead.id for lead in leads]
    known = {lead.id: Facts(lead.country, _addresses(lead), zones=_zones(lead)) for lead in leads}
    _add_suppressions(work, leads, known)
    consents = (
        select(Consent.lead_id, Consent.channel, Consent.granted)
        .where(Consent.workspace_id == work.workspace, Consent.lead_id.in_(ids))
        .order_by(Consent.recorded_at, Consent.id)
    )
    for lead_id, channel, granted in work.session.execute(consents):
        known[lead_id].consent[Channel(channel)] = granted
    replies = (
        select(Reply.lead_id, func.max(Reply.received_at))
        .where(Reply.workspace_id == work.workspace, Reply.lead_id.in_(ids), Reply.intent != "out_of_office")
        .group_by(Reply.lead_id)
    )
    for lead_id, at in work.session.execute(replies):
        known[lead_id].replied_at = at
    for lead_id, moments in _contacts(work, ids).items():
        known[lead_id].contacted = moments
    return known


def _contacts(work: Work, ids: list[str]) -> dict[str, list[datetime]]:
    since = work.now() - _LOOKBACK
    counts: ColumnElement[bool] = or_(Message.accepted_at > since, Message.state.in_(_ON_THEIR_WAY))
    rows = select(Message.lead_id, func.coalesce(Message.accepted_at, Message.updated_at)).where(
        Message.workspace_id == work.workspace, Message.lead_id.in_(ids), counts
    )
    found: dict[str, list[datetime]] = defaultdict(list)
    for lead_id, at in work.session.execute(rows):
        found[lead_id].append(at)
    return found


def _add_suppressions(work: Work, leads: Sequence[Lead], known: dict[str, Facts]) -> None:
    emails = {email_key(lead.email): lead.id for lead in leads if lead.email}
    phones = {lead.phone: lead.id for lead in leads if lead.phone}
    gone_emails = suppressed(work, "email", list(emails))
    gone_phones = suppressed(work, "phone", list(phones))
    for lead in leads:
        if lead.email and email_key(lead.email) in gone_emails:
            known[lead.id].suppressed.add(Channel.EMAIL)
        if lead.phone in gone_phones:
            known[lead.id].suppressed.add(Channel.SMS)


def _addresses(lead: Lead) -> dict[Channel, str]:
    both = {Channel.EMAIL: lead.email, Channel.SMS: lead.phone}
    return {channel: address for channel, address in both.items() if address}


def _zones(lead: Lead) -> Sequence[str]:
    """The lead's own zone, else every zone that the phone number may be in."""
    if lead.time_zone:
        return (lead.time_zone,)
    if not lead.phone:
        return ()
    zones: Sequence[str] = phone_zones.time_zones_for_number(phonenumbers.parse(lead.phone))
    return tuple(zone for zone in zones if zone != _UNKNOWN_ZONE)
