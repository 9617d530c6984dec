"""Imports on record: what each did, how far it is, and the rows that it could not take."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field
from sqlalchemy import select, tuple_
from sqlalchemy.orm import aliased

from overture_core.errors import NotFound
from overture_core.leads.consent_notes import ConsentNotes
from overture_core.leads.mapping import ColumnRead
from overture_core.leads.records import MAX_ORIGINAL
from overture_core.storage.schema import ImportReject, LeadImport
from overture_core.storage.store import Work
from overture_core.text import quoted

SHOWN_REJECTS = 5
_MARK = secrets.token_hex(4)  # a process may get the number of one before it
QUIET = timedelta(seconds=60)
"""An import whose process is elsewhere and that wrote no chunk for so long has ended."""


class ImportState(StrEnum):
    """Where an import is. One that is `interrupted`, `cancelled` or `failed` goes on by importing the same file again.

    `interrupted` and `undo_interrupted` are told, and never stored: it is `running` or `undoing`, but no process is at
    it any more.
    """

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDO_INTERRUPTED = "undo_interrupted"
    UNDONE = "undone"


_LEFT = {ImportState.RUNNING: ImportState.INTERRUPTED, ImportState.UNDOING: ImportState.UNDO_INTERRUPTED}
_SINGULARS = (
    *(("rows", "row"), ("names", "name"), ("zones", "zone"), ("dates", "date"), ("values", "value")),
    *(("countries", "country"), ("consents", "consent"), ("addresses", "address")),
)
CUT = f"only its first {MAX_ORIGINAL:,} characters were kept"


class Reject(BaseModel):
    """A row that could not be taken. Of a long one only the beginning is kept, which `CUT` among its reasons says."""

    line: int
    original: str
    reasons: list[str]

    @property
    def is_whole(self) -> bool:
        """Say whether all of its text was kept."""
        return CUT not in self.reasons and len(self.original) < MAX_ORIGINAL  # older imports did not say it


class Counts(BaseModel):
    """What became of rows: rows = created + merged + unchanged + rejected."""

    rows: int = 0
    created: int = 0
    merged: int = 0
    unchanged: int = 0
    rejected: int = 0


class ImportReport(Counts):
    """What an import did: rows = created + merged + unchanged + rejected."""

    import_id: str | None = Field(description="None for a dry run.")
    filename: str
    encoding: str
    delimiter: str | None
    mapping: dict[str, str]
    unmapped: list[str] = Field(description="Columns kept as custom fields.")
    columns: list[ColumnRead] = Field(default_factory=list)
    reject_samples: list[Reject]
    warnings: list[str]
    resumed: int = Field(default=0, description="Rows done before it broke off, which were not read again.")
    shared: dict[int, list[str]] = Field(
        default_factory=dict, description="{line: leads} of rows that fit several leads; the first took it."
    )


class ImportView(Counts):
    """An import and how far it is."""

    id: str
    filename: str
    state: ImportState
    actor: str | None
    created_at: datetime
    updated_at: datetime | None
    go_on: str | None = Field(description="What to do about one that did not get to its end.")


class Checkpoint(Counts):
    """How far an import is, written in the transaction of each chunk."""

    notes: dict[str, int] = Field(default_factory=dict)
    erased: int = 0
    erased_lines: list[int] = Field(default_factory=list)
    by_phone: int = 0
    by_phone_line: int | None = None
    by_id: int = 0
    by_id_line: int | None = None
    shared: dict[int, list[str]] = Field(default_factory=dict)
    consent: ConsentNotes = Field(default_factory=ConsentNotes)


def noted(number: int, what: str) -> str:
    """Return a note of rows with how often it was made; `what` is in the plural, and becomes singular for one."""
    if number == 1:
        many, one = next((each for each in _SINGULARS if each[0] in what.split()), ("", ""))
        what = what.replace(many, one, 1).replace("that were", "that was").replace("that do ", "that does ")
        what = what.replace("their addresses", "its addresses")
    return f"{number} {what}"


def list_(work: Work, *, limit: int = 100, cursor: str | None = None) -> list[ImportView]:
    """Return imports, newest first; `cursor` is the last id of the page before."""
    newest = select(LeadImport).where(LeadImport.workspace_id == work.workspace)
    if cursor is not None:
        last = aliased(LeadImport)
        at = select(last.created_at).where(last.workspace_id == work.workspace, last.id == cursor).scalar_subquery()
        newest = newest.where(tuple_(LeadImport.created_at, LeadImport.id) < tuple_(at, cursor))
    found = work.session.scalars(newest.order_by(LeadImport.created_at.desc(), LeadImport.id.desc()).limit(limit))
    return [_view(row, work.now()) for row in found]


def _view(row: LeadImport, now: datetime) -> ImportView:
    # Before there were checkpoints, its report alone had the counts.
    counts = Counts.model_validate(row.checkpoint or row.report)
    state = ImportState(row.state)
    state = state if is_held(row, now) else _LEFT.get(state, state)
    return ImportView(
        id=row.id,
        filename=row.filename,
        state=state,
        actor=row.actor,
        created_at=row.created_at,
        updated_at=row.updated_at,
        go_on=_go_on(state, counts.rows),
        **counts.model_dump(include=set(Counts.model_fields)),
    )


def _go_on(state: ImportState, rows: int) -> str | None:
    if state in {ImportState.INTERRUPTED, ImportState.CANCELLED, ImportState.FAILED}:
        after = f"behind row {rows:,}" if rows else "from its beginning"
        return f"Import the same file with the same options again: it goes on {after}. What was stored stays."
    if state is ImportState.UNDO_INTERRUPTED:
        return "Take it back again (leads_undo, `overture imports undo`): what is left goes."
    return None


def show(work: Work, import_id: str) -> ImportView:
    """Return an import and how far it is.

    Raises:
        NotFound: there was no such import.
    """
    return _view(stored(work, import_id), work.now())


def get_report(work: Work, import_id: str) -> ImportReport:
    """Return what an import did.

    Raises:
        NotFound: there was no such import, or it broke off.
    """
    report = report_of(work, import_id)
    if report is None:
        msg = f"The import {import_id} did not get to its end; import its file again, which goes on where it stopped."
        raise NotFound(msg)
    return report


def report_of(work: Work, import_id: str) -> ImportReport | None:
    """Return what an import did, None if it did not get to its end.

    Raises:
        NotFound: there was no such import.
    """
    report = stored(work, import_id).report
    return ImportReport.model_validate(report) if report else None


def rejects(work: Work, import_id: str, *, limit: int | None = None) -> Iterator[Reject]:
    """Return the rows that an import could not take, in the file's order, as they are asked for.

    Raises:
        NotFound: there was no such import.
    """
    stored(work, import_id)
    return rejected(work, import_id, limit)


def rejected(work: Work, import_id: str, limit: int | None = None) -> Iterator[Reject]:
    """Return the rejected rows of an import that is there."""
    rows = select(ImportReject.line, ImportReject.original, ImportReject.reasons).where(
        ImportReject.workspace_id == work.workspace, ImportReject.import_id == import_id
    )
    found = work.session.execute(rows.order_by(ImportReject.line).limit(limit).execution_options(yield_per=1_000))
    return (Reject(line=line, original=original, reasons=reasons) for line, original, reasons in found)


def stored(work: Work, import_id: str, *, lock: bool = False) -> LeadImport:
    """Return an import's row.

    Raises:
        NotFound: there was no such import.
    """
    wanted = select(LeadImport).where(LeadImport.workspace_id == work.workspace, LeadImport.id == import_id)
    row = work.session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        msg = f"There is no import {quoted(import_id)}; `overture imports list` and leads_list name them."
        raise NotFound(msg)
    return row


def this_process() -> str:
    """Return what names this process as the one that is at an import."""
    return f"{socket.gethostname()[:150]} {os.getpid()} {_MARK}"


def is_held(row: LeadImport, now: datetime) -> bool:
    """Say whether a process is still at an import."""
    if row.state not in {ImportState.RUNNING, ImportState.UNDOING} or row.holder is None:
        return False
    recent = row.updated_at is not None and now - row.updated_at < QUIET
    host, pid, mark = row.holder.rsplit(" ", 2)
    if host != socket.gethostname()[:150]:
        return recent
    return recent and (mark == _MARK if int(pid) == os.getpid() else _is_alive(int(pid)))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
