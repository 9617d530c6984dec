"""Importing a file: every row becomes a lead, is merged into one, changes nothing, or is kept with reasons.

One transaction a chunk of rows, with a checkpoint in it: the same file with the same options goes on where an import
broke off. While one chunk is stored, a thread reads and normalises the next. docs/duplicates.md tells the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from itertools import chain, islice
from typing import Literal, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from overture_core.audit import service as audit
from overture_core.errors import Conflict, OvertureError
from overture_core.ids import new_id
from overture_core.leads.chunks import Chunk, ChunksAhead
from overture_core.leads.duplicates import near_duplicates
from overture_core.leads.imports import (
    CUT,
    SHOWN_REJECTS,
    Checkpoint,
    Counts,
    ImportReport,
    ImportState,
    is_held,
    noted,
    rejected,
    stored,
    this_process,
)
from overture_core.leads.mapping import ColumnRead, with_refusals
from overture_core.leads.mappings import remember, whole_objects, with_saved
from overture_core.leads.merging import Merger
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Row, Source, Table, open_table
from overture_core.leads.records import MAX_ORIGINAL
from overture_core.leads.rows import LeadRow
from overture_core.leads.strangers import telling_by_id, telling_by_phone
from overture_core.leads.understanding import SAMPLE, marked, require_rows, understand
from overture_core.storage.bulk import insert_rows
from overture_core.storage.schema import ImportReject, LeadImport
from overture_core.storage.store import Store, Work
from overture_core.suppressions.service import erased
from overture_core.text import quantity

MOST_SHARED = 20
_REJECT = ("import_id", "line", "workspace_id", "original", "reasons")
_BROKEN_OFF = (ImportState.RUNNING, ImportState.CANCELLED, ImportState.FAILED)


class Progress(NamedTuple):
    """How far an import is: rows done, and how many of the file's bytes have been read."""

    rows: int
    read: int
    size: int


class ImportCancelled(Conflict):
    """The import was stopped."""

    code = "cancelled"


def import_leads(
    store: Store,
    source: Source,
    options: ImportOptions,
    *,
    workspace: str,
    actor: str,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Import a file; `progress` is called after each chunk, and `cancelled` asked.

    Raises:
        UnreadableFile: the file cannot be read; nothing, or only whole chunks before the bad line, was stored.
        InvalidInput: no column is an address, or the mapping or encoding does not fit the file.
        ImportCancelled: it was asked to stop; what was stored before stays, and importing the file again goes on.
        Conflict: another process has taken this import over.
    """
    options = with_saved(store, workspace, options)
    settled = whole_objects(options)
    with closing(open_table(source, options.encoding, whole=not options.preview, whole_objects=settled)) as table:
        sample = list(islice(table.rows, SAMPLE))
        mapping, reader, columns = understand(source, table, sample, options)
        require_rows(source, len(sample))
        running = _Running(store, workspace, actor, source, table, mapping, options)
        with running.transactions():
            rows = iter(sample) if options.preview else chain(sample, table.rows)
            for _ in islice(rows, running.begin()):
                pass  # done before it broke off
            with closing(ChunksAhead(rows, reader, table.position)) as chunks:
                for chunk in chunks:
                    running.take(chunk, chunks.read_on)
                    if progress is not None:
                        progress(Progress(running.done.rows, chunk.read, table.size))
                    if cancelled is not None and cancelled():
                        raise running.stopped()
            return running.finish([*reader.warnings, *reader.of_answers()], marked(columns, reader.answering))


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
        self._sha256 = "" if options.preview else source.sha256()  # which reads the whole file
        self._id = new_id("imp")
        self._dry: Work | None = None
        self._resumed = 0
        # Who took it up last: a process that was thought to be dead then sees that it is no longer wanted.
        self._holder = this_process()
        self._ended = False
        self.done = Checkpoint()

    @contextmanager
    def transactions(self) -> Iterator[None]:
        """A dry run sees its own rows and leaves none: one transaction that is rolled back."""
        if self._options.dry_run:
            with self._store.begin(self._workspace, actor=self._actor) as work:
                self._dry = work
                try:
                    yield
                finally:
                    work.session.rollback()
            return
        try:
            yield
        finally:
            if not self._ended:
                with suppress(OvertureError):  # the database may be what is away; then its silence tells
                    self._end(ImportState.FAILED)

    def begin(self) -> int:
        """Begin, or go on with an import of the same file that broke off; returns the rows that are done."""
        with self._work() as work:
            earlier = None if self._options.dry_run else self._broken_off(work)
            if earlier is None:
                work.session.add(
                    LeadImport(
                        id=self._id,
                        workspace_id=work.workspace,
                        filename=self._source.filename[:500],
                        sha256=self._sha256,
                        report={},
                        state=ImportState.RUNNING,
                        options=self._told_options(),
                        checkpoint=self.done.model_dump(mode="json"),
                        holder=self._holder,
                        actor=self._actor[:200],
                        created_at=work.now(),
                        updated_at=work.now(),
                    )
                )
                work.session.flush()
                return 0
            self._id, self.done = earlier.id, Checkpoint.model_validate(earlier.checkpoint)
            earlier.state, earlier.holder, earlier.updated_at = ImportState.RUNNING, self._holder, work.now()
            self._resumed = self.done.rows
            return self._resumed

    def take(self, chunk: Chunk, read_on: Callable[[], None]) -> None:
        """Import one chunk in one transaction; once more, if somebody else stored the same people meanwhile.

        `read_on` is called when the rest is the database's work.
        """
        try:
            self.done = self._store_chunk(chunk, read_on)
        except Conflict as error:
            if self._dry is not None or not isinstance(error.__cause__, IntegrityError):
                raise
            self.done = self._store_chunk(chunk, read_on)

    def stopped(self) -> ImportCancelled:
        """Return what is raised for an import that was asked to stop."""
        if self._options.dry_run:
            return ImportCancelled("The dry run was stopped; nothing was stored.")
        self._end(ImportState.CANCELLED)
        rows = quantity(self.done.rows, "row")
        msg = f"The import was stopped after {rows}, which stay; import the same file again to go on."
        return ImportCancelled(msg)

    def finish(self, warnings: list[str], columns: list[ColumnRead]) -> ImportReport:
        """Write the report down and return it."""
        done = self.done
        assert done.rows == done.created + done.merged + done.unchanged + done.rejected
        alike = self._alike() if done.created else []
        with self._work() as work:
            notes = [noted(number, what) for what, number in sorted(done.notes.items())]
            report = ImportReport(
                **done.model_dump(include={*Counts.model_fields, "shared"}),
                import_id=None if self._options.dry_run else self._id,
                filename=self._source.filename,
                encoding=self._table.encoding,
                delimiter=self._table.delimiter,
                mapping=self._mapping,
                unmapped=[column for column in self._table.columns if column not in self._mapping],
                columns=with_refusals(columns, done.consent.refusing),
                reject_samples=list(rejected(work, self._id, SHOWN_REJECTS)),
                warnings=[
                    *warnings,
                    *notes,
                    *done.consent.warnings(done.rows, self._mapping),
                    *telling_by_phone(done.by_phone, done.by_phone_line),
                    *telling_by_id(done.by_id, done.by_id_line),
                    *_of_erased(done),
                    *alike,
                ],
                resumed=self._resumed,
            )
            row = stored(work, self._id, lock=True)
            self._require_hold(row)
            row.report, row.state, row.holder = report.model_dump(mode="json"), ImportState.DONE, None
            row.updated_at = work.now()
            counts = report.model_dump(include={"rows", "created", "merged", "unchanged", "rejected"})
            remember(work, self._options, report.mapping, report.unmapped)
            audit.record(work, "leads.imported", self._id, sha256=row.sha256, **counts)
        self._ended = True
        return report

    def _alike(self) -> list[str]:
        # Not while the report is written: it goes through all leads, and SQLite would keep others from writing.
        looking = self._store.read(self._workspace) if self._dry is None else nullcontext(self._dry)
        with looking as work:
            found = near_duplicates(work, limit=1, import_id=self._id)
        return [
            f"{quantity(found.total, 'group')} of leads look alike, such as {' and '.join(each.lead_ids)}; nothing was "
            "merged, `overture duplicates` lists them"
            for each in found.groups
        ]

    @contextmanager
    def _work(self) -> Iterator[Work]:
        if self._dry is not None:
            yield self._dry
            return
        with self._store.begin(self._workspace, actor=self._actor) as work:
            yield work

    def _store_chunk(self, chunk: Chunk, read_on: Callable[[], None]) -> Checkpoint:
        with self._work() as work:
            merger = Merger(work, self._id, consent_source=self._options.consent_source, tags=self._options.tags)
            outcomes = merger.merge(chunk.good, self._source.filename)
            read_on()
            merger.write()
            bad = sorted([*chunk.bad, *merger.rejects], key=lambda each: each[0].line)
            insert_rows(work, ImportReject, _REJECT, [self._reject(work, *each) for each in bad])
            done, back = self.done, _erased_before(work, chunk.good, merger.named)
            reached = Checkpoint(
                rows=done.rows + chunk.rows,
                created=done.created + outcomes["created"],
                merged=done.merged + outcomes["merged"],
                unchanged=done.unchanged + outcomes["unchanged"],
                rejected=done.rejected + len(bad),
                notes=Counter(done.notes) + chunk.notes + merger.notes,
                erased=done.erased + len(back),
                erased_lines=[*done.erased_lines, *back][:SHOWN_REJECTS],
                by_phone=done.by_phone + len(merger.by_phone),
                by_phone_line=done.by_phone_line or next(iter(merger.by_phone), None),
                by_id=done.by_id + len(merger.by_id),
                by_id_line=done.by_id_line or next(iter(merger.by_id), None),
                shared=dict(islice(chain(done.shared.items(), merger.shared.items()), MOST_SHARED)),
                consent=done.consent.with_rows((row.line, read.stated) for row, read in chunk.good),
            )
            mine = update(LeadImport).where(
                LeadImport.workspace_id == work.workspace, LeadImport.id == self._id, LeadImport.holder == self._holder
            )
            kept = mine.values(checkpoint=reached.model_dump(mode="json"), updated_at=work.now())
            if work.session.execute(kept).rowcount != 1:  # type: ignore[attr-defined]
                raise _taken_over()
            return reached

    def _reject(self, work: Work, row: Row, reasons: list[str]) -> tuple[object, ...]:
        # What reads a file keeps no more of a row either, so that one of just so many counts as cut.
        told = [*reasons, CUT] if len(row.original) >= MAX_ORIGINAL else reasons
        return self._id, row.line, work.workspace, row.original.replace("\x00", "")[:MAX_ORIGINAL], told

    def _broken_off(self, work: Work) -> LeadImport | None:
        same = select(LeadImport).where(
            LeadImport.workspace_id == work.workspace,
            LeadImport.sha256 == self._sha256,
            LeadImport.state.in_(_BROKEN_OFF),
        )
        wanted = self._told_options()
        for row in work.session.scalars(same.order_by(LeadImport.created_at.desc()).with_for_update()):
            if row.options == wanted and row.checkpoint and not is_held(row, work.now()):
                return row
        return None

    def _told_options(self) -> dict[str, object]:
        """What decides how the rows are read: an import goes on only as it began."""
        return {**self._options.model_dump(mode="json", exclude={"dry_run"}), "columns": self._mapping}

    def _require_hold(self, row: LeadImport) -> None:
        if row.holder != self._holder:
            raise _taken_over()

    def _end(self, state: ImportState) -> None:
        mine = update(LeadImport).where(
            LeadImport.workspace_id == self._workspace, LeadImport.id == self._id, LeadImport.holder == self._holder
        )
        with self._store.begin(self._workspace, actor=self._actor) as work:
            work.session.execute(mine.values(state=state, holder=None, updated_at=work.now()))
        self._ended = True


def _taken_over() -> Conflict:
    return Conflict("Another process goes on with this import of the same file; `overture imports list` shows it.")


def _erased_before(work: Work, rows: list[tuple[Row, LeadRow]], named: Mapping[str, set[str]]) -> list[int]:
    """Return the lines of the rows that name somebody who was erased; `named` is what all name, by its kind."""
    lines: set[int] = set()
    kinds: tuple[Literal["email", "phone", "linkedin", "external"], ...] = ("email", "phone", "linkedin", "external")
    for kind in kinds:
        if gone := erased(work, kind, named.get(kind, ())):
            lines.update(row.line for row, read in rows if any(of == kind and v in gone for of, v in read.identities))
    return sorted(lines)


def _of_erased(done: Checkpoint) -> list[str]:
    if not done.erased:
        return []
    shown = ", ".join(str(line) for line in done.erased_lines)
    more = ", ..." if done.erased > len(done.erased_lines) else ""
    return [
        f"{quantity(done.erased, 'row')} with an address or external id of somebody who was erased (line "
        f"{shown}{more}): whoever has that id, and that address, is never written to, any other address of the row may "
        "be; if it is the same person, erase them again"
    ]
