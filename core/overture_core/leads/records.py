"""Delimited text, record by record: what is malformed costs its own line and nothing after it.

A quote that is never closed would make the rest of a file one cell. A record that runs over several
lines is therefore taken only if it is well formed, and ends within bounds; otherwise its first line is
handed back as a record with a problem, and the lines after it are read again, each by itself.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TextIO

MAX_CELL = 100_000
MAX_RECORD = 1_000_000
MAX_RECORD_LINES = 1_000
MAX_ORIGINAL = 10_000
UNCLOSED = "a quote opened here is never closed"
_LONG_LINE = f"is a line of more than {MAX_RECORD:,} characters"
_LARGE_CELL = f"has a cell of more than {MAX_CELL:,} characters"
_NUL = "holds a NUL byte, which no text has"
_ELSE = "has bytes that do not fit the encoding of the rest of the file"
# How bytes that are not in a file's encoding come through: see `surrogateescape` in the codecs module.
_UNDECODED = re.compile("[\udc80-\udcff]")
_WHOLE = re.compile(r'"((?:[^"]|"")*)"\s*')
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Line(NamedTuple):
    """One line of a text with its ending; of a long one only the beginning."""

    number: int
    text: str
    long: bool = False

    @property
    def problem(self) -> str | None:
        """Say why it cannot be read, if it cannot."""
        if self.long:
            return _LONG_LINE
        if "\x00" in self.text:
            return _NUL
        if not self.text.isascii() and _UNDECODED.search(self.text):
            return _ELSE
        return None

    @property
    def shown(self) -> str:
        """The beginning of its text without its ending, with what is not in the file's encoding as `\\xfc`."""
        text = self.text[: MAX_ORIGINAL + 2].rstrip("\r\n")[:MAX_ORIGINAL]
        if text.isascii():
            return text
        return text.encode(errors="surrogateescape").decode(errors="backslashreplace")[:MAX_ORIGINAL]


class Record(NamedTuple):
    """One record: the line it starts on, its text (of a long one the beginning), its cells or its problem."""

    line: int
    original: str
    cells: list[str] | None
    problem: str | None = None


def bounded_lines(file: TextIO) -> Iterator[Line]:
    """Return the lines of a text, holding at most `MAX_RECORD` characters of each."""
    number, carried = 0, ""
    while text := carried or file.readline(MAX_RECORD):
        carried, number = "", number + 1
        if len(text) < MAX_RECORD:
            yield Line(number, text)
            continue
        piece = text
        while piece and not piece.endswith(("\n", "\r")):
            piece = file.readline(MAX_RECORD)
        if piece.endswith("\r"):  # the bound may lie between the two characters of one line end
            after = file.read(1)
            carried = "" if after in {"", "\n"} else after + ("" if after == "\r" else file.readline(MAX_RECORD))
        yield Line(number, text[:MAX_ORIGINAL], long=True)


def unwrapped(lines: Iterator[Line]) -> Iterator[Line]:
    """Return lines without the quotes that each stands in as a whole; a line without them stays as it is."""
    for line in lines:
        found = None if line.problem else _WHOLE.fullmatch(line.text)
        yield line if found is None else line._replace(text=found[1].replace('""', '"') + "\n")


class RecordReader:
    """Reads records from lines. Memory is bound by `MAX_RECORD` and `MAX_RECORD_LINES`."""

    def __init__(self, lines: Iterator[Line], delimiter: str) -> None:
        self._coming = lines
        self._again: deque[Line] = deque()
        self._delimiter = delimiter
        # For the whole process, hence the bound of a record: the bound of a cell is kept below.
        csv.field_size_limit(2 * MAX_RECORD)

    def read(self, width: int | None = None) -> Record | None:
        """Return the next record, None at the end; `width` is how many cells a record of this file has."""
        first = self._next()
        if first is None:
            return None
        if (problem := first.problem) is not None:
            return Record(first.number, first.shown, None, problem)
        if '"' not in first.text:  # most lines; the csv module would say the same, more slowly
            plain = first.text.rstrip("\r\n")
            parts = plain.split(self._delimiter) if plain else []
            return Record(first.number, plain, parts) if len(plain) < MAX_ORIGINAL else _record([first], parts)
        lines, alone = [first], self._alone(first)
        if (spaced := self._spaced(first, alone, width)) is not None:
            return _record(lines, spaced)
        if alone:
            return _record(lines, alone)
        try:
            cells = self._parse(lines)
        except csv.Error:
            cells = None
        if (cells is None or len(lines) > 1) and (escaped := self._backslashed(first, width)) is not None:
            self._again.extendleft(reversed(lines[1:]))
            return _record([first], escaped)
        if len(lines) == 1:
            return self._one_line(first, cells)
        if cells is None or self._holds_rows(lines, cells, width):
            self._again.extendleft(reversed(lines[1:]))
            return Record(first.number, _original([first]), None, UNCLOSED)
        return _record(lines, cells)

    def _next(self) -> Line | None:
        return self._again.popleft() if self._again else next(self._coming, None)

    def _parse(self, lines: list[Line]) -> list[str]:
        """Parse strictly the record that `lines` begin; the lines it goes on with are added to them.

        Raises:
            csv.Error: a quote stands where none may, or is not closed within the bounds.
        """

        def coming() -> Iterator[str]:
            yield lines[0].text
            size = len(lines[0].text)
            while len(lines) < MAX_RECORD_LINES and size < MAX_RECORD:
                line = self._next()
                if line is None:
                    return
                lines.append(line)
                if line.problem is not None:
                    return
                size += len(line.text)
                yield line.text

        return next(csv.reader(coming(), delimiter=self._delimiter, strict=True))

    def _spaced(self, line: Line, alone: list[str], width: int | None) -> list[str] | None:
        """Parse a line with spaces between separators and quotes, which RFC 4180 has not; its cells lose the spaces."""
        if f"{self._delimiter} " not in line.text or not any(cell.startswith(" ") and '"' in cell for cell in alone):
            return None
        try:
            reader = csv.reader([line.text], delimiter=self._delimiter, skipinitialspace=True, strict=True)
            cells = next(reader, [])
        except csv.Error:
            return None
        return cells if width is None or len(cells) == width else None

    def _backslashed(self, line: Line, width: int | None) -> list[str] | None:
        """Parse a line whose quotes inside cells are written as databases do, with a backslash."""
        if '\\"' not in line.text:
            return None
        try:
            cells = next(csv.reader([line.text], delimiter=self._delimiter, escapechar="\\", strict=True), [])
        except csv.Error:
            return None
        return cells if width is None or len(cells) == width else None

    def _one_line(self, line: Line, cells: list[str] | None) -> Record:
        if cells is not None:
            return _record([line], cells)
        if _ends_open(line.text, self._delimiter):
            return Record(line.number, _original([line]), None, UNCLOSED)
        # Text after a closing quote, as careless programs write it.
        return _record([line], next(csv.reader([line.text], delimiter=self._delimiter), []))

    def _alone(self, line: Line) -> list[str]:
        try:
            return next(csv.reader([line.text], delimiter=self._delimiter, strict=True), [])
        except csv.Error:
            return []

    def _holds_rows(self, lines: list[Line], cells: list[str], width: int | None) -> bool:
        """Say whether lines of a record look like rows that a stray quote has swallowed.

        In a record of the wrong width, a line that alone is well formed and has the right one does. In one of the right
        width the line must also have an address of its own where the record has one: notes hold commas, and behind
        the last line of a cell come the record's own cells.
        """
        if width is None or width < 2:
            return False
        inside = [(line, alone) for line in lines[1:] if len(alone := self._alone(line)) == width]
        if len(cells) != width:
            return any(line.text.count('"') % 2 == 0 for line, _ in inside)
        addresses = {number: cell for number, cell in enumerate(cells) if _ADDRESS.fullmatch(cell.strip())}
        return any(
            alone[number] != own and _ADDRESS.fullmatch(alone[number].strip())
            for _, alone in inside
            for number, own in addresses.items()
        )


def _record(lines: list[Line], cells: list[str]) -> Record:
    original = _original(lines)
    if len(original) >= MAX_ORIGINAL and any(len(cell) > MAX_CELL for cell in cells):
        return Record(lines[0].number, original, None, _LARGE_CELL)
    return Record(lines[0].number, original, cells)


def _original(lines: list[Line]) -> str:
    text = lines[0].text if len(lines) == 1 else "".join(line.text for line in lines)
    return text.rstrip("\r\n")[:MAX_ORIGINAL]


def _ends_open(text: str, delimiter: str) -> bool:
    """Say whether a careless reader would still be inside quotes at the end of a line."""
    mark = "\x00end"
    cells = next(csv.reader([text, mark], delimiter=delimiter), [])
    return bool(cells) and cells[-1].endswith(mark)
