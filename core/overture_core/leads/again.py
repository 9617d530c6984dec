"""The rejected rows of an import as a source, to import them again with other options."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

from overture_core.errors import InvalidInput
from overture_core.leads.imports import get_report, rejects
from overture_core.leads.sources import Source
from overture_core.leads.spreadsheets import harmless
from overture_core.storage.store import Store
from overture_core.text import quantity

MOST_NAMED = 20
_URI = re.compile(r"leads://imports/([^/]+)/rejects")


def source_of_uri(store: Store, workspace: str, uri: str) -> Source | None:
    """Return the rows that an import rejected, of their resource's URI; None if it is no such URI.

    The rows stand under the header of their file, as they stood in it, and are numbered anew. Those that were too
    long to be kept whole are left out, and named in the source's notes.

    Raises:
        NotFound: there was no such import.
        InvalidInput: it rejected none that was kept whole.
    """
    found = _URI.fullmatch(uri)
    if found is None:
        return None
    with store.read(workspace) as work:
        report, rows = get_report(work, found[1]), list(rejects(work, found[1]))
    if not rows or not report.columns:
        msg = f"The import {found[1]} has no rejected rows that could be imported again; import its file."
        raise InvalidInput(msg)
    lines = [row.original for row in rows if row.is_whole]
    if not lines:
        msg = f"The rows that the import {found[1]} rejected are too long to be kept whole; import its file again."
        raise InvalidInput(msg)
    cut = [str(row.line) for row in rows if not row.is_whole]
    named = ", ".join(cut[:MOST_NAMED]) + (", ..." if len(cut) > MOST_NAMED else "")
    notes = (
        f"{quantity(len(cut), 'rejected row')} of {report.filename} (line {named}) left out, too long to be kept "
        "whole; mend the file and import it again for them.",
    ) * bool(cut)
    if report.delimiter is None and report.encoding != "xlsx":
        objects = (re.sub(r"[\r\n]+", " ", line) for line in lines)
        return replace(Source.from_text("\n".join(objects), f"rejects of {found[1]}.jsonl"), notes=notes)
    header = io.StringIO()
    csv.writer(header, delimiter=report.delimiter or "\t", lineterminator="\n").writerow(
        [harmless(each.column) for each in report.columns]
    )
    text = header.getvalue() + "\n".join(lines)
    return replace(Source.from_text(text, f"rejects of {found[1]}.csv"), notes=notes)
