"""The gate's answer for one lead in words, with the facts that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import or_, select

from overture_core.contactability import facts
from overture_core.contactability.facts import zones
from overture_core.contactability.gate import contactabilities
from overture_core.contactability.quiet_hours import quiet_hours
from overture_core.contactability.rules import EXPLANATIONS, Decision, Reason, Verdict, rest_ends
from overture_core.contactability.suppressed import counted_addresses
from overture_core.errors import InvalidInput
from overture_core.leads.finding import lead_of
from overture_core.leads.normalise import mailbox
from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.storage.schema import Consent, Lead, Suppression
from overture_core.storage.store import Work
from overture_core.suppressions.service import domains_of

_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_SHOWN_ZONES = 4
_MAILBOX = "mailbox"
_RESTS = (Reason.REPLIED, Reason.PAID)  # `never` for what is under way; `not_before` says until when they rest


class Explained(BaseModel):
    """The answer for one channel. `evidence` says what is on record: consent, suppressions, zones and hours."""

    channel: Channel
    verdict: Verdict
    reason: Reason | None
    not_before: datetime | None
    text: str
    evidence: list[str]


class Explanation(BaseModel):
    """Whether a lead may be contacted at a time, channel by channel."""

    lead_id: str
    at: datetime
    channels: list[Explained]


def explain(
    work: Work, lead_id: str, channels: Sequence[Channel] = tuple(Channel), at: datetime | None = None
) -> Explanation:
    """Say in words whether a lead may be contacted; the rules are those that sending asks.

    A time without a zone is UTC.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: the time is in no year that anybody is contacted in.
    """
    moment = (at if at is None or at.tzinfo else at.replace(tzinfo=UTC)) or work.now()
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        msg = f"The time has to be in the years {_FIRST_YEAR} to {_LAST_YEAR}; give another, or none for now."
        raise InvalidInput(msg)
    lead = lead_of(work, lead_id)
    decided = contactabilities(work, [lead], channels, moment)[lead.id]
    rest = rest_ends(facts.load(work, [lead], channels)[lead.id], moment)
    decided = {
        channel: replace(decision, not_before=rest) if decision.reason in _RESTS else decision
        for channel, decision in decided.items()
    }
    return Explanation(
        lead_id=lead.id,
        at=moment,
        channels=[
            Explained(
                channel=channel,
                verdict=decision.verdict,
                reason=decision.reason,
                not_before=decision.not_before,
                text=_words(lead, decision),
                evidence=_evidence(work, lead, channel),
            )
            for channel, decision in decided.items()
        ],
    )


def _words(lead: Lead, decision: Decision) -> str:
    if decision.reason is None:
        return "may be contacted at this time"
    why = EXPLANATIONS[decision.reason]
    if decision.not_before is None:
        return f"may not be contacted: {why}"
    if decision.verdict is Verdict.NEVER:
        return f"may not be contacted before {decision.not_before.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {why}"
    when = f"{decision.not_before.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if lead.time_zone:
        when += f" ({decision.not_before.astimezone(ZoneInfo(lead.time_zone)):%H:%M} in {lead.time_zone})"
    return f"may be contacted from {when} on: {why}"


def _evidence(work: Work, lead: Lead, channel: Channel) -> list[str]:
    consent = work.session.scalar(
        select(Consent)
        .where(Consent.workspace_id == work.workspace, Consent.lead_id == lead.id, Consent.channel == channel)
        .order_by(Consent.recorded_at.desc(), Consent.id.desc())
        .limit(1)
    )
    lines = ["no consent on record"]
    if consent is not None:
        said = "agreed" if consent.granted else "refused"
        lines = [f"{said} on {consent.given_at or consent.recorded_at:%Y-%m-%d} ({consent.source})"]
        if consent.wording:
            lines.append(f"in the words {consent.wording!r}")
    lines += [
        f"suppressed {each.kind} since {each.created_at:%Y-%m-%d}: {each.reason} ({each.origin})"
        for each in _suppressions(work, lead, channel)
    ]
    if channel in BY_PHONE:
        hours = quiet_hours(work.settings.sms_hours).window(lead.phone, lead.country)
        lines.append(f"may arrive from {hours} in {_listed(zones(lead))}")
    return lines


def _listed(zones: Sequence[str]) -> str:
    more = f" and {len(zones) - _SHOWN_ZONES} more" if len(zones) > _SHOWN_ZONES else ""
    return f"{', '.join(zones[:_SHOWN_ZONES]) or 'no known time zone'}{more}"


def _suppressions(work: Work, lead: Lead, channel: Channel) -> list[Suppression]:
    wanted = [("person", lead.id)]
    for kind, address in counted_addresses(work, lead, channel):
        wanted.append((kind, address) if kind != "email" else (_MAILBOX, mailbox(address)))
        if kind == "email":
            wanted += [("domain", each) for each in domains_of(address.rpartition("@")[2])]
    values = [value for _, value in wanted]
    rows = select(Suppression).where(
        Suppression.workspace_id == work.workspace,
        or_(Suppression.value.in_(values), Suppression.mailbox.in_(values)),
    )
    found = work.session.scalars(rows.order_by(Suppression.id))
    return [row for row in found if (row.kind, row.value) in wanted or (_MAILBOX, row.mailbox) in wanted]
