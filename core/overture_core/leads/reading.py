"""Opens a file of leads, whatever it is: finds its format and encoding, and streams its rows.

CSV, TSV, semicolon- and pipe-separated text, JSON, JSON Lines and XLSX, each also packed with gzip. What
was found is reported, not hidden. Memory does not grow with the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import replace

from overture_core.errors import InvalidInput, UnreadableFile
from overture_core.leads.delimited import delimited
from overture_core.leads.encoding import FoundEncoding, find_encoding, given_encoding
from overture_core.leads.excel import xlsx_table
from overture_core.leads.json_files import is_json, json_table
from overture_core.leads.sources import MAX_BYTES, Source
from overture_core.leads.tables import Row, Table

__all__ = ["MAX_BYTES", "Row", "Source", "Table", "open_table"]

_START = 1_024
_EXCEL = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF = b"%PDF-"
_WEB_PAGE = re.compile(r"<(!doctype\s+html|html|head|body|table)\b", re.IGNORECASE)


def open_table(
    source: Source, encoding: str | None = None, *, whole: bool = True, whole_objects: Collection[str] = ()
) -> Table:
    """Open a source as a table; the caller closes it. Without an `encoding`, it is found.

    All of the file is tried in its encoding, so that nothing of one that breaks off is taken, and all of a JSON file
    is read for its keys; if not `whole`, only the beginning is, for somebody who wants to see the first rows. JSON's
    objects under the keys `whole_objects` are one cell each, and not one for each value in them.

    Raises:
        UnreadableFile: the format or encoding cannot be made out, or it holds no header.
        InvalidInput: there is no such encoding, or the source has none to be given.
    """
    with ExitStack() as files:
        table = _open_table(source, encoding, files, whole, whole_objects)
        notes = (*source.notes, *table.notes)
        return replace(table, notes=notes, size=source.size(), files=files.pop_all())


def _open_table(
    source: Source, given: str | None, files: ExitStack, whole: bool, whole_objects: Collection[str]
) -> Table:
    with source.open() as file:
        start = file.read(_START)
    if start.startswith(_OLD_EXCEL):
        msg = f"{source.filename} is an old Excel file, or one with a password; save it as XLSX without one, or as CSV."
        raise UnreadableFile(msg)
    if start.startswith(_PDF):
        msg = f"{source.filename} is a PDF, not a table; export it as CSV, XLSX or JSON Lines from where it was made."
        raise UnreadableFile(msg)
    excel = start.startswith(_EXCEL)
    if given is not None and (excel or source.text is not None):
        what = f"{source.filename} is an Excel file" if excel else "The content is given as text"
        msg = f"{what}, which needs no encoding; leave the encoding out."
        raise InvalidInput(msg)
    if excel:
        return xlsx_table(source, files)
    if given is not None:
        encoding = given_encoding(source.open, source.filename, given, whole=whole)
    else:
        encoding = find_encoding(source.open, source.filename, whole=whole)
    beginning = _beginning(source, encoding)
    if _WEB_PAGE.match(beginning):
        msg = f"{source.filename} is a web page, not a table; export it as CSV, XLSX or JSON Lines."
        raise UnreadableFile(msg)
    if is_json(beginning, source.filename):
        table = json_table(source, encoding, files, whole=whole, whole_objects=whole_objects)
    else:
        table = delimited(source, encoding, files)
    mixed = (f"Lines that are not in {encoding.name} like the others are rejected.",) if encoding.mixed else ()
    return replace(table, encoding_guessed=encoding.guessed, notes=(*table.notes, *mixed))


def _beginning(source: Source, encoding: FoundEncoding) -> str:
    with encoding.open(source.open()) as file:
        return file.read(_START).lstrip()
