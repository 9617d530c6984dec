"""Where the leads of a JSON document are that is an object: in a list inside it, however deep, or it is itself one.

A document is gone through value by value, so that memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

from overture_core.errors import UnreadableFile
from overture_core.leads.json_cells import field_of_addresses
from overture_core.leads.json_values import Document, Value
from overture_core.text import quoted

_DEEPEST = 20


class Place(NamedTuple):
    """Which of the lists of objects in a document has the leads, counted as `Lists` goes through them, and its name."""

    number: int
    name: str


class _Held(NamedTuple):
    """Whether a value holds an address outside of lists of objects, and the way to an object in it of which each value,
    two or more, is an object that holds one."""

    address: bool = False
    several: tuple[str, ...] | None = None


class Lists:
    """Goes through an object, behind its brace, and stops at each list of objects, but for those of addresses.

    `own` names an address outside of them that is a lead's by its name, `several` an object of objects with addresses.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.own: str | None = None
        self.several: str | None = None

    def ways(self) -> Iterator[tuple[str, ...]]:
        """Return the way to each list. Whoever asks for the next one has read the values of the one before."""
        held = yield from self._object(())
        self.several = None if held.several is None else ".".join(held.several)

    def _object(self, way: tuple[str, ...]) -> Generator[tuple[str, ...], None, _Held]:
        keys = bearing = objects = 0
        several = None
        while self._document.peek() == '"':
            here = (*way, str(self._document.value().value))
            if not self._document.take(":"):
                break
            is_object = self._document.peek() == "{"
            held = yield from self._value(here)
            keys += 1
            if held.address:
                bearing += 1
                objects += is_object
                several = held.several
            if not self._document.take(","):
                break
        self._document.take("}")
        if keys >= 2 and objects == keys:
            return _Held(address=True, several=way)
        return _Held(bearing > 0, several if bearing == 1 else None)

    def _value(self, here: tuple[str, ...]) -> Generator[tuple[str, ...], None, _Held]:
        name = ".".join(here)
        if self._document.peek() == "{" and len(here) < _DEEPEST:
            self._document.take("{")
            return (yield from self._object(here))
        if not self._document.take("["):
            value = self._document.value()
            # A truth value or a count is no address, whatever it is called.
            is_text = isinstance(value.value, str) and value.value != ""
            if is_text and (field_of_addresses(name) or field_of_addresses(".".join(here[:-1]))):
                self.own = self.own or name
            return _Held(_has_at(value))
        if self._document.peek() == "{" and not field_of_addresses(name):
            yield here
            return _Held()
        has_address = False
        for each in values(self._document):
            has_address = has_address or _has_at(each)
        if has_address and field_of_addresses(name):
            self.own = self.own or name
        return _Held(has_address)


def place_of(document: Document, filename: str) -> Place | None:
    """Return where the leads of a document are that is an object; None if it is itself the one lead.

    They are in the first list of which an object holds an address. If none does, they are in the first list right under
    the object, unless that has an address of its own.

    Raises:
        UnreadableFile: it may be one lead and hold others, or has several under keys of their own.
    """
    document.take("{")
    lists, first = Lists(document), None
    for number, way in enumerate(lists.ways()):
        found = Place(number, ".".join(way))
        if any(holds_address(each) for each in values(document)):
            if lists.own is not None:
                msg = (
                    f"{filename} is one object with an address of its own, {quoted(lists.own)}, and a list of objects "
                    f"with addresses, {quoted(found.name)}; save that list by itself, or the object without it, and "
                    "import that."
                )
                raise UnreadableFile(msg)
            return found
        if first is None and len(way) == 1:
            first = found
    if lists.several is not None:
        where = f" in {quoted(lists.several)}" if lists.several else ""
        msg = (
            f"{filename} has several objects with addresses{where}, each under a key of its own; save them as a list "
            "([...]) or one a line, and import that."
        )
        raise UnreadableFile(msg)
    return None if lists.own is not None else first


def values(document: Document) -> Iterator[Value]:
    """Return the values up to the end of a list that has been begun."""
    while document.peek() not in {"]", ""}:
        yield document.value()
        document.take(",")
    if not document.take("]"):
        raise document.broken("")


def holds_address(item: Value) -> bool:
    """Say whether a value of a list is an object that holds an address."""
    if not isinstance(item.value, dict):
        return False
    return _has_at(item) or any(each and field_of_addresses(str(key)) for key, each in item.value.items())


def _has_at(value: Value) -> bool:
    return "@" in value.text
