"""Importing a file: every row becomes a lead, is merged into one, changes nothing, or is kept with reasons.

One transaction a chunk of rows: a file that breaks in the middle leaves what came before it, and
importing it again changes nothing that is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import chain, islice

from pydantic import BaseModel, Field
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import NotFound
from overture_core.ids import new_id
from overture_core.leads.mapping import ColumnRead
from overture_core.leads.mappings import remember, with_saved
from overture_core.leads.merging import Merger
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Row, Source, Table, open_table
from overture_core.leads.rows import LeadRow, RowReader, RowRejected
from overture_core.leads.understanding import SAMPLE, require_rows, understand
from overture_core.storage.schema import ImportReject, LeadImport
from overture_core.storage.store import Store, Work
from overture_core.text import quoted

CHUNK = 500
SHOWN_REJECTS = 5
MAX_ORIGINAL = 10_000

Progress = Callable[[int, int | None], None]
"""Called after each chunk with the rows done and, where it is known, the rows in all."""


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
    columns: list[ColumnRead] = Field(default_factory=list)
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
    options = with_saved(store, workspace, options)
    with closing(open_table(source, options.encoding, whole=not options.preview)) as table:
        return _import(store, source, table, options, workspace, actor, progress)


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
    mapping, reader, columns = understand(source, table, sample, options)
    running = _Running(store, workspace, actor, source, table, mapping, options)
    with running.transactions():
        for chunk in _chunks(iter(sample) if options.preview else chain(sample, table.rows)):
            running.take(chunk, reader)
            if progress is not None:
                progress(running.rows, None)
        require_rows(source, running.rows)
        return running.finish(reader, columns)


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

    def finish(self, reader: RowReader, columns: list[ColumnRead]) -> ImportReport:
        """Write the report down and return it."""
        notes = [f"{number} {what}" for what, number in sorted((self._notes + reader.notes).items())]
        report = ImportReport(
            import_id=None if self._options.dry_run else self._id,
            filename=self._source.filename,
            encoding=self._table.encoding,
            delimiter=self._table.delimiter,
            mapping=self._mapping,
            unmapped=[column for column in self._table.columns if column not in self._mapping],
            columns=columns,
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
            remember(work, self._options, report.mapping, report.unmapped)
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
                sha256="" if self._options.preview else self._source.sha256(),
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
