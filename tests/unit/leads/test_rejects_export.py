"""Rejected rows as CSV, as a spreadsheet would open it."""

from __future__ import annotations

import csv
import io

import pytest

from overture_core.leads.exporting import rejects_csv
from overture_core.leads.imports import Reject


@pytest.mark.parametrize(
    "original",
    ['=HYPERLINK("http://x.example","y")', "+1+2", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"],  # noqa: RUF001
)
def test_a_cell_that_could_be_a_formula_is_exported_as_text(original: str) -> None:
    made = rejects_csv([Reject(line=2, original=original, reasons=["=not", "good"])])
    assert list(csv.reader(io.StringIO(made, newline=""))) == [
        ["line", "reasons", "original"],
        ["2", "'=not; good", f"'{original}"],
    ]


def test_other_cells_are_exported_as_they_were() -> None:
    made = rejects_csv([Reject(line=7, original='nobody,"a=b"', reasons=["has 3 columns"])])
    assert list(csv.reader(io.StringIO(made))) == [
        ["line", "reasons", "original"],
        ["7", "has 3 columns", 'nobody,"a=b"'],
    ]
