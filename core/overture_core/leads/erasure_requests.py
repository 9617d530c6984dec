"""Erasures that are asked for over MCP: nobody is erased until a person at the command line releases it.

A request holds a lead's id and nothing of the person, so that nothing is left in it of who was erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.ids import new_id
from overture_core.leads import requests
from overture_core.leads.erasing import Erased, erase
from overture_core.leads.finding import lead_of
from overture_core.leads.requests import RequestState
from overture_core.storage.among import among
from overture_core.storage.schema import ErasureRequest, Lead
from overture_core.storage.store import Work
from overture_core.text import clean


class ErasureAsked(BaseModel):
    """A request to erase a lead."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    state: RequestState
    lead_id: str
    asked_by: str
    asked_at: datetime


class ErasureRequestView(ErasureAsked):
    """The same as a person sees it. `who` is read from the lead each time: nothing of who was erased."""

    who: str
    decided_by: str | None
    decided_at: datetime | None


def ask(work: Work, lead_id: str) -> ErasureAsked:
    """Ask for the erasure of a lead; a request for them that waits already is returned again.

    Raises:
        NotFound: there is no such lead.
        Conflict: too many wait already.
    """
    lead = lead_of(work, lead_id, lock=True)
    same = select(ErasureRequest).where(ErasureRequest.lead_id == lead.id, ErasureRequest.state == RequestState.WAITING)
    row = work.session.scalar(same)
    if row is None:
        requests.require_room(work, ErasureRequest)
        row = ErasureRequest(
            id=new_id("era"),
            workspace_id=work.workspace,
            lead_id=lead.id,
            state=RequestState.WAITING,
            asked_by=clean(work.actor, limit=200),
            asked_at=work.now(),
        )
        work.session.add(row)
        work.session.flush()
        audit.record(work, "erasure.requested", row.id, lead=lead.id)
    return ErasureAsked.model_validate(row)


def list_(work: Work) -> list[ErasureRequestView]:
    """Return requests, newest first, at most 200 of them."""
    return _shown(work, requests.newest(work, ErasureRequest))


def undecided(work: Work, request_id: str) -> ErasureRequestView:
    """Return a request that waits.

    Raises:
        NotFound: there is no such request.
        Conflict: it was decided before.
    """
    (found,) = _shown(work, [requests.undecided(work, ErasureRequest, request_id)])
    return found


def release(work: Work, request_id: str) -> Erased:
    """Erase who the request is about, which decides it. For a person alone; apply stored webhook events before.

    Raises:
        NotFound: there is no such request.
        Conflict: it was decided before, or the lead cannot be erased just now: it goes on waiting.
        ConfigurationError: several machines may share this database, and no secret key is set for all of them.
    """
    return erase(work, requests.undecided(work, ErasureRequest, request_id).lead_id)


def reject(work: Work, request_id: str) -> ErasureAsked:
    """Decide that a lead is not erased.

    Raises:
        NotFound: there is no such request.
        Conflict: it was decided before.
    """
    row = requests.undecided(work, ErasureRequest, request_id)
    requests.decide(work, row, RequestState.REJECTED)
    return ErasureAsked.model_validate(row)


def _shown(work: Work, rows: Sequence[ErasureRequest]) -> list[ErasureRequestView]:
    about = select(Lead).where(among(Lead.id, sorted({row.lead_id for row in rows})))
    who = {lead.id: _who(lead) for lead in work.session.scalars(about)}
    return [
        ErasureRequestView(
            **ErasureAsked.model_validate(row).model_dump(),
            who=who[row.lead_id],
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        for row in rows
    ]


def _who(lead: Lead) -> str:
    name = " ".join(each for each in (lead.first_name, lead.last_name) if each)
    return ", ".join(each for each in (name, lead.email, lead.phone, lead.company) if each)
