"""Cells that a spreadsheet would read as formulas, made harmless and back again."""

from __future__ import annotations

import re

# What makes a spreadsheet read a cell as a formula, or may stand before one (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (full-width forms count)
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet shows as text: one that could start a formula gets an apostrophe.

    A number alone, such as a phone number in E.164, is no formula and stays as it is.
    """
    return f"'{cell}" if _is_suspect(cell) else cell


def plain(cell: str) -> str:
    """Return what `harmless` was given: the apostrophe that it put before a cell is taken away."""
    return cell[1:] if cell.startswith("'") and _is_suspect(cell[1:]) else cell


def _is_suspect(cell: str) -> bool:
    # Apostrophes before it count too, so that taking one away always gives back what was there.
    bare = cell.lstrip("'")
    return bare.startswith(_FORMULA_STARTS) and not (bare == cell and _NUMBER.fullmatch(bare))
