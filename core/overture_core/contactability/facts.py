"""Gathers what the gate's rules need, for any number of leads in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import phonenumbers
from phonenumbers import timezone as phone_zones
from sqlalchemy import ColumnElement, func, or_, select

from overture_core.contactability.rules import Facts
from overture_core.leads.normalise import email_key
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.storage.among import among
from overture_core.storage.schema import Consent, Message, Reply
from overture_core.storage.store import Work
from overture_core.suppressions.service import Kind, suppressed

_UNKNOWN_ZONE = "Etc/Unknown"
_LOOKBACK = timedelta(days=7)
_ON_THEIR_WAY = (State.SENDING, State.UNKNOWN)
_ADDRESSES_A_CALL = 1_000


class Person(Protocol):
    """What is asked of a lead: a row of the table, or only these of its columns."""

    @property
    def id(self) -> str: ...
    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...
    @property
    def time_zone(self) -> str | None: ...


def load(work: Work, leads: Sequence[Person], channels: Iterable[Channel] = tuple(Channel)) -> dict[str, Facts]:
    """Return the facts by lead id, those that the rules of `channels` ask for; at most 10,000 leads a call.

    For the frequency cap, messages that are on their way count like accepted ones.
    """
    ids = [lead.id for lead in leads]
    by_phone = Channel.SMS in channels  # only there the time of day counts, and a number's zones cost a search
    known = {lead.id: Facts(lead.country, _addresses(lead), zones=_zones(lead) if by_phone else ()) for lead in leads}
    _add_suppressions(work, leads, known)
    consents = (
        select(Consent.lead_id, Consent.channel, Consent.granted)
        .where(Consent.workspace_id == work.workspace, among(Consent.lead_id, ids))
        .order_by(Consent.recorded_at, Consent.id)
    )
    for lead_id, channel, granted in work.session.execute(consents):
        known[lead_id].consent[Channel(channel)] = granted
    replies = (
        select(Reply.lead_id, func.max(Reply.received_at))
        .where(Reply.workspace_id == work.workspace, among(Reply.lead_id, ids), Reply.intent != "out_of_office")
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
        Message.workspace_id == work.workspace, among(Message.lead_id, ids), counts
    )
    found: dict[str, list[datetime]] = defaultdict(list)
    for lead_id, at in work.session.execute(rows):
        found[lead_id].append(at)
    return found


def _add_suppressions(work: Work, leads: Sequence[Person], known: dict[str, Facts]) -> None:
    emails = [(email_key(lead.email), lead.id) for lead in leads if lead.email]
    phones = [(lead.phone, lead.id) for lead in leads if lead.phone]
    of_kind: tuple[tuple[Kind, Channel, list[tuple[str, str]]], ...] = (
        ("email", Channel.EMAIL, emails),
        ("phone", Channel.SMS, phones),
    )
    for kind, channel, addresses in of_kind:
        gone = _gone(work, kind, [address for address, _ in addresses])
        if gone:
            for address, lead_id in addresses:
                if address in gone:
                    known[lead_id].suppressed.add(channel)


def _gone(work: Work, kind: Kind, addresses: list[str]) -> set[str]:
    starts = range(0, len(addresses), _ADDRESSES_A_CALL)
    return {gone for start in starts for gone in suppressed(work, kind, addresses[start : start + _ADDRESSES_A_CALL])}


def _addresses(lead: Person) -> dict[Channel, str]:
    addresses = {Channel.EMAIL: lead.email} if lead.email else {}
    if lead.phone:
        addresses[Channel.SMS] = lead.phone
    return addresses


def _zones(lead: Person) -> Sequence[str]:
    """The lead's own zone, else every zone that the phone number may be in."""
    if lead.time_zone:
        return (lead.time_zone,)
    return _zones_of(lead.phone) if lead.phone else ()


def _zones_of(phone: str) -> Sequence[str]:
    zones: Sequence[str] = phone_zones.time_zones_for_number(phonenumbers.parse(phone))
    return tuple(zone for zone in zones if zone != _UNKNOWN_ZONE)
