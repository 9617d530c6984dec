"""How commands print: a table for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

BROKEN = 5  # the exit code for an audit whose chain does not hold
BEGINNING = 300
READABLE = 14  # characters of a cell, below which a broken one is no longer read

console = Console(highlight=False, emoji=False)
progress_console = Console(stderr=True, highlight=False, emoji=False)


def emit_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print one JSON document on stdout."""
    if isinstance(value, BaseModel):
        document: Any = value.model_dump(mode="json")
    elif isinstance(value, dict):
        document = value
    else:
        document = [each.model_dump(mode="json") for each in value]
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; cells are data, never markup, and are broken where they do not fit, never cut.

    An id stays whole on one line, so that it can be copied. Where a terminal is too narrow for the columns to be
    read, each row is printed as a block of lines.
    """
    cells = [list(row) for row in rows]
    if _least_width(columns, cells) > console.width:
        _blocks(title, columns, cells)
        return
    made = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        counts = bool(cells) and all(isinstance(row[number], int) for row in cells)
        widest = max((len(str(row[number])) for row in cells), default=0) if column == "id" else None
        made.add_column(column, justify="right" if counts else "left", overflow="fold", min_width=widest)
    for row in cells:
        made.add_row(*(_plain(cell) for cell in row))
    console.print(made)


def beginning(text: str) -> str:
    """Return a text for a table, of a long one its first 300 characters."""
    return text if len(text) <= BEGINNING else f"{text[:BEGINNING]}..."


def _least_width(columns: Sequence[str], cells: Sequence[Sequence[object]]) -> int:
    """The width that a table needs for its ids to be whole and its other cells to be broken seldom."""
    widths = [max([len(column), *(len(str(row[number])) for row in cells)]) for number, column in enumerate(columns)]
    readable = [
        width if column == "id" else min(width, READABLE) for column, width in zip(columns, widths, strict=True)
    ]
    return sum(readable) + 3 * len(columns) + 1


def _blocks(title: str, columns: Sequence[str], cells: Sequence[Sequence[object]]) -> None:
    console.print(Text(title, style="bold"))
    for row in cells:
        grid = Table.grid(padding=(0, 2))
        for column, cell in zip(columns, row, strict=True):
            grid.add_row(Text(column, style="dim"), Text("" if cell is None else str(cell), overflow="fold"))
        console.print(grid)
        console.print()


def say(text: str) -> None:
    """Print a line of text on stdout."""
    console.print(text, markup=False, soft_wrap=True)


def _plain(cell: object) -> str:
    return escape("" if cell is None else str(cell))
