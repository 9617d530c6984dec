"""Lifting a suppression: a person does it, with a reason, and never against what the lead said last.

What was added by hand or for a bounce is lifted on a person's word, and so is a domain, which is nobody who could
consent: whoever asked from an address there is suppressed by that address. All else is taken for the lead's own wish
(STOP, an unsubscribe, a complaint, a list from elsewhere): it is lifted only if a grant of consent, given later than
it, is on record for a channel that it blocks.
"""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import delete, select

from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.storage.schema import Consent, LeadIdentity, Suppression
from overture_core.storage.store import Work
from overture_core.suppressions.service import BY_HAND, Kind, normalised
from overture_core.text import clean, quoted


class Lifted(BaseModel):
    """A suppression that is no more, why, and the grant of consent that it was lifted for, if it needed one."""

    kind: Kind
    value: str
    was: str
    reason: str
    consent: str | None


def lift(work: Work, kind: Kind, value: str, *, reason: str) -> Lifted:
    """Lift a suppression.

    Raises:
        InvalidInput: the value is none of its kind, or there is no reason.
        NotFound: it is not suppressed.
        Conflict: the lead asked for it, and no newer consent is on record.
    """
    key, why = normalised(kind, value), clean(reason, limit=200)
    if not why:
        msg = "Say why it is lifted, without naming anybody; the audit keeps it."
        raise InvalidInput(msg)
    mine = (Suppression.workspace_id == work.workspace, Suppression.kind == kind, Suppression.value == key)
    row = work.session.scalar(select(Suppression).where(*mine).with_for_update())
    if row is None:
        msg = f"{quoted(key)} is not suppressed by itself; `overture suppressions list` shows what is."
        raise NotFound(msg)
    consent = None if kind == "domain" or row.reason in BY_HAND else _newer_consent(work, row)
    work.session.execute(delete(Suppression).where(*mine))
    subject = key if kind == "person" else audit.pseudonym(work, kind, key)
    audit.record(work, "suppression.lifted", subject, was=row.reason, why=why, with_consent=consent is not None)
    return Lifted(kind=kind, value=key, was=row.reason, reason=why, consent=consent)


def _newer_consent(work: Work, row: Suppression) -> str:
    owners = select(LeadIdentity.lead_id).where(
        LeadIdentity.workspace_id == work.workspace, LeadIdentity.kind == row.kind, LeadIdentity.value == row.value
    )
    leads = [row.value] if row.kind == "person" else list(work.session.scalars(owners))
    channels = {"email": [Channel.EMAIL], "phone": sorted(BY_PHONE), "person": list(Channel)}[row.kind]
    for channel in channels:
        newest = work.session.scalar(
            select(Consent)
            .where(Consent.workspace_id == work.workspace, Consent.lead_id.in_(leads), Consent.channel == channel)
            .order_by(Consent.recorded_at.desc(), Consent.id.desc())
            .limit(1)
        )
        if newest is None or not newest.granted or newest.given_at is None or newest.given_at <= row.created_at:
            continue
        if newest.wording:
            return f"{channel} on {newest.given_at:%Y-%m-%d %H:%M} UTC ({newest.source}): {newest.wording}"
    msg = (
        f"It was suppressed on {row.created_at:%Y-%m-%d %H:%M} UTC for {row.reason!r}, which is theirs to take back: "
        "record the consent that they gave since by `overture consent record`, with --at, then lift it."
    )
    raise Conflict(msg)
