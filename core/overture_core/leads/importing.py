"""Importing a file: every row becomes a lead, is merged into one, changes nothing, or is kept with reasons.

One transaction a chunk of rows: a file that breaks in the middle leaves what came before it, and
importing it again changes nothing that is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import chain, islice

from pydantic import BaseModel, Field, field_validator
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.leads.dates import FoundOrder, Order, find_order
from overture_core.leads.mapping import REFUSALS, checked, propose, require_address
from overture_core.leads.merging import Merger
from overture_core.leads.normalise import phone_region
from overture_core.leads.reading import Row, Source, Table, open_table
from overture_core.leads.rows import LeadRow, RowReader, RowRejected
from overture_core.storage.schema import ImportReject, LeadImport
from overture_core.storage.store import Store, Work
from overture_core.text import clean, quoted

CHUNK = 500
SAMPLE = 200
SHOWN_REJECTS = 5
MAX_ORIGINAL = 10_000

Progress = Callable[[int, int | None], None]
"""Called after each chunk with the rows done and, where it is known, the rows in all."""


class ImportOptions(BaseModel):
    """How to read a file; everything left out is found."""

    mapping: dict[str, str] | None = Field(default=None, description="{column: field}, for columns not recognised.")
    default_country: str | None = Field(default=None, description="For phone numbers.")
    tags: list[str] = Field(default_factory=list, max_length=20)
    consent_source: str | None = Field(default=None, max_length=200)
    encoding: str | None = Field(default=None, max_length=40, description="Of a text file.")
    dry_run: bool = False

    @field_validator("default_country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        region = phone_region(value) if value is not None and len(value) == 2 else None
        if value is not None and region is None:
            msg = f"there is no country {clean(value, limit=40)!r}; give its two letters (ISO 3166), e.g. US"
            raise ValueError(msg)
        return region


class Reject(BaseModel):
    """A row that could not be taken."""

    line: int
    original: str
    reasons: list[str]


class ImportReport(BaseModel):
    """What an import did: rows = created + merged + unchanged + rejected."""

    import_id: str | None = Field(description="None for a dry run.")
    filename: str
    encoding: str
    delimiter: str | None
    mapping: dict[str, str]
    unmapped: list[str] = Field(description="Columns kept as custom fields.")
    rows: int
    created: int
    merged: int
    unchanged: int
    rejected: int
    reject_samples: list[Reject]
    warnings: list[str]


def import_leads(
    store: Store,
    source: Source,
    options: ImportOptions,
    *,
    workspace: str,
    actor: str,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file.

    Raises:
        UnreadableFile: the file cannot be read; nothing, or only whole chunks before the bad line, was stored.
        InvalidInput: no column is an address, or the mapping or encoding does not fit the file.
    """
    with closing(open_table(source, options.encoding)) as table:
        return _import(store, source, table, options, workspace, actor, progress)


def check_header(source: Source) -> None:
    """Make sure, from a file's header and first rows, that an import without options would take it on.

    Raises:
        UnreadableFile: the file cannot be read.
        InvalidInput: it has no rows, or no column is an address.
    """
    with closing(open_table(source)) as table:
        sample = list(islice(table.rows, SAMPLE))
        _reader(source, table, sample, ImportOptions())
        _require_rows(source, len(sample))


def _import(
    store: Store,
    source: Source,
    table: Table,
    options: ImportOptions,
    workspace: str,
    actor: str,
    progress: Progress | None,
) -> ImportReport:
    sample = list(islice(table.rows, SAMPLE))
    mapping, reader = _reader(source, table, sample, options)
    running = _Running(store, workspace, actor, source, table, mapping, options)
    with running.transactions():
        for chunk in _chunks(chain(sample, table.rows)):
            running.take(chunk, reader)
            if progress is not None:
                progress(running.rows, None)
        _require_rows(source, running.rows)
        return running.finish(reader)


def _require_rows(source: Source, rows: int) -> None:
    if rows == 0:
        msg = f"{source.filename} has a header and no rows; export it again."
        raise InvalidInput(msg)


def get_report(work: Work, import_id: str) -> ImportReport:
    """Return what an import did.

    Raises:
        NotFound: there was no such import, or it broke off.
    """
    report = _get(work, import_id).report
    if not report:
        msg = f"The import {import_id} did not get to its end; import its file again, which changes nothing twice."
        raise NotFound(msg)
    return ImportReport.model_validate(report)


def rejects(work: Work, import_id: str) -> list[Reject]:
    """Return the rows that an import could not take, in the file's order.

    Raises:
        NotFound: there was no such import.
    """
    _get(work, import_id)
    rows = select(ImportReject).where(ImportReject.workspace_id == work.workspace, ImportReject.import_id == import_id)
    return [
        Reject(line=row.line, original=row.original, reasons=row.reasons)
        for row in work.session.scalars(rows.order_by(ImportReject.line))
    ]


class _Running:
    """One import on its way: its counts, and the transactions it writes in."""

    def __init__(
        self,
        store: Store,
        workspace: str,
        actor: str,
        source: Source,
        table: Table,
        mapping: dict[str, str],
        options: ImportOptions,
    ) -> None:
        self._store, self._workspace, self._actor = store, workspace, actor
        self._source, self._table, self._mapping, self._options = source, table, mapping, options
        self._id = new_id("imp")
        self._outcomes: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._samples: list[Reject] = []
        self._dry: Work | None = None
        self.rows = 0

    @contextmanager
    def transactions(self) -> Iterator[None]:
        """A dry run sees its own rows and leaves none: one transaction that is rolled back."""
        if not self._options.dry_run:
            yield
            return
        with self._store.begin(self._workspace, actor=self._actor) as work:
            self._dry = work
            try:
                yield
            finally:
                work.session.rollback()

    def take(self, chunk: list[Row], reader: RowReader) -> None:
        """Import one chunk in one transaction."""
        with self._work() as work:
            if self.rows == 0:
                self._record(work)
            merger = Merger(work, self._id, consent_source=self._options.consent_source, tags=self._options.tags)
            good: list[tuple[Row, LeadRow]] = []
            for row in chunk:
                try:
                    good.append((row, _readable(row, reader)))
                except RowRejected as error:
                    self._reject(work, row, error.reasons)
            self._outcomes.update(merger.merge(good, self._source.filename))
            self._notes.update(merger.notes)
        self.rows += len(chunk)

    def finish(self, reader: RowReader) -> ImportReport:
        """Write the report down and return it."""
        notes = [f"{number} {what}" for what, number in sorted((self._notes + reader.notes).items())]
        report = ImportReport(
            import_id=None if self._options.dry_run else self._id,
            filename=self._source.filename,
            encoding=self._table.encoding,
            delimiter=self._table.delimiter,
            mapping=self._mapping,
            unmapped=[column for column in self._table.columns if column not in self._mapping],
            rows=self.rows,
            created=self._outcomes["created"],
            merged=self._outcomes["merged"],
            unchanged=self._outcomes["unchanged"],
            rejected=self._outcomes["rejected"],
            reject_samples=self._samples,
            warnings=[*reader.warnings, *notes],
        )
        with self._work() as work:
            stored = _get(work, self._id)
            stored.report = report.model_dump(mode="json")
            counts = report.model_dump(include={"rows", "created", "merged", "unchanged", "rejected"})
            audit.record(work, "leads.imported", self._id, sha256=stored.sha256, **counts)
        return report

    @contextmanager
    def _work(self) -> Iterator[Work]:
        if self._dry is not None:
            yield self._dry
            return
        with self._store.begin(self._workspace, actor=self._actor) as work:
            yield work

    def _record(self, work: Work) -> None:
        work.session.add(
            LeadImport(
                id=self._id,
                workspace_id=work.workspace,
                filename=self._source.filename[:500],
                sha256=self._source.sha256(),
                report={},
                created_at=work.now(),
            )
        )
        work.session.flush()

    def _reject(self, work: Work, row: Row, reasons: list[str]) -> None:
        self._outcomes["rejected"] += 1
        reject = Reject(line=row.line, original=row.original.replace("\x00", "")[:MAX_ORIGINAL], reasons=reasons)
        if len(self._samples) < SHOWN_REJECTS:
            self._samples.append(reject)
        work.session.add(ImportReject(import_id=self._id, workspace_id=work.workspace, **reject.model_dump()))


def _reader(
    source: Source, table: Table, sample: list[Row], options: ImportOptions
) -> tuple[dict[str, str], RowReader]:
    cells = [row.cells for row in sample if row.cells is not None]
    own = checked(table.columns, options.mapping or {})
    proposed = propose([c for c in table.columns if c not in own], cells)
    given = set(own.values()) - REFUSALS
    mapping = {**own, **{column: field for column, field in proposed.items() if field not in given}}
    require_address(table.columns, mapping)
    dates = next((column for column, field in mapping.items() if field == "last_contact_at"), None)
    found = find_order(_values(source, sample, options, dates) if dates else ())
    reader = RowReader(mapping, default_country=options.default_country, date_order=found.order)
    if table.encoding_guessed:
        reader.warnings.append(
            f"The encoding was guessed: {table.encoding}. If names look wrong, import a copy saved as UTF-8, or name "
            "the encoding (encoding, on the command line --encoding), e.g. cp1250."
        )
    if dates:
        reader.warnings.extend(_of_dates(dates, found))
    return mapping, reader


def _values(source: Source, sample: list[Row], options: ImportOptions, column: str) -> Iterator[str]:
    """A column's cells in the whole file: a late date may say that the early ones were read the wrong way round."""
    if len(sample) < SAMPLE:
        yield from (row.cells.get(column, "") for row in sample if row.cells is not None)
        return
    with closing(open_table(source, options.encoding)) as table:
        yield from (row.cells.get(column, "") for row in table.rows if row.cells is not None)


def _of_dates(column: str, found: FoundOrder) -> Iterator[str]:
    if found.assumed:
        yield f"Dates in {column!r} could be day first or month first; they were read {found.order}."
    elif found.order is Order.MIXED:
        yield (
            f"Dates in {column!r} are day first in some rows and month first in others; those that could be either "
            "were left out."
        )
    elif found.against:
        yield f"{found.against} dates in {column!r} are not {found.order} like the others; they were left out."


def _readable(row: Row, reader: RowReader) -> LeadRow:
    if row.cells is None:
        raise RowRejected(row.problem or "it cannot be read")
    return reader.read(row.cells)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _get(work: Work, import_id: str) -> LeadImport:
    row = work.session.scalar(
        select(LeadImport).where(LeadImport.workspace_id == work.workspace, LeadImport.id == import_id)
    )
    if row is None:
        msg = f"There is no import {quoted(import_id)}; the id is in the report of leads_import_file."
        raise NotFound(msg)
    return row
