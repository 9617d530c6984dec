"""Suppression lists as files: taken in from other programs, row by row accounted for, and written out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain, islice
from pathlib import Path

from pydantic import BaseModel, Field
from sqlalchemy import select

from overture_core.audit.summaries import summary
from overture_core.errors import InvalidInput
from overture_core.files import written
from overture_core.ids import new_id
from overture_core.leads.finding import no_such_lead
from overture_core.leads.header_names import is_of_ours
from overture_core.leads.json_files import of_text
from overture_core.leads.mapping import columns_are
from overture_core.leads.normalise import dialling_region
from overture_core.leads.public_mail import public_domains
from overture_core.leads.reading import Row, Source, open_table
from overture_core.leads.spreadsheets import harmless
from overture_core.leads.understanding import require_rows
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import Refusal, refuse, suppress
from overture_core.storage.chunked import transactions
from overture_core.storage.schema import Suppression
from overture_core.storage.store import Store, Work
from overture_core.suppressions.columns import columns_of, headless
from overture_core.suppressions.rows import KINDS, Asked, Default, Wanted, wanted_in
from overture_core.suppressions.service import (
    SuppressionPage,
    known,
    strangers,
)
from overture_core.text import quantity, quoted

CHUNK = 500
SAMPLE = 200
SHOWN_REJECTS = 20
SHOWN_DOMAINS = 5
COUNTS = {"rows", "added", "unchanged", "rejected"}
MORE = "there are more"  # in the last row of a part
COLUMNS = ("kind", "value", "reason", "origin", "created_at")
_NONE_BY_NAME = "is none of addresses by its name: those"
Progress = Callable[[int], None]


class SuppressionReject(BaseModel):
    """A row with something that cannot be suppressed, and why."""

    line: int
    original: str
    reasons: list[str]


class SuppressionReport(BaseModel):
    """What became of a list: rows = added + unchanged + rejected. `rejects` are the first of the rejected rows."""

    filename: str
    encoding: str
    delimiter: str | None
    columns: dict[str, str] = Field(description="What each column was taken for.")
    rows: int = 0
    added: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects: list[SuppressionReject] = Field(default_factory=list)
    partly: int = Field(default=0, description="Added or unchanged rows of which a value was left out.")
    left_out: list[SuppressionReject] = Field(default_factory=list, description="The first of them, with why.")
    passed_over: dict[str, int] = Field(
        default_factory=dict, description="Columns with addresses that were not read, and in how many rows."
    )
    aside: dict[str, int] = Field(
        default_factory=dict, description="Columns with domains beside an address, which do not count, in so many rows."
    )
    denying: dict[str, int] = Field(
        default_factory=dict, description="Columns of refusals that say no, in so many rows, suppressed all the same."
    )
    public_domains: list[str] = Field(
        default_factory=list, description="Domains where anybody may have an address, all of whom are suppressed now."
    )

    def warnings(self) -> list[str]:
        """Return what a person should look at once the list was taken, each in a sentence."""
        told = []
        for column, rows in self.passed_over.items():
            whose = "is about somebody of yours: its addresses" if is_of_ours(column) else _NONE_BY_NAME
            told.append(
                f"The column {quoted(column)} {whose} in {quantity(rows, 'row')} were left out; if they are to be "
                "suppressed, import them by themselves"
            )
        for column, rows in self.aside.items():
            told.append(
                f"The column {quoted(column)} says where an address is: its domains in {quantity(rows, 'row')} were "
                "left out; if all who are there are to be suppressed, import it by itself"
            )
        for column, rows in self.denying.items():
            told.append(
                f"The column {quoted(column)} says no in {quantity(rows, 'row')}, suppressed like every row of a list "
                "of suppressions; if these people may be written to, import the file as leads, which reads the column, "
                "or take their rows out of it before you import it"
            )
        if unread := self.rejected + self.partly:
            told.append(
                f"In {quantity(unread, 'row')} something could not be read and suppresses nobody; mend what the "
                "reasons name, then import those rows again"
            )
        if self.public_domains:
            shown = ", ".join(self.public_domains[:SHOWN_DOMAINS])
            more = ", ..." if len(self.public_domains) > SHOWN_DOMAINS else ""
            told.append(
                f"{quantity(len(self.public_domains), 'domain')} where anybody may have an address: {shown}{more}; no "
                "lead who has one there is written to by e-mail, until `overture suppressions lift` lifts it"
            )
        return told


def take_file(
    store: Store,
    source: Source,
    *,
    workspace: str,
    actor: str,
    reason: str = "imported",
    country: str | None = None,
    encoding: str | None = None,
    dry_run: bool = False,
    on_reject: Callable[[SuppressionReject], None] | None = None,
    progress: Progress | None = None,
) -> SuppressionReport:
    """Suppress everything in a file, one transaction a chunk; what is pending to them is cancelled.

    Of a row with a value that can be suppressed and one that cannot, the first is, and `on_reject` is told of it too.
    `reason` and `country`, where numbers without a plus sign are dialled, are for rows that give none. A file without a
    header, one value a line, will do. No import takes a suppression back, nor can one be taken back whole: a list from
    elsewhere counts as its people's own wish.

    Raises:
        UnreadableFile: the file cannot be read; whole chunks before the bad place are stored.
        InvalidInput: no column holds addresses, numbers or domains, there is no row, or no such country or encoding.
    """
    dialled = None if country is None else dialling_region(country)
    with closing(open_table(source, encoding)) as table:
        sample = list(islice(table.rows, SAMPLE))
        columns = columns_of(table, sample, dialled)
        first = list(headless(table, columns))
        if not columns.of_any_value(chain(first, map(of_text, sample))):
            msg = (
                f"{source.filename} has no column of e-mail addresses, phone numbers or domains; "
                f"{columns_are(table.columns)} Name one of them email, phone or domain."
            )
            raise InvalidInput(msg)
        report = SuppressionReport(
            filename=source.filename, encoding=table.encoding, delimiter=table.delimiter, columns=dict(columns.roles)
        )
        require_rows(source, len(first) + len(sample))
        read = chain(first, sample, table.rows)
        reads = partial(wanted_in, columns=columns, default=Default(reason, dialled))
        rows = (of_text(row) for row in read if not _names_the_next_part(row))
        with (
            transactions(store, workspace, actor=actor, dry_run=dry_run) as begin,
            summary(begin, "suppressions.imported", new_id("sup"), report, COUNTS) as stored,
        ):
            while part := list(islice(rows, CHUNK)):
                with begin() as work:
                    _take(work, part, report, reads, on_reject)
                stored()
                if progress is not None:
                    progress(report.rows)
    return report


def _names_the_next_part(row: Row) -> bool:
    return row.cells is not None and row.cells.get("value") == MORE and row.cells.get("kind") == ""


def _take(
    work: Work,
    rows: list[Row],
    report: SuppressionReport,
    reads: Callable[[Row], Wanted],
    on_reject: Callable[[SuppressionReject], None] | None,
) -> None:
    read = [(row, reads(row)) for row in rows]
    unknown = strangers(work, {value for _, each in read for kind, value, _ in each.asked if kind == "person"})
    good: list[list[Asked]] = []
    for row, wanted in read:
        _note(report, wanted)
        taken = [each for each in wanted.asked if each[1] not in unknown]
        problems = [*wanted.problems, *(no_such_lead(each[1]).message for each in wanted.asked if each[1] in unknown)]
        if taken:
            good.append(taken)
        if problems:
            told = SuppressionReject(line=row.line, original=row.original, reasons=problems)
            _tell(report, told, rejected=not taken)
            if on_reject is not None:
                on_reject(told)
    report.rows += len(rows)
    there = known(work, [(kind, value) for values in good for kind, value, _ in values])
    added: list[Asked] = []
    for values in good:
        fresh = [(kind, value, why) for kind, value, why in values if (kind, value) not in there]
        report.added += bool(fresh)
        report.unchanged += not fresh
        there.update((kind, value) for kind, value, _ in fresh)
        added += fresh
    _suppress(work, added, f"import of {report.filename}")


def _note(report: SuppressionReport, wanted: Wanted) -> None:
    for column, kind in wanted.columns.items():
        if report.columns.setdefault(column, kind) in KINDS and report.columns[column] != kind:
            report.columns[column] = "value"
    for column in dict.fromkeys(wanted.passed_over):
        report.passed_over[column] = report.passed_over.get(column, 0) + 1
    for column in wanted.denying:
        report.denying[column] = report.denying.get(column, 0) + 1
    for column in dict.fromkeys(wanted.aside):
        report.aside[column] = report.aside.get(column, 0) + 1
    for kind, key, _ in wanted.asked:
        if kind == "domain" and key in public_domains() and key not in report.public_domains:
            report.public_domains.append(key)


def _tell(report: SuppressionReport, row: SuppressionReject, *, rejected: bool) -> None:
    if rejected:
        report.rejected += 1
    else:
        report.partly += 1
    shown = report.rejects if rejected else report.left_out
    if len(shown) < SHOWN_REJECTS:
        shown.append(row)


def _suppress(work: Work, wanted: list[Asked], origin: str) -> None:
    refusals = [
        Refusal(Channel.EMAIL if kind == "email" else Channel.SMS, value, reason, origin)
        for kind, value, reason in wanted
        if kind in ("email", "phone")
    ]
    if refusals:
        refuse(work, refusals)
    for kind, value, reason in wanted:
        if kind in ("domain", "person"):
            suppress(work, kind, value, reason=reason, origin=origin)


def export(work: Work, path: Path, *, force: bool = False) -> int:
    """Write every suppression to a CSV or JSON Lines file, by its ending; returns how many.

    Those of erased people are keyed hashes alone and are in no file.

    Raises:
        InvalidInput: the ending is neither, the file is there already, or cannot be written.
    """
    if path.suffix.lower() not in (".csv", ".jsonl"):
        msg = f"{path.name} should end in .csv or .jsonl."
        raise InvalidInput(msg)
    number = 0
    with written(path, force=force) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        lines = path.suffix.lower() == ".jsonl"
        sheet = csv.writer(file)
        if not lines:
            sheet.writerow(COLUMNS)
        for number, row in enumerate(_rows(work), 1):  # noqa: B007 - the last one is the count
            cells = [row.kind, row.value, row.reason, row.origin, row.created_at.isoformat()]
            if lines:
                file.write(json.dumps(dict(zip(COLUMNS, cells, strict=True)), ensure_ascii=False) + "\n")
            else:
                sheet.writerow([harmless(cell) for cell in cells])
    return number


def part_csv(part: SuppressionPage, *, more: str | None = None) -> str:
    """Return some suppressions as CSV, as a file of them is written; `more` is where the next ones are, and becomes the
    last row, which no import counts."""
    made = io.StringIO()
    sheet = csv.writer(made)
    sheet.writerow(COLUMNS)
    for each in part.suppressions:
        cells = (each.kind, each.value, each.reason, each.origin, each.created_at.isoformat())
        sheet.writerow([harmless(cell) for cell in cells])
    if more is not None:
        sheet.writerow(("", MORE, more, "", ""))
    return made.getvalue()


def _rows(work: Work) -> Iterator[Suppression]:
    last = ""
    while True:
        rows = select(Suppression).where(Suppression.workspace_id == work.workspace, Suppression.id > last)
        found = work.session.scalars(rows.order_by(Suppression.id).limit(CHUNK)).all()
        if not found:
            return
        yield from found
        last = found[-1].id
        work.session.expunge_all()
