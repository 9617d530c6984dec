"""Suppression lists as files: taken in from other programs, row by row accounted for, and written out."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field
from sqlalchemy import select

from overture_core.audit.summaries import summary
from overture_core.errors import InvalidInput
from overture_core.files import written
from overture_core.ids import new_id
from overture_core.leads.finding import no_such_lead
from overture_core.leads.normalise import dialling_region, phone_region, says_no_country
from overture_core.leads.public_mail import everybodys, public_domains
from overture_core.leads.reading import Row, Source, open_table
from overture_core.leads.spreadsheets import harmless
from overture_core.leads.understanding import require_rows
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import Refusal, refuse, suppress
from overture_core.storage.chunked import transactions
from overture_core.storage.schema import Suppression
from overture_core.storage.store import Store, Work
from overture_core.suppressions.columns import ADDRESSES, columns_of, headless, kind_of
from overture_core.suppressions.service import (
    EVERYBODY_AT,
    Kind,
    SuppressionPage,
    known,
    strangers,
    suppressible,
)
from overture_core.text import clean, quoted

CHUNK = 500
SAMPLE = 200
SHOWN_REJECTS = 20
KINDS: tuple[Kind, ...] = ("email", "phone", "domain", "person")
COUNTS = {"rows", "added", "unchanged", "rejected"}
MORE = "there are more"  # in the last row of a part
COLUMNS = ("kind", "value", "reason", "origin", "created_at")
_SEPARATORS = re.compile(r"[;,|\r\n\t]")  # between the values of one cell
_Asked = tuple[Kind, str, str]  # with the reason

Progress = Callable[[int], None]


class _Default(NamedTuple):
    """What counts for a row that does not say it."""

    reason: str
    country: str | None


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
        if ADDRESSES.isdisjoint(columns.values()) and "domain" not in columns.values():
            msg = (
                f"{source.filename} has no column of e-mail addresses, phone numbers or domains; its columns are: "
                f"{', '.join(table.columns[:20])}. Name one of them email, phone or domain."
            )
            raise InvalidInput(msg)
        report = SuppressionReport(
            filename=source.filename, encoding=table.encoding, delimiter=table.delimiter, columns=columns
        )
        first = list(headless(table, columns))
        require_rows(source, len(first) + len(sample))
        read = chain(first, sample, table.rows)
        rows = (row for row in read if not _names_the_next_part(row))
        with (
            transactions(store, workspace, actor=actor, dry_run=dry_run) as begin,
            summary(begin, "suppressions.imported", new_id("sup"), report, COUNTS) as stored,
        ):
            while part := list(islice(rows, CHUNK)):
                with begin() as work:
                    _take(work, part, report, _Default(reason, dialled), on_reject)
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
    default: _Default,
    on_reject: Callable[[SuppressionReject], None] | None,
) -> None:
    asked = [(row, *_values(row, report.columns, default)) for row in rows]
    unknown = strangers(work, {value for _, values, _ in asked for kind, value, _ in values if kind == "person"})
    good: list[list[_Asked]] = []
    for row, values, problems in asked:
        taken = [each for each in values if each[1] not in unknown]
        problems += [no_such_lead(value).message for _, value, _ in values if value in unknown]
        if taken:
            good.append(taken)
        if problems:
            told = SuppressionReject(line=row.line, original=row.original, reasons=problems)
            _tell(report, told, rejected=not taken)
            if on_reject is not None:
                on_reject(told)
    report.rows += len(rows)
    there = known(work, [(kind, value) for values in good for kind, value, _ in values])
    added: list[_Asked] = []
    for values in good:
        fresh = [(kind, value, why) for kind, value, why in values if (kind, value) not in there]
        report.added += bool(fresh)
        report.unchanged += not fresh
        there.update((kind, value) for kind, value, _ in fresh)
        added += fresh
    _suppress(work, added, f"import of {report.filename}")


def _tell(report: SuppressionReport, row: SuppressionReject, *, rejected: bool) -> None:
    if rejected:
        report.rejected += 1
    else:
        report.partly += 1
    shown = report.rejects if rejected else report.left_out
    if len(shown) < SHOWN_REJECTS:
        shown.append(row)


def _values(row: Row, columns: Mapping[str, str], default: _Default) -> tuple[list[_Asked], list[str]]:
    """Return what a row asks to suppress, normalised, with the reason; and why its other values cannot be.

    A domain counts in a row without an address alone: beside one it says where the address is, which may be Gmail.
    """
    if row.cells is None:
        return [], [row.problem or "it cannot be read"]
    cells = [(what, cell) for column, what in columns.items() if (cell := row.cells.get(column, "").strip())]
    about = dict(cells)
    reason = clean(about.get("reason", ""), limit=40) or default.reason
    said_country = about.get("country", "")
    country = default.country if says_no_country(said_country) else phone_region(said_country)
    given = about.get("kind", "")
    if given and given not in KINDS:
        return [], [f"{quoted(given)} is no kind; the kinds are {', '.join(KINDS)}."]
    said = [(what, cell) for what, cell in cells if what in ADDRESSES]
    if not said and (domain := about.get("domain", "")):
        said = [("domain", domain)]
    if not said:
        return [], ["it holds no address, number or domain"]
    doubtful = not given and not ADDRESSES.isdisjoint(columns.values())  # nobody said that domains are meant
    found: list[_Asked] = []
    problems: list[str] = []
    for what, cell in said:
        wanted = given if what == "value" else what
        kind = next((each for each in KINDS if each == wanted), None)
        for value in _several(kind, cell, country):
            each: Kind = "domain" if value.startswith(EVERYBODY_AT) else kind or kind_of(value)
            try:
                key = _key(each, value, country, said_country)
            except InvalidInput as error:
                problems.append(error.message)
                continue
            if doubtful and each == "domain" and key in public_domains():
                problems.append(everybodys(key))  # more likely what is left of an address
            else:
                found.append((each, key, reason))
    return found, problems


def _key(kind: Kind, value: str, country: str | None, said_country: str) -> str:
    try:
        return suppressible(kind, value, country)
    except InvalidInput as error:
        if kind == "phone" and country is None and not says_no_country(said_country):
            msg = f"{error.message} The country {quoted(said_country, limit=40)} is not known."
            raise InvalidInput(msg) from error
        raise


def _several(kind: Kind | None, cell: str, country: str | None) -> list[str]:
    """Return the values of a cell: itself, if it is one."""
    try:
        suppressible(kind or kind_of(cell), cell, country)
    except InvalidInput:
        return [part for each in _SEPARATORS.split(cell) if (part := each.strip())] or [cell]
    return [cell]


def _suppress(work: Work, wanted: list[_Asked], origin: str) -> None:
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
