"""Streams the rows of an Excel file, and refuses one that is damaged or would unpack without bound."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

from overture_core.errors import UnreadableFile

MAX_UNPACKED = 1024 * 1024 * 1024
MAX_IN_MEMORY = 100 * 1024 * 1024
SheetRow = tuple[int, tuple[object, ...]]
Position = Callable[[], int]

# openpyxl has no error of its own: a damaged file gives whatever its parts raise.
_DAMAGED = (
    *(ParseError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError),
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError, RuntimeError),
)


def sheet_rows(
    filename: str, open_file: Callable[[], BinaryIO], files: ExitStack
) -> tuple[Iterator[SheetRow], Position]:
    """Return the rows of the sheet that was in front, each with its number, and what tells how far the file was read.

    `files` closes the file.

    Raises:
        UnreadableFile: it is damaged, no Excel file, or unpacks to too much; also while going through the rows.
    """
    from openpyxl import load_workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    # What openpyxl warns of (no styles, odd extensions) does not touch the cells' values.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    try:
        with open_file() as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
        _check_size(filename, entries)
        read = files.enter_context(open_file())
        workbook = load_workbook(read, read_only=True, data_only=True)
        files.callback(workbook.close)
        sheet = workbook.active
    except _DAMAGED as error:
        raise _damaged(filename) from error
    if not isinstance(sheet, ReadOnlyWorksheet):
        msg = f"{filename} has no sheet of cells in front; put the table first and save it again."
        raise UnreadableFile(msg)
    sheet.reset_dimensions()  # some programs write a wrong size, behind which rows would be missed
    return _numbered(filename, sheet.iter_rows(values_only=True)), read.tell


def _check_size(filename: str, entries: list[zipfile.ZipInfo]) -> None:
    """Sheets are streamed; everything else, texts that cells share above all, is held in memory."""
    in_memory = sum(entry.file_size for entry in entries if not entry.filename.startswith("xl/worksheets/"))
    if in_memory > MAX_IN_MEMORY or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        msg = f"{filename} unpacks to more than can be read from an Excel file; export it as CSV."
        raise UnreadableFile(msg)


def _numbered(filename: str, rows: Iterator[tuple[object, ...]]) -> Iterator[SheetRow]:
    try:
        yield from enumerate(rows, 1)
    except _DAMAGED as error:
        raise _damaged(filename) from error


def _damaged(filename: str) -> UnreadableFile:
    return UnreadableFile(f"{filename} cannot be read as an Excel file; open it and export it as CSV.")
