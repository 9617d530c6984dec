"""Leads and rejected rows as files, safe to open in a spreadsheet.

An export is read page by page and written row by row, so that memory does not grow with it; what it holds an import
takes again, and changes nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, TextIO

from sqlalchemy import func, select

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput
from overture_core.files import written
from overture_core.leads.header_names import PREFIX, field_of
from overture_core.leads.imports import Reject, stored
from overture_core.leads.spreadsheets import harmless
from overture_core.messages.channels import Channel
from overture_core.segments.filter import LeadFilter, where
from overture_core.storage.among import among
from overture_core.storage.schema import Consent, ImportReject, Lead, LeadTag
from overture_core.storage.store import Store, Work
from overture_core.text import quoted

Format = Literal["csv", "xlsx", "jsonl"]
FORMATS: tuple[Format, ...] = ("csv", "xlsx", "jsonl")
PAGE = 1_000
MOST_IN_A_SHEET = 1_048_575  # rows below the header (Excel specifications and limits)
_FIELDS = (
    *("email", "phone", "first_name", "last_name", "company", "title", "country", "time_zone", "language"),
    *("linkedin_url", "external_id", "notes", "last_contact_at"),
)
_EVIDENCE = ("consent_source", "consent_text", "consent_at")
_REFUSED = {f"{channel}_opt_out": channel for channel in Channel}
CUSTOM = "custom"
# Named as an import knows them, so that a file comes back as it was.
DEFAULT = (*_FIELDS, "tags", "consent", *_EVIDENCE, *_REFUSED, CUSTOM)
_ASKED_FOR = ("id", "import_id", "created_at", "updated_at")

Progress = Callable[[int, int], None]
_Write = Callable[[Sequence[str]], None]


class RejectsPage(NamedTuple):
    """Some rejected rows, and whether there are more behind the last one's line."""

    rows: list[Reject]
    more: bool


def rejects_page(work: Work, import_id: str, *, after: int = 0, most: int) -> RejectsPage:
    """Return rejected rows behind a line of the file, with at most `most` characters in all, and at least one row.

    Raises:
        NotFound: there was no such import.
    """
    stored(work, import_id)
    rows = select(ImportReject).where(
        ImportReject.workspace_id == work.workspace, ImportReject.import_id == import_id, ImportReject.line > after
    )
    found: list[Reject] = []
    size = 0
    for row in work.session.scalars(rows.order_by(ImportReject.line).execution_options(yield_per=100)):
        size += len(row.original) + sum(map(len, row.reasons)) + 20
        if found and size > most:
            return RejectsPage(found, more=True)
        found.append(Reject(line=row.line, original=row.original, reasons=row.reasons))
    return RejectsPage(found, more=False)


def rejects_csv(rejects: Iterable[Reject], *, more: str | None = None) -> str:
    """Return rejected rows as CSV: line, reasons, original text; no cell is read as a formula. `more` is where the
    next ones are, and becomes the last row."""
    made = io.StringIO()
    write_rejects(rejects, made)
    if more is not None:
        csv.writer(made).writerow(("", "there are more", more))
    return made.getvalue()


def write_rejects(rejects: Iterable[Reject], file: TextIO) -> None:
    """Write the same into a file, row by row."""
    writer = csv.writer(file)
    writer.writerow(("line", "reasons", "original"))
    writer.writerows((row.line, harmless("; ".join(row.reasons)), harmless(row.original)) for row in rejects)


def format_of(path: Path) -> Format:
    """Return the format that a file's ending says.

    Raises:
        InvalidInput: it says none.
    """
    for each in FORMATS:
        if path.suffix.lower() == f".{each}":
            return each
    msg = f"{path.name} should end in .csv, .xlsx or .jsonl."
    raise InvalidInput(msg)


def check_columns(columns: Sequence[str]) -> None:
    """Make sure that there are such columns; `custom.NAME` is one of a file that was imported, `custom` all of them.

    Raises:
        InvalidInput: there is one that is not, or none at all.
    """
    known = (*DEFAULT, *_ASKED_FOR)
    wrong = next((each for each in columns if each not in known and not each.startswith(PREFIX)), None)
    if wrong is not None:
        msg = f"There is no column {quoted(wrong)}; the columns are: {', '.join(known)}, custom.NAME."
        raise InvalidInput(msg)
    if not columns:
        msg = "Name at least one column."
        raise InvalidInput(msg)


def export(
    store: Store,
    path: Path,
    wanted: LeadFilter,
    *,
    workspace: str,
    actor: str,
    columns: Sequence[str] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write the leads that meet a filter to a CSV, XLSX or JSON Lines file, by its ending; returns how many.

    The file appears whole or not at all, and is for its owner alone. In CSV and XLSX no cell is read as a formula.

    Raises:
        InvalidInput: the ending, a column or the file cannot be used, or a sheet has no room for so many.
        FilterError: the filter names a segment that is not there.
    """
    format_ = format_of(path)
    asked = DEFAULT if columns is None else columns
    check_columns(asked)
    done = 0
    with written(path, force=force) as temporary:
        # Read without a lock, so that a large export holds nobody up; the file appears once the audit knows of it.
        with store.read(workspace) as work:
            total = count(work, wanted)
            if format_ == "xlsx" and total > MOST_IN_A_SHEET:
                msg = f"A sheet holds {MOST_IN_A_SHEET:,} leads and there are {total:,}; export to .csv or .jsonl."
                raise InvalidInput(msg)
            names = _names(work, wanted, asked)
            with _sheet(temporary, format_, names) as write:
                for page in _pages(work, wanted):
                    for lead, cells in page:
                        write([_cell(lead, cells, name) for name in names])
                    done += len(page)
                    if progress is not None:
                        progress(done, total)
        with store.begin(workspace, actor=actor) as work:
            audit.record(work, "leads.exported", leads=done, format=format_)
    return done


def count(work: Work, wanted: LeadFilter) -> int:
    """Return how many leads meet a filter."""
    return work.session.scalar(select(func.count()).select_from(Lead).where(*where(work, wanted))) or 0


def _names(work: Work, wanted: LeadFilter, columns: Sequence[str]) -> list[str]:
    """Return the columns of the file: `custom` becomes every custom field that a lead of it has."""
    names = dict.fromkeys(each for each in columns if each != CUSTOM)
    if CUSTOM in columns:
        held = {key for page in _keyed(work, wanted) for lead in page for key in lead.custom}
        names |= dict.fromkeys(f"{PREFIX}{key}" for key in sorted(held))
    return list(names)


def _keyed(work: Work, wanted: LeadFilter) -> Iterator[Sequence[Lead]]:
    last = ""
    while True:
        rows = select(Lead).where(*where(work, wanted), Lead.id > last).order_by(Lead.id).limit(PAGE)
        found = work.session.scalars(rows).all()
        if not found:
            return
        last = found[-1].id
        yield found
        for lead in found:
            work.session.expunge(lead)


def _pages(work: Work, wanted: LeadFilter) -> Iterator[list[tuple[Lead, dict[str, str]]]]:
    """The leads with what hangs on them, by column."""
    for leads in _keyed(work, wanted):
        ids = [lead.id for lead in leads]
        tags: dict[str, list[str]] = defaultdict(list)
        tagged = select(LeadTag.lead_id, LeadTag.tag).where(among(LeadTag.lead_id, ids)).order_by(LeadTag.tag)
        for lead_id, tag in work.session.execute(tagged):
            tags[lead_id].append(tag)
        newest: dict[str, dict[Channel, Consent]] = defaultdict(dict)
        consents = select(Consent).where(Consent.workspace_id == work.workspace, among(Consent.lead_id, ids))
        for row in work.session.scalars(consents.order_by(Consent.recorded_at, Consent.id)).all():
            newest[row.lead_id][Channel(row.channel)] = row
            work.session.expunge(row)
        yield [(lead, {"tags": ";".join(tags[lead.id]), **_consent(newest[lead.id])}) for lead in leads]


def _consent(newest: dict[Channel, Consent]) -> dict[str, str]:
    granted = [row for row in newest.values() if row.granted]
    cells = {"consent": ";".join(row.channel for row in granted)}
    cells |= {name: "yes" for name, channel in _REFUSED.items() if channel in newest and not newest[channel].granted}
    if granted:  # of the newest grant: a file of leads has one column for each
        last = max(granted, key=lambda row: row.recorded_at)
        at = last.given_at.isoformat() if last.given_at else ""
        cells |= dict(zip(_EVIDENCE, (last.source, last.wording or "", at), strict=True))
    return cells


def _cell(lead: Lead, cells: dict[str, str], name: str) -> str:
    if name.startswith(PREFIX):
        value: object = lead.custom.get(name.removeprefix(PREFIX))
    elif name in _FIELDS or name in _ASKED_FOR:
        value = getattr(lead, name)
    else:
        value = cells.get(name)
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


def _head(name: str, names: Sequence[str]) -> str:
    """Return what a column is called: a custom field as in the file that it came from, unless an import would take
    that for something else."""
    own = name.removeprefix(PREFIX)
    return name if own in names or own.startswith(PREFIX) or field_of(own) is not None else own


@contextmanager
def _sheet(path: Path, format_: Format, names: Sequence[str]) -> Iterator[_Write]:
    heads = [_head(name, names) for name in names]
    if format_ == "xlsx":
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet("Leads")

        def fill(cells: Sequence[str]) -> None:
            sheet.append([harmless(cell) if cell else None for cell in cells])

        fill(heads)
        yield fill
        book.save(path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)

        def row(cells: Sequence[str]) -> None:
            writer.writerow([harmless(cell) for cell in cells])

        def line(cells: Sequence[str]) -> None:
            filled = {head: cell for head, cell in zip(heads, cells, strict=True) if cell}
            file.write(json.dumps(filled, ensure_ascii=False) + "\n")

        if format_ == "csv":
            row(heads)
        yield row if format_ == "csv" else line
