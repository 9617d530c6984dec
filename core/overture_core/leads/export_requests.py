"""Exports that are asked for over MCP: nothing is written until a person at the command line releases them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput
from overture_core.ids import new_id
from overture_core.leads import requests
from overture_core.leads.exporting import DEFAULT, FORMATS, Progress, check_columns, count, export
from overture_core.leads.requests import RequestState
from overture_core.segments.filter import filter_of
from overture_core.storage.schema import ExportRequest
from overture_core.storage.store import Store, Work
from overture_core.text import clean, quoted


class ExportAsked(BaseModel):
    """A request for an export. `leads` is how many met its filter when it was asked for."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    state: RequestState
    where: str
    columns: list[str]
    format: str
    leads: int
    asked_by: str
    asked_at: datetime


class ExportRequestView(ExportAsked):
    """The same as a person sees it."""

    decided_by: str | None
    decided_at: datetime | None


def ask(work: Work, where: str | None, *, columns: Sequence[str] | None = None, format_: str = "csv") -> ExportAsked:
    """Ask for an export of the leads that meet a filter; the same one that waits already is returned again.

    Raises:
        FilterError: the filter cannot be read, or names a segment that is not there.
        InvalidInput: there is no such column or format.
        Conflict: too many wait already.
    """
    if format_ not in FORMATS:
        msg = f"{quoted(format_)} is no format; the formats are: {', '.join(FORMATS)}."
        raise InvalidInput(msg)
    asked = list(DEFAULT if columns is None else columns)
    check_columns(asked)
    found = count(work, filter_of(where))
    waiting = requests.newest(work, ExportRequest, RequestState.WAITING)
    same = next((e for e in waiting if (e.where, e.columns, e.format) == (where or "", asked, format_)), None)
    if same is not None:
        return ExportAsked.model_validate(same)
    requests.require_room(work, ExportRequest)
    row = ExportRequest(
        id=new_id("exp"),
        workspace_id=work.workspace,
        state=RequestState.WAITING,
        where=where or "",
        columns=asked,
        format=format_,
        leads=found,
        asked_by=clean(work.actor, limit=200),
        asked_at=work.now(),
    )
    work.session.add(row)
    work.session.flush()
    audit.record(work, "export.requested", row.id, leads=found, format=format_)
    return ExportAsked.model_validate(row)


def list_(work: Work, state: RequestState | None = None) -> list[ExportRequestView]:
    """Return requests, newest first, at most 200 of them."""
    return [ExportRequestView.model_validate(row) for row in requests.newest(work, ExportRequest, state)]


def release(
    store: Store,
    request_id: str,
    path: Path | None = None,
    *,
    workspace: str,
    actor: str,
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, int]:
    """Write the file that was asked for; returns where it is and how many leads are in it. For a person alone.

    Raises:
        NotFound: there is no such request.
        Conflict: it was decided before.
        InvalidInput: the file cannot be written, or has another ending than was asked for.
    """
    with store.read(workspace) as work:
        asked = ExportRequestView.model_validate(requests.undecided(work, ExportRequest, request_id))
    place = path or Path(f"leads-{asked.id}.{asked.format}")
    if place.suffix.lower() != f".{asked.format}":
        msg = f"The export was asked for as {asked.format}; name a file that ends in .{asked.format}."
        raise InvalidInput(msg)
    wanted = filter_of(asked.where or None)
    done = export(
        store,
        place,
        wanted,
        columns=asked.columns,
        workspace=workspace,
        actor=actor,
        force=force,
        progress=progress,
    )
    with store.begin(workspace, actor=actor) as work:
        requests.decide(work, requests.undecided(work, ExportRequest, request_id), RequestState.RELEASED)
    return place, done


def reject(work: Work, request_id: str) -> ExportRequestView:
    """Decide that an export is not made.

    Raises:
        NotFound: there is no such request.
        Conflict: it was decided before.
    """
    row = requests.undecided(work, ExportRequest, request_id)
    requests.decide(work, row, RequestState.REJECTED)
    return ExportRequestView.model_validate(row)
