"""The rules of the gate: may this lead be contacted on this channel at this time?

`decide` is pure. Preview, launch and the worker just before sending all come here, one lead or a
thousand (`facts.load` gathers what it needs in a fixed number of queries).

Sources: consent before marketing SMS and calls and 8:00 to 21:00 in the recipient's own time, 47 CFR 64.1200
(TCPA); prior consent for e-mail in the EU and EEA, ePrivacy Directive 2002/58/EC article 13, in the
UK, PECR regulation 22, in Switzerland, UCA article 3(1)(o), and in Canada, CASL section 6; elsewhere
an opt-out that is honoured (CAN-SPAM, 15 U.S.C. 7704).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from overture_core.contactability.quiet_hours import LEGAL, Window
from overture_core.messages.channels import BY_PHONE, Channel

REPLY_REST = timedelta(days=30)
PAID_REST = timedelta(days=30)
# Within it anything may be written, after it only what Meta approved (Twilio, error 63016).
WHATSAPP_WINDOW = timedelta(hours=24)
# Whoever lets the sender send again wakes what waits for it (workspaces/senders.py); this is for a change of settings.
SENDER_ASKED_AGAIN = timedelta(hours=6)
_FURTHEST = timedelta(days=3)
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_EEA = {
    *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT"),
    *("LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO"),
}
CONSENT_FIRST = frozenset({*_EEA, "CA", "CH", "GB"})


class Verdict(StrEnum):
    """The gate's answer."""

    YES = "yes"
    LATER = "later"
    NEVER = "never"


class Reason(StrEnum):
    """Why not. Each is shown to people through `EXPLANATIONS`."""

    NO_ADDRESS = "no_address"
    SUPPRESSED = "suppressed"
    INVALID_ADDRESS = "invalid_address"
    CONSENT_DENIED = "consent_denied"
    CONSENT_MISSING = "consent_missing"
    REPLIED = "replied"
    PAID = "paid"
    UNVERIFIED_SENDER = "unverified_sender"
    WINDOW_CLOSED = "whatsapp_window_closed"
    ZONE_UNKNOWN = "time_zone_unknown"
    QUIET_HOURS = "quiet_hours"
    FREQUENCY_CAP = "frequency_cap"
    OUT_OF_OFFICE = "out_of_office"
    SENDER_WARMS_UP = "sender_warms_up"
    SENDER_OVER_LIMIT = "sender_over_limit"


EXPLANATIONS = {
    Reason.NO_ADDRESS: "has no address on this channel",
    Reason.SUPPRESSED: "asked not to be contacted, bounced or complained",
    Reason.INVALID_ADDRESS: "has an address that reaches no person on this channel (a landline, a no-reply mailbox)",
    Reason.CONSENT_DENIED: "refused consent to this channel",
    Reason.CONSENT_MISSING: "gave no consent, which this channel or country needs first",
    Reason.REPLIED: "answered within the last 30 days",
    Reason.PAID: "paid within the last 30 days",
    Reason.UNVERIFIED_SENDER: "is to be written to from a sender that is not verified",
    Reason.WINDOW_CLOSED: "did not write on WhatsApp within 24 hours, so that only an approved template may be sent",
    Reason.ZONE_UNKNOWN: "has no known time zone, or several with no hour in common, so quiet hours cannot be kept",
    Reason.QUIET_HOURS: "is outside the hours for SMS and calls in their own time zone (8:00 to 21:00, or narrower)",
    Reason.OUT_OF_OFFICE: "is away, as their automatic answer says",
    Reason.SENDER_WARMS_UP: "is to be written to from a sender that is being warmed up and has sent enough today",
    Reason.SENDER_OVER_LIMIT: "is to be written to from a sender that is over a limit of delivery health",
    Reason.FREQUENCY_CAP: "already got as many messages as a day or a week may have",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, why, and for `later` the time to ask again."""

    verdict: Verdict
    reason: Reason | None = None
    not_before: datetime | None = None


_YES = Decision(Verdict.YES)


@dataclass(frozen=True, slots=True)
class Caps:
    """How many messages a lead may get in any day and in any week, over all channels."""

    a_day: int = 1
    a_week: int = 3


CAPS = Caps()


@dataclass(slots=True)
class Facts:
    """What the rules need to know of one lead. `addresses` has the channels that they have an address on, `invalid`
    those whose address reaches nobody, `contacted` when messages were accepted lately, `zones` the time zones that the
    lead may be in, `hours` when an SMS may arrive there, `away_until` until when they are out of their office,
    `stopped_at` when they last asked to stop, on any channel."""

    country: str | None
    addresses: Collection[Channel]
    suppressed: set[Channel] = field(default_factory=set)
    consent: dict[Channel, bool] = field(default_factory=dict)
    zones: Sequence[str] = ()
    replied_at: datetime | None = None
    contacted: Sequence[datetime] = ()
    wrote_whatsapp_at: datetime | None = None
    invalid: Collection[Channel] = ()
    hours: Window = LEGAL
    away_until: datetime | None = None
    paid_at: datetime | None = None
    stopped_at: datetime | None = None


def decide(
    facts: Facts,
    channel: Channel,
    at: datetime,
    *,
    sender_verified: bool | None,
    free_text: bool = False,
    direct: bool = False,
    caps: Caps = CAPS,
    sender_rests_until: datetime | None = None,
) -> Decision:
    """Decide for one lead, channel and time. What never changes by waiting is asked first. `free_text` tells that
    a WhatsApp message is none of Meta's approved templates: it can only answer what the lead wrote within a day.
    `direct` tells of a single message outside of any campaign, which a person approved: to who wrote lately, and whose
    last word was not to stop, it is an answer (docs/decisions/020), and neither the reply nor the cap keeps it back.
    `sender_verified` is None where the channel has no sender; one that is refused may be accepted again.
    `sender_rests_until` is when a sender that is being warmed up may go on."""
    in_window = free_text and channel is Channel.WHATSAPP
    answers = in_window or (direct and _wrote_last(facts, at))
    never = _never(facts, channel, at, has_sender=sender_verified is not None, in_window=in_window, answers=answers)
    if never is not None:
        return Decision(Verdict.NEVER, never)
    earliest = _after_cap(facts.contacted, at, caps) if facts.contacted and not answers else at
    reason = Reason.FREQUENCY_CAP if earliest > at else Reason.QUIET_HOURS
    if facts.away_until is not None and facts.away_until > earliest:
        earliest, reason = facts.away_until, Reason.OUT_OF_OFFICE
    if sender_rests_until is not None and sender_rests_until > earliest:
        earliest, reason = sender_rests_until, Reason.SENDER_WARMS_UP
    if sender_verified is False and at + SENDER_ASKED_AGAIN > earliest:
        earliest, reason = at + SENDER_ASKED_AGAIN, Reason.UNVERIFIED_SENDER
    if channel in BY_PHONE:
        shared = _after_quiet(tuple(facts.zones), facts.hours, earliest)
        if shared is None:
            return Decision(Verdict.NEVER, Reason.ZONE_UNKNOWN)
        earliest = shared
    return Decision(Verdict.LATER, reason, earliest) if earliest > at else _YES


def _never(
    facts: Facts, channel: Channel, at: datetime, *, has_sender: bool, in_window: bool, answers: bool
) -> Reason | None:
    """The first of the reasons in this order. Asked of every lead of an audience: plain conditions, no table."""
    if channel not in facts.addresses:
        return Reason.NO_ADDRESS
    if channel in facts.suppressed:
        return Reason.SUPPRESSED
    consent = facts.consent.get(channel)
    if consent is False:
        return Reason.CONSENT_DENIED
    if consent is None and (channel in BY_PHONE or facts.country in CONSENT_FIRST):
        return Reason.CONSENT_MISSING
    if channel in facts.invalid:
        return Reason.INVALID_ADDRESS
    if (rests := _rests(facts, at, in_window=in_window, answers=answers)) is not None:
        return rests
    if not has_sender:
        return Reason.UNVERIFIED_SENDER
    return Reason.ZONE_UNKNOWN if channel in BY_PHONE and not facts.zones else None


def _wrote_last(facts: Facts, at: datetime) -> bool:
    """Say whether a lead wrote lately, and nothing since asks for silence: no wish to stop, no payment."""
    wrote_at = facts.replied_at
    if wrote_at is None or wrote_at <= at - REPLY_REST:
        return False
    return not any(ended is not None and ended >= wrote_at for ended in (facts.stopped_at, facts.paid_at))


def _rests(facts: Facts, at: datetime, *, in_window: bool, answers: bool) -> Reason | None:
    """The reason for which a lead is left alone for some weeks, or on WhatsApp until they write."""
    if in_window:
        wrote_at = facts.wrote_whatsapp_at
        return Reason.WINDOW_CLOSED if wrote_at is None or wrote_at <= at - WHATSAPP_WINDOW else None
    if answers:
        return None
    wrote_at = facts.replied_at if facts.replied_at is not None and facts.replied_at > at - REPLY_REST else None
    paid_at = facts.paid_at if facts.paid_at is not None and facts.paid_at > at - PAID_REST else None
    if paid_at is not None and (wrote_at is None or paid_at >= wrote_at):
        return Reason.PAID
    return Reason.REPLIED if wrote_at is not None else None


def rest_ends(facts: Facts, at: datetime) -> datetime | None:
    """Return until when a lead is left alone for a reply or a payment; None if it is for neither."""
    ends = [
        since + rest
        for since, rest in ((facts.replied_at, REPLY_REST), (facts.paid_at, PAID_REST))
        if since is not None and since + rest > at
    ]
    return max(ends, default=None)


def _after_cap(contacted: Sequence[datetime], at: datetime, caps: Caps) -> datetime:
    earliest = at
    for most, window in ((caps.a_day, _DAY), (caps.a_week, _WEEK)):
        recent = sorted(when for when in contacted if when > at - window)
        if len(recent) >= most:
            earliest = max(earliest, recent[-most] + window)
    return earliest


@lru_cache(maxsize=4096)  # an audience lives in a few zones, and is asked about for one moment
def _after_quiet(zones: tuple[str, ...], hours: Window, at: datetime) -> datetime | None:
    """Return the first time from `at` on that is inside the hours in every zone the lead may be in.

    None for zones that are too far apart to share one.
    """
    moment = at
    while moment - at <= _FURTHEST:
        later = max((_opening(zone, hours, moment) for zone in zones), default=moment)
        if later == moment:
            return moment
        moment = later
    return None


def _opening(zone: str, hours: Window, at: datetime) -> datetime:
    local = at.astimezone(ZoneInfo(zone))
    if hours.has(local.time()):
        return at
    day = local.date() if local.time() < hours.opens else local.date() + _DAY
    return datetime.combine(day, hours.opens, tzinfo=ZoneInfo(zone)).astimezone(at.tzinfo)
