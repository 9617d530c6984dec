"""Signals from a file: each row names a lead whom we know, what happened to them, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import chain, islice

from pydantic import BaseModel, Field
from sqlalchemy import select, tuple_

from overture_core.audit.summaries import summary
from overture_core.errors import InvalidInput
from overture_core.leads.dates import Order, find_order, parse_date
from overture_core.leads.mapping import columns_are, propose
from overture_core.leads.normalise import e164, email_key, valid_email
from overture_core.leads.reading import Row, Source, open_table
from overture_core.leads.rows import linkedin_page
from overture_core.scoring import signals
from overture_core.scoring.signals import Kind
from overture_core.storage.chunked import transactions
from overture_core.storage.schema import LeadIdentity
from overture_core.storage.store import Store, Work
from overture_core.text import clean, quoted

SAMPLE, CHUNK, SHOWN = 200, 500, 20
COUNTS = {"rows", "recorded", "unchanged", "rejected"}
_IDENTITIES = {"external_id": "external", "email": "email", "phone": "phone", "linkedin_url": "linkedin"}
_OWN = {
    "kind": {"kind", "signal", "type", "event"},
    "at": {"at", "date", "observed", "observed at", "observed_at", "when"},
    "notes": {"note", "notes", "comment", "details"},
}


class SignalReject(BaseModel):
    """A row that could not be taken, and why."""

    line: int
    original: str
    reason: str


class SignalReport(BaseModel):
    """What an import of signals did: rows = recorded + unchanged + rejected."""

    filename: str
    encoding: str
    delimiter: str | None
    columns: dict[str, str] = Field(description="What each column was taken for; the others are left out.")
    rows: int = 0
    recorded: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects: list[SignalReject] = Field(default_factory=list, description="The first of them.")
    warnings: list[str] = Field(default_factory=list)


def import_signals(
    store: Store,
    source: Source,
    *,
    workspace: str,
    actor: str,
    encoding: str | None = None,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SignalReport:
    """Import signals; the same file again changes nothing. `progress` is told the rows that are done.

    Raises:
        UnreadableFile: the file cannot be read.
        InvalidInput: no column names a lead, the kind or the date, or there is no such encoding.
    """
    with closing(open_table(source, encoding)) as table:
        sample = list(islice(table.rows, SAMPLE))
        cells = [row.cells for row in sample if row.cells is not None]
        columns = _understood(table.columns, cells)
        report = SignalReport(
            filename=source.filename,
            encoding=table.encoding,
            delimiter=table.delimiter,
            columns={column: field for field, column in columns.items()},
        )
        found = find_order(each.get(columns["at"], "") for each in cells)
        if found.assumed:
            report.warnings.append(f"Dates could be day first or month first; they were read {found.order}.")
        rows = chain(sample, table.rows)
        with (
            transactions(store, workspace, actor=actor, dry_run=dry_run) as begin,
            summary(begin, "signals.imported", source.filename, report, COUNTS) as stored,
        ):
            while chunk := list(islice(rows, CHUNK)):
                with begin() as work:
                    _take(work, chunk, columns, found.order, report)
                stored()
                if progress is not None:
                    progress(report.rows)
    return report


def _understood(columns: list[str], sample: list[dict[str, str]]) -> dict[str, str]:
    """Return {field: column}: what names the lead, `kind`, `at` and, where there is one, `notes`."""
    found = {field: name for field, names in _OWN.items() for name in columns if name.strip().lower() in names}
    own = set(found.values())
    proposed = propose([name for name in columns if name not in own], sample).mapping
    found |= {field: column for column, field in proposed.items() if field in _IDENTITIES}
    if not found.keys() & _IDENTITIES.keys():
        msg = "No column names the lead; name one email, phone, linkedin or external id."
        raise InvalidInput(msg)
    for field, name in (("kind", "kind"), ("at", "date")):
        if field not in found:
            msg = f"No column is the signal's {name}; {columns_are(columns)} Name one {name!r}."
            raise InvalidInput(msg)
    return found


def _take(work: Work, chunk: list[Row], columns: Mapping[str, str], order: Order, report: SignalReport) -> None:
    named = {row.line: list(_identities(row.cells or {}, columns)) for row in chunk}
    owners = _owners(work, sorted({each for identities in named.values() for each in identities}))
    for row in chunk:
        report.rows += 1
        try:
            kind, at, note = _signal(row, columns, order)
            lead_id = next((owners[each] for each in named[row.line] if each in owners), None)
            if lead_id is None:
                msg = "no lead has its address or id"
                raise InvalidInput(msg)
            _, fresh = signals.record(work, lead_id, kind, at=at, source=signals.Source.FILE, note=note)
        except InvalidInput as error:
            report.rejected += 1
            if len(report.rejects) < SHOWN:
                report.rejects.append(SignalReject(line=row.line, original=row.original, reason=error.message))
            continue
        report.recorded += fresh
        report.unchanged += not fresh


def _signal(row: Row, columns: Mapping[str, str], order: Order) -> tuple[Kind, datetime, str]:
    if row.cells is None:
        raise InvalidInput(row.problem or "it cannot be read")
    told = row.cells.get(columns["kind"], "")
    name = "_".join(clean(told).lower().replace("-", " ").replace("_", " ").split())
    if name not in set(Kind):
        msg = f"there is no kind {quoted(told)}; the kinds are {', '.join(Kind)}"
        raise InvalidInput(msg)
    day = row.cells.get(columns["at"], "")
    at = parse_date(day, order)
    if at is None:
        msg = f"{quoted(day)} is no date"
        raise InvalidInput(msg)
    return Kind(name), at, row.cells.get(columns["notes"], "") if "notes" in columns else ""


def _identities(cells: Mapping[str, str], columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for field, kind in _IDENTITIES.items():
        text = cells.get(columns.get(field, ""), "").strip()
        if text and (value := _normalised(field, text)):
            yield kind, value


def _normalised(field: str, text: str) -> str | None:
    if field == "linkedin_url":
        return linkedin_page(text)
    if field == "external_id":
        return clean(text, limit=200)
    try:
        return email_key(valid_email(clean(text))) if field == "email" else e164(text, None)
    except InvalidInput:
        return None


def _owners(work: Work, identities: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return whose each identity is."""
    found: dict[tuple[str, str], str] = {}
    for start in range(0, len(identities), 400):  # two bound parameters each
        part = identities[start : start + 400]
        rows = select(LeadIdentity.kind, LeadIdentity.value, LeadIdentity.lead_id).where(
            LeadIdentity.workspace_id == work.workspace, tuple_(LeadIdentity.kind, LeadIdentity.value).in_(part)
        )
        found |= {(kind, value): lead_id for kind, value, lead_id in work.session.execute(rows)}
    return found
