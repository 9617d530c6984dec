"""Rest.li 2.0, the encoding of keys and parameters that LinkedIn's API speaks (linkedin.github.io/rest.li, "Protocol").

A list is `List(a,b)`, an object `(key:value,other:value)`, and whatever stands in them is percent-encoded. In headers
only the characters of this syntax itself are encoded: the reduced encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote, unquote

from overture_core.errors import InvalidInput

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]
Decoded = str | list["Decoded"] | dict[str, "Decoded"]

DEEPEST = 20
_LIST, _OPEN, _CLOSE = "List(", "(", ")"
_REDUCED = {"%2C": ",", "%28": "(", "%29": ")", "%3A": ":", "%27": "'"}


def encode(value: Value) -> str:
    """Return a value as it stands in a path or a query."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"({','.join(f'{encode(key)}:{encode(each)}' for key, each in value.items())})"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"List({','.join(encode(each) for each in value)})"
    return quote(str(value), safe="")


def encode_params(params: Mapping[str, Value] | None) -> str:
    """Return a query; its parameters are not sorted."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in (params or {}).items())


def decode(text: str) -> Decoded:
    """Read an encoded value.

    Raises:
        InvalidInput: it is not well formed, or nested more than 20 deep.
    """
    return _Reader(text, unquote).whole()


def decode_reduced(text: str) -> Decoded:
    """Read a value of the reduced encoding, such as the header `x-restli-id`.

    Raises:
        InvalidInput: it is not well formed, or nested more than 20 deep.
    """
    return _Reader(text, _unreduced).whole()


def _unreduced(text: str) -> str:
    for code, character in _REDUCED.items():
        text = text.replace(code, character)
    return text


class _Reader:
    """Reads one value, from left to right."""

    def __init__(self, text: str, plain: Callable[[str], str]) -> None:
        self._text = text
        self._plain = plain
        self._at = 0

    def whole(self) -> Decoded:
        value = self._value(0)
        if self._at != len(self._text):
            raise self._malformed()
        return value

    def _value(self, depth: int) -> Decoded:
        if depth > DEEPEST:
            raise self._malformed()
        if self._takes(_LIST):
            return self._items(depth)
        if self._takes(_OPEN):
            return self._fields(depth)
        return self._word(",)" if depth else "")

    def _items(self, depth: int) -> list[Decoded]:
        found: list[Decoded] = []
        if self._takes(_CLOSE):
            return found
        while True:
            found.append(self._value(depth + 1))
            if self._takes(_CLOSE):
                return found
            self._must(",")

    def _fields(self, depth: int) -> dict[str, Decoded]:
        found: dict[str, Decoded] = {}
        if self._takes(_CLOSE):
            return found
        while True:
            name = self._word(":,)")
            self._must(":")
            found[name] = self._value(depth + 1)
            if self._takes(_CLOSE):
                return found
            self._must(",")

    def _word(self, until: str) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in until:
            self._at += 1
        return self._plain(self._text[start : self._at])

    def _takes(self, token: str) -> bool:
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _must(self, token: str) -> None:
        if not self._takes(token):
            raise self._malformed()

    def _malformed(self) -> InvalidInput:
        return InvalidInput(f"This is not well-formed Rest.li: it breaks off at character {self._at + 1}.")
