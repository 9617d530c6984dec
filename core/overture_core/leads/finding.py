"""One lead by its id, for everybody who is given one."""

from __future__ import annotations

from sqlalchemy import select

from overture_core.errors import NotFound
from overture_core.storage.schema import Lead
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


def no_such_lead(lead_id: str) -> NotFound:
    """Return what is raised for a lead that is not there."""
    return NotFound(f"There is no lead {quoted(lead_id)}; leads_search finds leads and their ids.")
