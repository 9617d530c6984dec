"""An object of JSON as the cells of a row.

What stands inside an object has a column of its own, named by the way there: `{"company": {"name": "Acme"}}` is a cell
of `company.name`. An address is a cell of the object or the list that it stands in: `{"email": [{"value": ...}]}` is
one of `email`. An object stays one cell, as JSON, where its key says that it is read as a whole, at a depth of
`DEEPEST`, and where the columns of all would be too many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from overture_core.leads.header_names import CONSENTS, PREFIX, REFUSALS, field_of, header_key
from overture_core.leads.tables import MAX_COLUMNS, cell_text, shape_of
from overture_core.leads.telling import telling
from overture_core.text import clean

DEEPEST = 5
_LONGEST_KEY = 100
_NAMES = ("name", "label", "value")
_ADDRESS_KEYS = {
    "email": ("value", "email", "emailaddress", "address"),
    "phone": ("value", "phone", "phonenumber", "number"),
}
"""Under which keys, as `header_key` makes them, an object has the address that it is of."""


class Cells(NamedTuple):
    """The texts of a row by column, and of which of them the value is no text and no number (tables.Row)."""

    texts: dict[str, str]
    shapes: dict[str, type] | None


class Objects:
    """Makes cells of objects, and knows the columns of all that it has seen. Objects under the keys `whole` stay one
    cell each, and those under `too_wide`, which would have made more columns than there may be; of addresses, the first
    one has a cell of its own."""

    def __init__(self, whole: Collection[str] = ()) -> None:
        self._whole = set(whole)
        self._within: dict[str, tuple[str, ...]] = {}  # {column: the objects and lists around it, the outermost first}
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
        if len(self._columns) > MAX_COLUMNS:
            self._keep_widest_whole()
        return len(self._columns) <= MAX_COLUMNS

    @property
    def columns(self) -> list[str]:
        """The columns in the order in which they first appeared, but for keys that were never more than null beside
        objects: they would be taken for what stands inside those."""
        opened = {name for within in self._within.values() for name in within}
        return [column for column in self._columns if column in self._filled or column not in opened]

    def _keep_widest_whole(self) -> None:
        """Keep objects whole until there is room: those first that have the most in them, each object inside counted
        as one, which it stays if it is kept whole itself."""
        widths: dict[str, set[str]] = defaultdict(set)
        columns: dict[str, list[str]] = defaultdict(list)
        for column, within in self._within.items():
            for outer, inner in zip(within, (*within[1:], column), strict=True):
                widths[outer].add(inner)
                columns[outer].append(column)
        for name in sorted(widths, key=lambda each: len(widths[each]), reverse=True):
            if len(self._columns) <= MAX_COLUMNS:
                return
            if inside := [each for each in columns[name] if each in self._within]:
                for outer in self._keep_whole(name, inside):
                    columns[outer].append(name)

    def _keep_whole(self, name: str, inside: Sequence[str]) -> tuple[str, ...]:
        """Make one column of those inside an object; returns the objects around it."""
        within = self._within[inside[0]]
        around = within[: within.index(name)]
        for column in inside:
            del self._within[column]
            self._columns.pop(column, None)
        if around:
            self._within[name] = around
        self.too_wide = [*(each for each in self.too_wide if not each.startswith(f"{name}.")), name]
        kept = (name, f"{name} (2)") if field_of_addresses(name) else (name,)
        self._columns.update(dict.fromkeys(kept))
        self._filled.update(kept)
        return around

    def _opened(
        self, column: str, value: object, around: Mapping[str, object], taken: Collection[str]
    ) -> Iterator[tuple[str, object]]:
        """Return what stands inside a value; no name is one of `around` or `taken`."""
        for name, leaf, within in self._leaves(column, value):
            free = name
            if name != column:
                numbers = count(2)
                while free in taken or free in around:
                    free = f"{name} ({next(numbers)})"
            if within:
                self._within[free] = within
            yield free, leaf

    def _leaves(
        self, name: str, value: object, within: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, object, tuple[str, ...]]]:
        if isinstance(value, dict | list) and name in self.too_wide:
            if (address := _first_address(name, value)) is not None:
                yield name, address, within
                name = f"{name} (2)"
            yield name, value, within
        elif isinstance(value, list):
            yield from self._listed(name, value, within)
        elif isinstance(value, dict) and not self._stays_whole(name, value, len(within) + 1):
            own = _own_key(value, _ADDRESS_KEYS.get(field_of_addresses(name), ()))
            yield from self._inside(name, value, own, (*within, name))
        else:
            yield name, None if value == {} else value, within

    def _inside(
        self, name: str, value: Mapping[str, object], own: str | None, within: tuple[str, ...]
    ) -> Iterator[tuple[str, object, tuple[str, ...]]]:
        """Return what an object has, with what stands under its key `own` by the object's name."""
        for key, each in value.items():
            if key == own:
                yield name, each, within
            else:
                yield from self._leaves(f"{name}.{clean(str(key), limit=_LONGEST_KEY)}", each, within)

    def _stays_whole(self, name: str, value: dict[str, object], depth: int) -> bool:
        """Say whether an object is read as a whole, such as one of consent by its channels, or a consent with its
        name."""
        if name in self._whole or not value or depth >= DEEPEST or f"{name}." == PREFIX:
            return True
        if field_of(name.rpartition(".")[2]) in CONSENTS | REFUSALS:
            return True
        called = next((str(value[each]) for each in ("name", "key", "label") if value.get(each)), "")
        return "value" in value and called != "" and telling(called).sounds

    def _listed(
        self, name: str, values: list[object], within: tuple[str, ...]
    ) -> Iterator[tuple[str, object, tuple[str, ...]]]:
        """Return a list, but for one of objects that are tags, or of addresses, or of values of which one is the
        primary: that one first, the others numbered, each with what else its object has."""
        objects = [each for each in values if isinstance(each, dict)]
        keys = _ADDRESS_KEYS.get(field_of_addresses(name), ("value",))
        found = [_own_key(each, keys) for each in objects]
        if not objects or len(objects) < len(values):
            yield name, values, within
        elif field_of(name) == "tags" and len(texts := _tags(objects)) == len(objects):
            yield name, texts, within
        elif any(found) if len(keys) > 1 else all(found) and any("primary" in each for each in objects):
            ranked = sorted(zip(objects, found, strict=True), key=_rank)
            for number, (each, own) in enumerate(ranked, 1):
                called = name if number == 1 else f"{name} ({number})"
                rest = {key: inner for key, inner in each.items() if key != "primary"}
                yield from self._inside(called, rest, own, (*within, name))
        else:
            yield name, values, within


@lru_cache(maxsize=2_000)
def field_of_addresses(name: str) -> str:
    """Return the field of the addresses that a name is of in the singular or the plural, email or phone, or nothing."""
    fields = (field_of(name.removesuffix(plural)) for plural in ("", "s", "es"))
    return next((field for field in fields if field in _ADDRESS_KEYS), "")


def _put(column: str, value: object, texts: dict[str, str], shapes: dict[str, type]) -> None:
    texts[column] = cell_text(value)
    if (shape := shape_of(value)) is not None:
        shapes[column] = shape


def _first_address(name: str, value: dict[str, object] | list[object]) -> object:
    keys = _ADDRESS_KEYS.get(field_of_addresses(name), ())
    objects = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
    first, own = min(((each, _own_key(each, keys)) for each in objects), key=_rank, default=({}, None))
    return None if own is None else first[own]


def _own_key(value: Mapping[str, object], keys: Sequence[str]) -> str | None:
    """Return the key of an object that is the first of `keys` to have a text or a number."""
    if not keys:
        return None
    found = {header_key(key): key for key, each in value.items() if _is_scalar(each)}
    return next((found[key] for key in keys if key in found), None)


def _rank(item: tuple[Mapping[str, object], str | None]) -> tuple[bool, bool]:
    """Sort the primary value first, of those that have one."""
    value, own = item
    told = value.get("metadata")  # as Google has it
    primary = value.get("primary", told.get("primary") if isinstance(told, dict) else None)
    return own is None or value[own] == "", primary not in (True, "true")


def _tags(objects: Sequence[Mapping[str, object]]) -> list[str]:
    named = (next((each[key] for key in _NAMES if each.get(key)), None) for each in objects)
    return [text for text in named if isinstance(text, str)]


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
