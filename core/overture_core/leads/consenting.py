"""Consent that is recorded later than an import: with its evidence, or a refusal, which counts at once.

The rule (docs/consent.md): a refusal is taken from anybody at any time. A grant needs its source and its wording. After
a refusal, or to a suppressed address, a grant is recorded by a person alone, and after a refusal it has to be newer.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel
from sqlalchemy import Select, select

from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput
from overture_core.ids import new_id
from overture_core.leads.finding import lead_of
from overture_core.leads.normalise import email_key
from overture_core.leads.service import ConsentView
from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.messages.stopping import stop_lead
from overture_core.storage.schema import Consent, Lead
from overture_core.storage.store import Work
from overture_core.suppressions.service import domains_of, suppressed
from overture_core.text import clean

WITHDRAWN = "consent_withdrawn"


class ConsentRecorded(BaseModel):
    """What is on record now for a channel, whether that is new, and how many pending messages were cancelled."""

    lead_id: str
    consent: ConsentView
    changed: bool
    cancelled: int


def record(
    work: Work,
    lead_id: str,
    channel: Channel,
    *,
    granted: bool,
    source: str = "",
    wording: str = "",
    given_at: datetime | None = None,
    by_person: bool = False,
) -> ConsentRecorded:
    """Record that a lead agreed to a channel or refused it; a refusal cancels what is pending on it.

    `given_at` is when they said so, UTC without a zone; `by_person` means that a person at the command line records it.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: a grant lacks its source or wording, or its time is yet to come.
        Conflict: they refused before, and this is no newer grant that a person records.
    """
    lead = lead_of(work, lead_id, lock=True)
    at = given_at.replace(tzinfo=UTC) if given_at is not None and given_at.tzinfo is None else given_at
    said_by, words = clean(source, limit=200), clean(wording, limit=1_000)
    if at is not None and at > work.now():
        msg = f"{at:%Y-%m-%d %H:%M} UTC is yet to come; give the time at which they said so."
        raise InvalidInput(msg)
    newest = work.session.scalar(_of(work, lead.id, channel).limit(1))
    if granted:
        _check_grant(newest, said_by, words, at, by_person=by_person)
        if not by_person and _is_suppressed(work, lead, channel):
            msg = "They are suppressed; no tool overrules that. A person records a grant by `overture consent record`."
            raise Conflict(msg)
    # Who recorded a grant that no person did is part of its evidence.
    told = " ".join(filter(None, (said_by, None if by_person else f"(recorded by {work.actor})")))
    wanted = (granted, clean(told, limit=300), words or None)
    same = newest is not None and wanted == (newest.granted, newest.source, newest.wording)
    if newest is not None and same and at in (None, newest.given_at):
        return _told(lead.id, newest, changed=False, cancelled=0)
    row = Consent(
        id=new_id("cns"),
        workspace_id=work.workspace,
        lead_id=lead.id,
        channel=channel,
        granted=granted,
        source=wanted[1],
        wording=wanted[2],
        given_at=at,
        recorded_at=work.now(),
    )
    work.session.add(row)
    work.session.flush()
    cancelled = 0 if granted else stop_lead(work, lead.id, cause=WITHDRAWN, channel=channel)
    audit.record(work, "consent.recorded", lead.id, channel=channel.value, granted=granted, cancelled=cancelled)
    return _told(lead.id, row, changed=True, cancelled=cancelled)


def history(work: Work, lead_id: str) -> list[ConsentView]:
    """Return every consent and refusal on record, newest first; the first of a channel counts.

    Raises:
        NotFound: there is no such lead.
    """
    lead = lead_of(work, lead_id)
    return [ConsentView.model_validate(row) for row in work.session.scalars(_of(work, lead.id))]


def _check_grant(newest: Consent | None, source: str, wording: str, at: datetime | None, *, by_person: bool) -> None:
    if not source or not wording:
        msg = "A grant needs its evidence: where it was given (source), and what they agreed to (wording)."
        raise InvalidInput(msg)
    if newest is None or newest.granted:
        return
    refused = newest.given_at or newest.recorded_at
    if not by_person:
        msg = (
            f"They refused on {refused:%Y-%m-%d}; no tool overrules that. With a newer grant at hand, a person records "
            "it by `overture consent record`."
        )
        raise Conflict(msg)
    if at is None or at <= refused:
        msg = f"They refused on {refused:%Y-%m-%d %H:%M} UTC; a grant has to be newer, so give its time with --at."
        raise Conflict(msg)


def _is_suppressed(work: Work, lead: Lead, channel: Channel) -> bool:
    if suppressed(work, "person", [lead.id]):
        return True
    if channel in BY_PHONE:
        return lead.phone is not None and bool(suppressed(work, "phone", [lead.phone]))
    if lead.email is None:
        return False
    address = email_key(lead.email)
    domains = domains_of(address.rpartition("@")[2])
    return bool(suppressed(work, "email", [address]) or suppressed(work, "domain", domains))


def _of(work: Work, lead_id: str, channel: Channel | None = None) -> Select[Consent]:
    rows = select(Consent).where(Consent.workspace_id == work.workspace, Consent.lead_id == lead_id)
    if channel is not None:
        rows = rows.where(Consent.channel == channel)
    return rows.order_by(Consent.recorded_at.desc(), Consent.id.desc())


def _told(lead_id: str, row: Consent, *, changed: bool, cancelled: int) -> ConsentRecorded:
    view = ConsentView.model_validate(row)
    return ConsentRecorded(lead_id=lead_id, consent=view, changed=changed, cancelled=cancelled)
