"""What every kind of file becomes: columns, and rows to go through once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from overture_core.errors import UnreadableFile
from overture_core.leads.header_names import field_of
from overture_core.leads.spreadsheets import plain
from overture_core.text import clean, quantity

MAX_COLUMNS = 500
HEADER_WITHIN = 15  # records from the first, of which all but the header are titles
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+\d[\d\s().\-/]{6,20}")
_NUMBER = re.compile(r"\+?[\d\s().\-/]{7,20}")
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")


class Row(NamedTuple):
    """One row: its line in the file, its original text, and its cells by column (None: unreadable).

    In a JSON document a row's line is its number in the list, since many can stand on one line, and `shapes` says of
    which columns the value is no text and no number, but an object, a list of several, or a truth value. `either` are
    the cells of a row that is too long or too short, by column from its beginning and from its end, and `beyond` those
    behind the last column, counted from the beginning.
    """

    line: int
    original: str
    cells: dict[str, str] | None
    problem: str | None = None
    shapes: dict[str, type] | None = None
    either: tuple[dict[str, str], ...] = ()
    beyond: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns, how it was read, and its rows, which can be gone through once until `close`.

    `position` tells how many of the source's `size` bytes have been read; `notes` what a person should know
    of how its shape was understood. Where not `named`, there is no header, and the columns are called by number.
    `too_wide` are the columns of JSON's objects that are one each because they have too much in them for columns.
    """

    columns: list[str]
    encoding: str
    delimiter: str | None
    rows: Iterator[Row]
    position: Callable[[], int]
    size: int = 0
    named: bool = True
    encoding_guessed: bool = False
    notes: tuple[str, ...] = ()
    too_wide: tuple[str, ...] = ()
    files: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Close the file."""
        self.files.close()


class HeaderPlace(NamedTuple):
    """Which of the first records names the columns; `named` is False where that one is a row already.

    `titled` says that records which are not blank stand before it.
    """

    at: int
    named: bool = True
    titled: bool = False


def find_header(records: Sequence[Sequence[str] | None]) -> HeaderPlace | None:
    """Return the place of the header among the first records (None: unreadable), None if all are blank.

    It is the first record that is not blank. But titles are passed over to a record that is known for a header by
    its names, if no address and no number stands before that; and a first record that has an address of its own
    is a row.
    """
    first = next((n for n, cells in enumerate(records) if cells is None or any(map(str.strip, cells))), None)
    if first is None:
        return None
    opening = [cell.strip() for cell in records[first] or () if cell.strip()]
    if any(_ADDRESS.fullmatch(cell) for cell in opening):
        return HeaderPlace(first, named=False)
    wanted = 1 if len(opening) == 1 else 2
    for index in range(first, min(first + HEADER_WITHIN, len(records))):
        filled = [cell.strip() for cell in records[index] or () if cell.strip()]
        if index > first and any(map(_is_value, filled)):
            break
        if len(filled) >= 2 and sum(field_of(cell) is not None for cell in filled) >= wanted:
            return HeaderPlace(index, titled=index > first)
    return HeaderPlace(first)


def _is_value(cell: str) -> bool:
    """Say whether a cell is an address or a number, which stand in rows; a date can stand in a title."""
    number = _NUMBER.fullmatch(cell) and not _DATE.fullmatch(cell)
    return bool(number or _ADDRESS.fullmatch(cell))


def place_notes(place: HeaderPlace, line: int) -> Iterator[str]:
    """Say what was unusual about the place of a header, which stands on `line`."""
    if not place.named:
        yield (
            "The first line holds an address and so is a row; the file has no header, and its columns are called "
            "column 1, column 2 and so on."
        )
    elif place.titled:
        yield f"The header was found in line {line}; what stands before it was left out."


def column_names(filename: str, header: Sequence[str], place: HeaderPlace) -> list[str]:
    """Return a name for each cell of a header: no two are alike, and none is empty.

    Raises:
        UnreadableFile: they are too many.
    """
    if len(header) > MAX_COLUMNS:
        raise too_wide(filename, len(header))
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(header, 1):
        name = (clean(plain(cell), limit=100) if place.named else "") or f"column {number}"
        while name in taken:
            name = f"{name} ({number})"
        names.append(name)
        taken.add(name)
    return names


def too_wide(filename: str, width: int) -> UnreadableFile:
    """Return the error for a file of too many columns."""
    return UnreadableFile(
        f"{filename} has {width} columns, more than the {MAX_COLUMNS} allowed; leave out those you do not need."
    )


def misfit(line: int, original: str, columns: Sequence[str], cells: Sequence[str]) -> Row:
    """Return the row of one that has more or fewer cells than the header."""
    width = len(columns)
    from_both_ends = (
        dict(zip(columns, cells, strict=False)),
        dict(zip(reversed(columns), reversed(cells), strict=False)),
    )
    problem = f"has {quantity(len(cells), 'column')} where the header has {width}"
    return Row(line, original, None, problem, either=from_both_ends, beyond=tuple(cells[width:]))


def shape_of(value: object) -> type | None:
    """Return dict, list or bool for a value of JSON that is one; None for a text, a number, or a list of one."""
    if isinstance(value, list):
        if not value:
            return None
        return list if len(value) > 1 else shape_of(value[0])
    return next((shape for shape in (dict, bool) if isinstance(value, shape)), None)


def cell_text(value: object) -> str:
    """Return a value of JSON or of Excel as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel keeps whole numbers, phone numbers too, as floats
    if isinstance(value, list):
        return ";".join(cell_text(each) for each in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
