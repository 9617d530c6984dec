"""Rejected rows as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TextIO

from overture_core.leads.imports import Reject

# What makes a spreadsheet read a cell as a formula, or may stand before one (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (full-width forms count)


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet shows as text: one that could start a formula gets an apostrophe."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def rejects_csv(rejects: Iterable[Reject]) -> str:
    """Return rejected rows as CSV: line, reasons, original text; no cell is read as a formula."""
    made = io.StringIO()
    write_rejects(rejects, made)
    return made.getvalue()


def write_rejects(rejects: Iterable[Reject], file: TextIO) -> None:
    """Write the same into a file, row by row."""
    writer = csv.writer(file)
    writer.writerow(("line", "reasons", "original"))
    writer.writerows((row.line, harmless("; ".join(row.reasons)), harmless(row.original)) for row in rejects)
