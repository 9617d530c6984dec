"""Text with separators: finds the separator and the header, then gives row after row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice

from overture_core.errors import UnreadableFile
from overture_core.leads.encoding import FoundEncoding
from overture_core.leads.header_names import field_of
from overture_core.leads.records import UNCLOSED, Line, Record, RecordReader, bounded_lines, unwrapped
from overture_core.leads.sources import Source
from overture_core.leads.spreadsheets import plain
from overture_core.leads.tables import (
    HeaderPlace,
    Row,
    Table,
    column_names,
    find_header,
    misfit,
    place_notes,
)
from overture_core.leads.unpacking import stored_position

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 50
_WRAPPED = "Each line stands in quotes as a whole; what is inside them was read."
# Excel's own line before the header, which says what separates the cells.
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def delimited(source: Source, encoding: FoundEncoding, files: ExitStack) -> Table:
    """Open a text with separators.

    Raises:
        UnreadableFile: it has no header, or one that cannot be read.
    """
    with encoding.open(source.open()) as file:
        start = list(islice(bounded_lines(file), SAMPLE_LINES))
    said = _SEPARATOR.fullmatch(start[0].text) if start else None
    beginning = start[1:] if said else start
    wrapped = _is_wrapped(beginning)
    beginning = list(unwrapped(iter(beginning))) if wrapped else beginning
    delimiter = said[1] if said else _find_delimiter(beginning)
    sampled = list(iter(RecordReader(iter(beginning), delimiter).read, None))
    place = find_header([record.cells for record in sampled])
    if place is None:
        msg = f"{source.filename} has no header line; its first line must name the columns."
        raise UnreadableFile(msg)
    header = sampled[place.at]
    if header.cells is None:
        msg = f"{source.filename}, line {header.line}: the header {_of_header(header)}; mend it, then import again."
        raise UnreadableFile(msg)
    width = _width(header.cells, place, sampled)
    columns = column_names(source.filename, header.cells[:width], place)
    stored = source.open()
    lines = bounded_lines(files.enter_context(encoding.open(stored)))
    rest = islice(lines, 1 if said else 0, None)
    records = RecordReader(unwrapped(rest) if wrapped else rest, delimiter)
    for _ in range(place.at + place.named):
        records.read()
    notes = (*(_WRAPPED,) * wrapped, *place_notes(place, header.line))
    rows = _rows(records, columns)
    return Table(columns, encoding.name, delimiter, rows, stored_position(stored), named=place.named, notes=notes)


def _is_wrapped(lines: list[Line]) -> bool:
    """Say whether each line stands in quotes as a whole, as the header tells: inside it are several known names."""
    header = next((line for line in lines if line.text.strip()), None)
    if header is None or not header.text.startswith('"'):
        return False
    inside = next(unwrapped(iter([header]))).text
    if inside == header.text:
        return False
    return any(sum(field_of(cell.strip(' "')) is not None for cell in inside.split(each)) > 1 for each in DELIMITERS)


def _of_header(header: Record) -> str:
    return "has a quote that is never closed" if header.problem == UNCLOSED else str(header.problem)


def _width(header: list[str], place: HeaderPlace, sampled: list[Record]) -> int:
    """How many columns a header has: separators at its end that the rows do not have make none."""
    named = len(header)
    while named > 1 and not header[named - 1].strip():
        named -= 1
    widths = Counter(len(record.cells) for record in sampled[place.at + 1 :] if record.cells)
    usual = widths.most_common(1)[0][0] if widths else len(header)
    return max(named, min(usual, len(header))) if place.named else len(header)


def _rows(records: RecordReader, columns: list[str]) -> Iterator[Row]:
    width = len(columns)
    while (record := records.read(width)) is not None:
        cells = record.cells
        if cells is None:
            yield Row(record.line, record.original, None, record.problem)
        elif not "".join(cells).strip():
            continue
        # Separators at the end of a row, with nothing between them, add no cell.
        elif len(cells) != width and (len(cells) < width or any(cell.strip() for cell in cells[width:])):
            yield misfit(record.line, record.original, columns, cells)
        else:
            if "'" in record.original:
                cells = [plain(cell) for cell in cells]
            yield Row(record.line, record.original, dict(zip(columns, cells, strict=False)))


def _find_delimiter(lines: list[Line]) -> str:
    """The separator that splits the most of the first lines into as many cells as the most have."""

    def agreement(delimiter: str) -> tuple[int, int]:
        records = RecordReader(iter(lines), delimiter)
        widths = Counter(len(record.cells) for record in iter(records.read, None) if record.cells)
        del widths[1]
        return max(((number, width) for width, number in widths.items()), default=(0, 0))

    best = max(DELIMITERS, key=agreement)
    return best if agreement(best) > (0, 0) else ","
