"""Values of JSON, read one by one with the standard library's decoder over a buffer that is bounded.

Memory does not grow with a document, every value keeps its own text, and a bad one costs nothing after it.
"""

from __future__ import annotations

import json
import re
import sys
from typing import NamedTuple, TextIO

from overture_core.errors import UnreadableFile
from overture_core.leads.records import MAX_ORIGINAL, MAX_RECORD
from overture_core.text import quoted

INVALID, DEEP = "is not valid JSON", "is nested too deeply"
MAX_DEPTH = 1_000_000
_LONG = f"is an object of more than {MAX_RECORD:,} characters"
_MARKS = re.compile(r'\\.|["{}\[\],]', re.DOTALL)
_BLANK = re.compile(r"\s*")
_PIECE = 64 * 1024
_CLOSING = {"]": b"[", "}": b"{"}


class Doubled(dict[str, object]):
    """An object that has a key twice, or one inside it that has: nobody can say which of the values counts."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return Doubled(found) if len(found) < len(pairs) or any(map(_is_doubled, found.values())) else found


def _is_doubled(value: object) -> bool:
    return isinstance(value, Doubled) or (isinstance(value, list) and any(map(_is_doubled, value)))


# NaN and Infinity are no JSON, but some programs write them for a number that is not there.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=lambda _name: None)


def told(error: ValueError | RecursionError) -> str:
    """Say why a value cannot be read."""
    if isinstance(error, RecursionError):
        return DEEP
    if isinstance(error, json.JSONDecodeError):
        return INVALID
    return f"has a number of more than {sys.get_int_max_str_digits():,} digits"


def decoded(text: str) -> object:
    """Return the value that a line has, or the error."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        return error


class Value(NamedTuple):
    """A value and its text; with a problem, what there is of the text."""

    text: str
    value: object
    problem: str | None = None


class Document:
    """A JSON text from its beginning on; of it, only the value that is being read is held."""

    def __init__(self, file: TextIO, filename: str) -> None:
        self._file, self._filename = file, filename
        self._text, self._at, self._ended = "", 0, False

    def peek(self) -> str:
        """Return the next character that is no white space; an empty text at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def take(self, wanted: str) -> bool:
        """Pass over a character, if it is the next."""
        found = self.peek() == wanted
        self._at += found
        return found

    def value(self) -> Value:
        """Read the value that comes next."""
        self.peek()
        problem = INVALID
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                end, problem = -1, told(error)
            # A number that ends with what has been read so far may go on.
            if 0 <= end < len(self._text) or (end >= 0 and self._ended):
                text = self._text[self._at : end]
                self._at = end
                return Value(text, value, _LONG if len(text) > MAX_RECORD else None)
            if len(self._text) - self._at >= MAX_RECORD or not (self._more() or end >= 0):
                return self._passed_over(problem)

    def _passed_over(self, problem: str) -> Value:
        """Go on behind a value that cannot be read, as its brackets and quotes tell."""
        start, size, inside = self._text[self._at : self._at + MAX_ORIGINAL], 0, False
        opened = bytearray()
        while len(opened) < MAX_DEPTH:
            for found in _MARKS.finditer(self._text, self._at):
                mark = found[0]
                if mark == '"':
                    inside = not inside
                elif inside or mark[0] == "\\":
                    continue
                elif mark in _CLOSING:
                    opener = opened.rfind(_CLOSING[mark])
                    del opened[max(opener, 0) :]
                    if not opened:  # a bracket that closes nothing here is the end of the list around
                        return self._bad(start, size, found.start() if opener < 0 else found.end(), problem)
                elif mark == "," and not opened:
                    return self._bad(start, size, found.start(), problem)
                elif mark != ",":
                    opened += mark.encode()
            # A backslash at the end is looked at with what follows it.
            end = len(self._text) - self._text.endswith("\\")
            size += end - self._at
            self._at = end
            if not self._more():
                break
        raise self.broken(start)

    def _bad(self, start: str, size: int, end: int, problem: str) -> Value:
        size += end - self._at
        self._at = end
        return Value(start[:size], None, _LONG if size > MAX_RECORD else problem)

    def broken(self, text: str) -> UnreadableFile:
        """Return the error for a text that breaks off or cannot be told apart any more."""
        where = quoted(text, limit=60) if text else "its end"
        return UnreadableFile(
            f"{self._filename} breaks off or is no valid JSON from {where} on; mend it, then import it again."
        )

    def _more(self) -> bool:
        wanted = max(_PIECE, len(self._text) - self._at)  # doubled, so that a long value is not tried too often
        piece = self._file.read(wanted)
        self._ended = not piece
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)
