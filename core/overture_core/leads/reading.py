"""Opens a file of leads, whatever it is: finds format, encoding and delimiter, and streams its rows.

CSV, TSV, semicolon- and pipe-separated text, JSON Lines and XLSX. What was found is reported, not
hidden. Memory does not grow with the file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice

from overture_core.errors import InvalidInput, UnreadableFile
from overture_core.leads.encoding import find_encoding, given_encoding
from overture_core.leads.excel import sheet_rows
from overture_core.leads.records import UNCLOSED, Line, Record, RecordReader, bounded_lines
from overture_core.leads.sources import MAX_BYTES, Source
from overture_core.leads.spreadsheets import plain
from overture_core.text import clean

__all__ = ["MAX_BYTES", "Row", "Source", "Table", "open_table"]

MAX_COLUMNS = 500
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, its original text, and its cells by column (None: unreadable)."""

    line: int
    original: str
    cells: dict[str, str] | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns, how it was read, and its rows, which can be gone through once until `close`.

    `position` tells how many of the source's `size` bytes have been read.
    """

    columns: list[str]
    encoding: str
    delimiter: str | None
    rows: Iterator[Row]
    position: Callable[[], int]
    size: int = 0
    encoding_guessed: bool = False
    files: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Close the file."""
        self.files.close()


def open_table(source: Source, encoding: str | None = None) -> Table:
    """Open a source as a table; the caller closes it. Without an `encoding`, it is found.

    Raises:
        UnreadableFile: the format or encoding cannot be made out, or it holds no header.
        InvalidInput: there is no such encoding, or the source has none to be given.
    """
    with ExitStack() as files:
        return replace(_open_table(source, encoding, files), size=source.size(), files=files.pop_all())


def _open_table(source: Source, given: str | None, files: ExitStack) -> Table:
    with source.open() as file:
        excel = file.read(4) == b"PK\x03\x04"
    if given is not None and (excel or source.path is None):
        what = f"{source.filename} is an Excel file" if excel else "The content is given as text"
        msg = f"{what}, which needs no encoding; leave the encoding out."
        raise InvalidInput(msg)
    if excel:
        return _xlsx(source, files)
    if given is not None:
        encoding, guessed = given_encoding(source.open, source.filename, given), False
    else:
        encoding, guessed = find_encoding(source.open, source.filename)
    lines = source.filename.lower().endswith((".jsonl", ".ndjson"))
    table = _json_lines(source, encoding, files) if lines else _delimited(source, encoding, files)
    return replace(table, encoding_guessed=guessed)


def _delimited(source: Source, encoding: str, files: ExitStack) -> Table:
    delimiter = _find_delimiter(source, encoding)
    # newline="" as the csv module asks: line breaks inside quotes stay as they are
    file = source.open()
    opened = files.enter_context(io.TextIOWrapper(file, encoding=encoding, newline=""))
    records = RecordReader(bounded_lines(opened), delimiter)
    header = records.read()
    while header is not None and not any(cell.strip() for cell in header.cells or [header.original]):
        header = records.read()
    if header is None:
        msg = f"{source.filename} has no header line; its first line must name the columns."
        raise UnreadableFile(msg)
    if header.cells is None:
        msg = f"{source.filename}, line {header.line}: the header {_of_header(header)}; mend it, then import again."
        raise UnreadableFile(msg)
    columns = _columns(header.cells, source)
    return Table(columns, encoding, delimiter, _csv_rows(records, columns), file.tell)


def _of_header(header: Record) -> str:
    return "has a quote that is never closed" if header.problem == UNCLOSED else str(header.problem)


def _csv_rows(records: RecordReader, columns: list[str]) -> Iterator[Row]:
    while (record := records.read(len(columns))) is not None:
        cells = record.cells
        if cells is None:
            yield Row(record.line, record.original, None, record.problem)
        elif not any(cell.strip() for cell in cells):
            continue
        elif len(cells) != len(columns):
            problem = f"has {len(cells)} columns where the header has {len(columns)}"
            yield Row(record.line, record.original, None, problem)
        else:
            yield Row(record.line, record.original, dict(zip(columns, map(plain, cells), strict=True)))


def _find_delimiter(source: Source, encoding: str) -> str:
    """The separator that splits the most of the first lines into as many cells as the header has."""
    with io.TextIOWrapper(source.open(), encoding=encoding, newline="") as file:
        lines = list(islice(bounded_lines(file), SAMPLE_LINES))

    def agreement(delimiter: str) -> tuple[int, int]:
        records = RecordReader(iter(lines), delimiter)
        rows = [record.cells for record in iter(records.read, None) if record.cells]
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows), width) if width > 1 else (0, 0)

    best = max(DELIMITERS, key=agreement)
    return best if agreement(best) > (0, 0) else ","


def _columns(header: list[str], source: Source) -> list[str]:
    if len(header) > MAX_COLUMNS:
        raise _too_wide(source, len(header))
    names: list[str] = []
    for number, cell in enumerate(header, 1):
        name = clean(cell, limit=100) or f"column {number}"
        while name in names:
            name = f"{name} ({number})"
        names.append(name)
    return names


def _too_wide(source: Source, width: int) -> UnreadableFile:
    return UnreadableFile(
        f"{source.filename} has {width} columns, more than the {MAX_COLUMNS} allowed; leave out those you do not need."
    )


def _json_lines(source: Source, encoding: str, files: ExitStack) -> Table:
    found: dict[str, None] = {}
    with io.TextIOWrapper(source.open(), encoding=encoding) as file:
        for line in islice(bounded_lines(file), SAMPLE_LINES):
            row = _json_row(line)
            if row is not None:
                found.update(dict.fromkeys(row.cells or {}))
    columns = list(found)
    if len(columns) > MAX_COLUMNS:
        raise _too_wide(source, len(columns))
    if not columns:
        msg = f"{source.filename} holds no JSON objects of 1 to {MAX_COLUMNS} fields; write one object a line."
        raise UnreadableFile(msg)
    opened = files.enter_context(io.TextIOWrapper(source.open(), encoding=encoding))
    rows = (row for line in bounded_lines(opened) if (row := _json_row(line)) is not None)
    return Table(columns, encoding, None, rows, opened.buffer.tell)


def _json_row(line: Line) -> Row | None:
    number, original = line.number, line.text.rstrip("\r\n")
    if line.problem is not None:
        return Row(number, original, None, line.problem)
    if not original.strip():
        return None
    try:
        value = json.loads(original)
    except (ValueError, RecursionError):
        return Row(number, original, None, "is not a JSON object")
    if not isinstance(value, dict):
        return Row(number, original, None, "is not a JSON object")
    if len(value) > MAX_COLUMNS:
        return Row(number, original, None, f"has {len(value)} fields, more than the {MAX_COLUMNS} allowed")
    cells = {clean(str(key), limit=100): _cell(each) for key, each in value.items()}
    return Row(number, original, cells)


def _xlsx(source: Source, files: ExitStack) -> Table:
    values, position = sheet_rows(source.filename, source.open, files)
    header = next((row for _, row in values if any(cell is not None for cell in row)), None)
    if header is None:
        msg = f"{source.filename} has no header line; its first row must name the columns."
        raise UnreadableFile(msg)
    width = max(number for number, cell in enumerate(header, 1) if cell is not None)  # rows may come padded
    columns = _columns([_cell(cell) for cell in header[:width]], source)
    return Table(columns, "xlsx", None, _xlsx_rows(values, columns), position)


def _xlsx_rows(values: Iterator[tuple[int, tuple[object, ...]]], columns: list[str]) -> Iterator[Row]:
    for number, row in values:
        cells = [_cell(cell) for cell in row]
        if not any(cells):
            continue
        original = "\t".join(cells).rstrip("\t")
        if any(cells[len(columns) :]):
            yield Row(number, original, None, f"has {len(cells)} columns where the header has {len(columns)}")
            continue
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        yield Row(number, original, dict(zip(columns, map(plain, padded), strict=False)))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel keeps whole numbers, phone numbers too, as floats
    if isinstance(value, list):
        return ";".join(_cell(each) for each in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
