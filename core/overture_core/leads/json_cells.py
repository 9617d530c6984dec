"""An object of JSON as the cells of a row.

What stands inside an object has a column of its own, named by the way there: `{"company": {"name": "Acme"}}` is a cell
of `company.name`. An object stays one cell, as JSON, where its key says that it is read as a whole, at a depth of
`DEEPEST`, and where the columns of all would be too many.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from overture_core.leads.header_names import CONSENTS, PREFIX, REFUSALS, field_of
from overture_core.leads.json_values import Doubled
from overture_core.leads.tables import MAX_COLUMNS, cell_text, shape_of
from overture_core.leads.telling import telling
from overture_core.text import clean

DEEPEST = 5
_LONGEST_KEY = 100
_NAMES = ("name", "label", "value")


class Cells(NamedTuple):
    """The texts of a row by column, and of which of them the value is no text and no number (tables.Row)."""

    texts: dict[str, str]
    shapes: dict[str, type] | None


class Objects:
    """Makes cells of objects, and knows the columns of all that it has seen. Objects under the keys `whole` stay one
    cell each, and those under `too_wide`, which would have made more columns than there may be."""

    def __init__(self, whole: Collection[str] = ()) -> None:
        self._whole = set(whole)
        self._inside: dict[str, set[str]] = {}
        self._columns: dict[str, None] = {}
        self._filled: set[str] = set()
        self.too_wide: list[str] = []

    def cells(self, value: Mapping[str, object]) -> Cells:
        """Return an object's cells.

        Raises:
            RecursionError: it is nested too deeply.
        """
        texts: dict[str, str] = {}
        shapes: dict[str, type] = {}
        for key, each in value.items():
            column = clean(str(key), limit=_LONGEST_KEY)
            if isinstance(each, str):  # as most are
                texts[column] = each
            elif isinstance(each, (dict, list)) and column not in self._whole:
                for name, leaf in self._opened(column, each, value, texts):
                    _put(name, leaf, texts, shapes)
            else:
                _put(column, each, texts, shapes)
        return Cells(texts, shapes or None)

    def see(self, texts: Mapping[str, str]) -> bool:
        """Take in the columns of a row; returns whether there is room for them all, with the widest objects whole."""
        self._columns.update(dict.fromkeys(texts))
        self._filled.update(filter(texts.get, texts))
        while len(self._columns) > MAX_COLUMNS and self._inside:
            widest = max(self._inside, key=lambda key: len(self._inside[key]))
            for column in self._inside.pop(widest):
                self._columns.pop(column, None)
            self._whole.add(widest)
            self.too_wide.append(widest)
            self._columns[widest] = None
            self._filled.add(widest)
        return len(self._columns) <= MAX_COLUMNS

    @property
    def columns(self) -> list[str]:
        """The columns in the order in which they first appeared, but for keys that were never more than null beside
        objects: they would be taken for what stands inside those."""
        return [column for column in self._columns if column in self._filled or column not in self._inside]

    def _opened(
        self, column: str, value: object, around: Mapping[str, object], taken: Collection[str]
    ) -> Iterator[tuple[str, object]]:
        """Return what stands inside a value; no name is one of `around` or `taken`."""
        for name, leaf in _leaves(column, value):
            free = name
            if name != column:
                numbers = count(2)
                while free in taken or free in around:
                    free = f"{name} ({next(numbers)})"
                self._inside.setdefault(column, set()).add(free)
            yield free, leaf


def _put(column: str, value: object, texts: dict[str, str], shapes: dict[str, type]) -> None:
    texts[column] = cell_text(value)
    if (shape := shape_of(value)) is not None:
        shapes[column] = shape


def _leaves(name: str, value: object, depth: int = 1) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        yield from _listed(name, value)
    elif isinstance(value, dict) and not _stays_whole(name, value, depth):
        for key, each in value.items():
            yield from _leaves(f"{name}.{clean(str(key), limit=_LONGEST_KEY)}", each, depth + 1)
    else:
        yield name, None if value == {} else value


def _stays_whole(name: str, value: dict[str, object], depth: int) -> bool:
    """Say whether an object is read as a whole, such as one of consent by its channels, or a consent with its name."""
    if not value or depth == DEEPEST or isinstance(value, Doubled) or f"{name}." == PREFIX:
        return True
    if field_of(name.rpartition(".")[2]) in CONSENTS | REFUSALS:
        return True
    called = next((str(value[each]) for each in ("name", "key", "label") if value.get(each)), "")
    return "value" in value and called != "" and telling(called).sounds


def _listed(name: str, values: list[object]) -> Iterator[tuple[str, object]]:
    """Return a list, but for one of objects that are tags, or of values of which one is the primary, as for
    addresses: that one first, the others numbered."""
    objects = [each for each in values if isinstance(each, dict)]
    field = field_of(name)
    if not objects or len(objects) < len(values):
        yield name, values
    elif field == "tags" and len(texts := _tags(objects)) == len(objects):
        yield name, texts
    elif all(_is_scalar(each.get("value")) for each in objects) and (
        field in ("email", "phone") or any("primary" in each for each in objects)
    ):
        for number, each in enumerate(sorted(objects, key=_is_further), 1):
            yield (name if number == 1 else f"{name} ({number})"), each["value"]
    else:
        yield name, values


def _tags(objects: Sequence[Mapping[str, object]]) -> list[str]:
    named = (next((each[key] for key in _NAMES if each.get(key)), None) for each in objects)
    return [text for text in named if isinstance(text, str)]


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _is_further(item: Mapping[str, object]) -> bool:
    return item.get("primary") not in (True, "true")
