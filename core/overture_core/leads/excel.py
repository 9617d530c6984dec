"""Reads the front sheet of an Excel file row after row, and refuses one that is damaged or unpacks without bound."""

from __future__ import annotations

import csv
import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

from overture_core.errors import UnreadableFile
from overture_core.leads.sources import Source
from overture_core.leads.spreadsheets import plain
from overture_core.leads.tables import (
    HEADER_WITHIN,
    Row,
    Table,
    cell_text,
    column_names,
    find_header,
    misfit,
    place_notes,
)
from overture_core.leads.unpacking import MAX_RATIO
from overture_core.text import quoted

MAX_UNPACKED = 1024 * 1024 * 1024
MAX_IN_MEMORY = 100 * 1024 * 1024
MAX_OPENING_BLANKS = 1_000
FREE_SHEET = 16 * 1024 * 1024  # bytes that a sheet may unpack to, however little is stored of it
SheetRow = tuple[int, list[str]]

# openpyxl has no error of its own: a damaged file gives whatever its parts raise.
_DAMAGED = (
    *(ParseError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError),
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError, RuntimeError),
)


class _Sheet(NamedTuple):
    """The rows of the sheet that was in front, each with its number."""

    rows: Iterator[SheetRow]
    position: Callable[[], int]
    notes: tuple[str, ...]


def xlsx_table(source: Source, files: ExitStack) -> Table:
    """Open an Excel file; `files` closes it.

    Raises:
        UnreadableFile: it is damaged, no Excel file, has no header, or unpacks to too much; also while going
            through the rows.
    """
    sheet = _front_sheet(source, files)
    filled = _from_first_filled(sheet.rows)
    opening = list(islice(filled, HEADER_WITHIN + 1))
    place = find_header([cells for _, cells in opening])
    if place is None:
        msg = f"{source.filename} has no header line; its first row must name the columns."
        raise UnreadableFile(msg)
    line, header = opening[place.at]
    width = max(number for number, cell in enumerate(header, 1) if cell.strip())  # rows may come padded
    columns = column_names(source.filename, header[:width], place)
    rows = _rows(chain(opening[place.at + place.named :], filled), columns)
    notes = (*sheet.notes, *place_notes(place, line))
    return Table(columns, "xlsx", None, rows, sheet.position, named=place.named, notes=notes)


def _from_first_filled(rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
    for number, cells in islice(rows, MAX_OPENING_BLANKS):
        if any(cells):
            yield number, cells
            break
    yield from rows


def _rows(values: Iterator[SheetRow], columns: list[str]) -> Iterator[Row]:
    width = len(columns)
    for number, cells in values:
        if not any(cells):
            continue
        original = _original(cells)
        if any(cells[width:]):
            yield misfit(number, original, columns, cells)
            continue
        padded = [*map(plain, cells), *[""] * (width - len(cells))]
        yield Row(number, original, dict(zip(columns, padded, strict=False)))


def _original(cells: list[str]) -> str:
    """A row as text, its cells with tabs between them."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    plain = "\t".join(cells)
    if plain.count("\t") == len(cells) - 1 and not {'"', "\n", "\r"} & set(plain):
        return plain
    written = io.StringIO()
    csv.writer(written, delimiter="\t", lineterminator="").writerow(cells)
    return written.getvalue()


def _front_sheet(source: Source, files: ExitStack) -> _Sheet:
    from openpyxl import load_workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    # What openpyxl warns of (no styles, odd extensions) does not touch the cells' values.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    filename, size = source.filename, source.size()
    try:
        read = files.enter_context(source.open_seekable())
        unpacked = read.seek(0, os.SEEK_END)
        with zipfile.ZipFile(read) as archive:
            entries = archive.infolist()
        if not any(entry.filename.startswith("xl/") for entry in entries):
            msg = f"{filename} is a zip archive, not an Excel file; unpack it and import what is in it."
            raise UnreadableFile(msg)
        _check_size(filename, entries)
        workbook = load_workbook(read, read_only=True, data_only=True)
        files.callback(workbook.close)
        sheet = workbook.active
    except _DAMAGED as error:
        raise _damaged(filename) from error
    if not isinstance(sheet, ReadOnlyWorksheet):
        msg = f"{filename} has no sheet of cells in front; put the table first and save it again."
        raise UnreadableFile(msg)
    sheet.reset_dimensions()  # some programs write a wrong size, behind which rows would be missed
    others = len(workbook.sheetnames) - 1
    notes = (f"The sheet {quoted(sheet.title)} was read; the file has {others + 1} sheets.",) if others else ()
    rows = _numbered(filename, sheet.iter_rows(values_only=True))
    return _Sheet(rows, lambda: read.tell() * size // unpacked, notes)


def _check_size(filename: str, entries: list[zipfile.ZipInfo]) -> None:
    """Sheets are streamed; everything else, texts that cells share above all, is held in memory."""
    in_memory = sum(entry.file_size for entry in entries if not entry.filename.startswith("xl/worksheets/"))
    if in_memory > MAX_IN_MEMORY or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        msg = f"{filename} unpacks to more than can be read from an Excel file; export it as CSV."
        raise UnreadableFile(msg)
    # One cell is read as a whole, so a sheet of one huge cell is not streamed. A reader of the archive gives no more
    # than the size that its entry names.
    sheets = (entry for entry in entries if entry.filename.startswith("xl/worksheets/"))
    if any(entry.file_size > max(FREE_SHEET, MAX_RATIO * entry.compress_size) for entry in sheets):
        msg = f"{filename} has a sheet that unpacks to over {MAX_RATIO} times what is stored of it; export it as CSV."
        raise UnreadableFile(msg)


def _numbered(filename: str, rows: Iterator[tuple[object, ...]]) -> Iterator[SheetRow]:
    try:
        for number, row in enumerate(rows, 1):
            yield number, [cell_text(value) for value in row]
    except _DAMAGED as error:
        raise _damaged(filename) from error


def _damaged(filename: str) -> UnreadableFile:
    return UnreadableFile(f"{filename} cannot be read as an Excel file; open it and export it as CSV.")
