"""One lead by its id, or by what a person knows of them, for everybody who is given one."""

from __future__ import annotations

from sqlalchemy import select, tuple_

from overture_core.errors import InvalidInput, NotFound
from overture_core.leads.normalise import e164, email_key
from overture_core.storage.schema import Lead, LeadIdentity
from overture_core.storage.store import Work
from overture_core.text import quoted


def lead_of(work: Work, lead_id: str, *, lock: bool = False) -> Lead:
    """Return a lead of the workspace; with `lock`, nobody changes it before the end of the transaction.

    Raises:
        NotFound: there is no such lead, or they were erased.
    """
    wanted = select(Lead).where(Lead.workspace_id == work.workspace, Lead.id == lead_id, Lead.erased_at.is_(None))
    lead = work.session.scalar(wanted.with_for_update() if lock else wanted)
    if lead is None:
        raise no_such_lead(lead_id)
    return lead


def lead_id_of(work: Work, lead: str) -> str:
    """Return the id of a lead who is named by it, by an e-mail address or by a phone number such as +12125550101.

    Raises:
        NotFound: there is no such lead.
    """
    if lead.startswith("lead_"):
        return lead
    named = [("email", email_key(lead)), ("phone", _number(lead))]
    known = select(LeadIdentity.lead_id).where(
        LeadIdentity.workspace_id == work.workspace, tuple_(LeadIdentity.kind, LeadIdentity.value).in_(named)
    )
    found = work.session.scalar(known)
    if found is None:
        msg = f"There is no lead {quoted(lead)}; give a lead's id, e-mail address or phone number (+12125550101)."
        raise NotFound(msg)
    return found


def _number(text: str) -> str:
    try:
        return e164(text, None)
    except InvalidInput:
        return text


def no_such_lead(lead_id: str) -> NotFound:
    """Return what is raised for a lead that is not there."""
    return NotFound(f"There is no lead {quoted(lead_id)}; leads_search finds leads and their ids.")
