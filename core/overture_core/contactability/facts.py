"""Gathers what the gate's rules need, for any number of leads in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import phonenumbers
from phonenumbers import timezone as phone_zones
from sqlalchemy import ColumnElement, func, or_, select

from overture_core.contactability.addresses import reaches_nobody, takes_no_sms
from overture_core.contactability.quiet_hours import LEGAL, Window, quiet_hours
from overture_core.contactability.rules import Facts
from overture_core.contactability.suppressed import suppressed_on
from overture_core.messages.channels import BY_PHONE, Addressed, Channel
from overture_core.messages.states import State
from overture_core.replies.intent import AUTOMATIC, Intent
from overture_core.storage.among import among
from overture_core.storage.schema import Consent, Message, Payment, Reply
from overture_core.storage.store import Work

_UNKNOWN_ZONE = "Etc/Unknown"
_LOOKBACK = timedelta(days=7)
_ON_THEIR_WAY = (State.SENDING, State.UNKNOWN)
# By whether there is an e-mail address, a number and a LinkedIn page: asked of every lead of an audience.
_REACHED = {
    (mail, phone, page): frozenset(
        {
            *([Channel.EMAIL] if mail else []),
            *(BY_PHONE if phone else []),
            *([Channel.LINKEDIN] if page else []),
        }
    )
    for mail in (False, True)
    for phone in (False, True)
    for page in (False, True)
}


class Person(Addressed, Protocol):
    """What is asked of a lead: a row of the table, or only these of its columns."""

    @property
    def id(self) -> str: ...
    @property
    def country(self) -> str | None: ...
    @property
    def time_zone(self) -> str | None: ...


def load(work: Work, leads: Sequence[Person], channels: Collection[Channel] = tuple(Channel)) -> dict[str, Facts]:
    """Return the facts by lead id, those that the rules of `channels` ask for; at most 10,000 leads a call.

    Most leads have nothing on record: those who are alike in the rest share one object, which is read only. For the
    frequency cap, messages that are on their way count like accepted ones.
    """
    ids = [lead.id for lead in leads]
    shut = suppressed_on(work, leads, channels)
    consents = _consents(work, ids)
    replied_at = _replies(work, ids)
    stopped_at = _replies(work, ids, intent=Intent.STOP)
    contacted = _contacts(work, ids)
    away = _away(work, ids)
    paid_at = _payments(work, ids)
    wrote_at = _replies(work, ids, Channel.WHATSAPP) if Channel.WHATSAPP in channels else {}
    on_record = {*shut, *consents, *replied_at, *contacted, *wrote_at, *away, *paid_at}
    by_email = Channel.EMAIL in channels
    # Only there the time of day counts, and a number's zones cost a search.
    by_phone = not BY_PHONE.isdisjoint(channels)
    hours = quiet_hours(work.settings.sms_hours)
    alike: dict[tuple[str | None, frozenset[Channel], Sequence[str], Window, bool], Facts] = {}
    known: dict[str, Facts] = {}
    for lead in leads:
        lead_id, window, reachable = lead.id, LEGAL, _reachable(lead)
        maybe_in: Sequence[str] = ()
        if by_phone:
            maybe_in, window = zones(lead), hours.window(lead.phone, lead.country)
        unread = by_email and lead.email is not None and reaches_nobody(lead.email)
        if lead_id in on_record:
            known[lead_id] = Facts(
                lead.country,
                reachable,
                shut.get(lead_id, set()),
                consents.get(lead_id, {}),
                maybe_in,
                replied_at.get(lead_id),
                contacted.get(lead_id, ()),
                wrote_at.get(lead_id),
                _invalid(unread=unread, no_sms=by_phone and lead.phone is not None and takes_no_sms(lead.phone)),
                window,
                away.get(lead_id),
                paid_at.get(lead_id),
                stopped_at.get(lead_id),
            )
            continue
        # No consent is on record, so that an SMS is out of the question whatever kind of line it is.
        kind = (lead.country, reachable, maybe_in, window, unread)
        if (facts := alike.get(kind)) is None:
            facts = alike[kind] = Facts(
                lead.country,
                reachable,
                zones=maybe_in,
                invalid=_invalid(unread=unread, no_sms=False),
                hours=window,
            )
        known[lead_id] = facts
    return known


def _consents(work: Work, ids: list[str]) -> dict[str, dict[Channel, bool]]:
    rows = (
        select(Consent.lead_id, Consent.channel, Consent.granted)
        .where(Consent.workspace_id == work.workspace, among(Consent.lead_id, ids))
        .order_by(Consent.recorded_at, Consent.id)
    )
    found: dict[str, dict[Channel, bool]] = defaultdict(dict)
    for lead_id, channel, granted in work.session.execute(rows):
        found[lead_id][Channel(channel)] = granted
    return found


def _replies(
    work: Work, ids: list[str], channel: Channel | None = None, *, intent: Intent | None = None
) -> dict[str, datetime]:
    # The workspace stands in a function, so that SQLite does not take its index and read every reply there is.
    rows = (
        select(Reply.lead_id, func.max(Reply.received_at))
        .where(
            func.coalesce(Reply.workspace_id, "") == work.workspace,
            among(Reply.lead_id, ids),
            Reply.intent.not_in(AUTOMATIC),
        )
        .group_by(Reply.lead_id)
    )
    if channel is not None:
        rows = rows.where(Reply.channel == channel)
    if intent is not None:
        rows = rows.where(Reply.intent == intent)
    return dict(work.session.execute(rows).all())


def _payments(work: Work, ids: list[str]) -> dict[str, datetime]:
    # The workspace stands in a function for the reason above.
    rows = (
        select(Payment.lead_id, func.max(Payment.at))
        .where(func.coalesce(Payment.workspace_id, "") == work.workspace, among(Payment.lead_id, ids))
        .group_by(Payment.lead_id)
    )
    return dict(work.session.execute(rows).all())


def _away(work: Work, ids: list[str]) -> dict[str, datetime]:
    # The workspace stands in a function for the reason above.
    rows = (
        select(Reply.lead_id, func.max(Reply.away_until))
        .where(
            func.coalesce(Reply.workspace_id, "") == work.workspace,
            among(Reply.lead_id, ids),
            Reply.away_until > work.now(),
        )
        .group_by(Reply.lead_id)
    )
    return {lead_id: until for lead_id, until in work.session.execute(rows) if until is not None}


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


def _reachable(lead: Person) -> frozenset[Channel]:
    return _REACHED[bool(lead.email), bool(lead.phone), bool(lead.linkedin_url)]


def _invalid(*, unread: bool, no_sms: bool) -> Collection[Channel]:
    both = ((Channel.EMAIL, unread), (Channel.SMS, no_sms))
    return [channel for channel, invalid in both if invalid] if unread or no_sms else ()


def zones(lead: Person) -> Sequence[str]:
    """Return the lead's own zone, else every zone that the phone number may be in."""
    if lead.time_zone:
        return (lead.time_zone,)
    return _zones_of(lead.phone) if lead.phone else ()


def hours(work: Work, channel: Channel, lead: Person) -> Window | None:
    """Return the hours in which a message of this channel may arrive there; None for any."""
    if channel not in BY_PHONE:
        return None
    return quiet_hours(work.settings.sms_hours).window(lead.phone, lead.country)


def _zones_of(phone: str) -> Sequence[str]:
    zones: Sequence[str] = phone_zones.time_zones_for_number(phonenumbers.parse(phone))
    return tuple(zone for zone in zones if zone != _UNKNOWN_ZONE)
