"""JSON: a list of objects, an object that holds one, or an object a line (JSON Lines); also a list of texts alone.

A document is read value by value with the standard library's decoder over a buffer that is bounded, so that
memory does not grow with it, every object keeps its own text, and a bad one costs its own row.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import NamedTuple, TextIO

from overture_core.errors import UnreadableFile
from overture_core.leads.encoding import FoundEncoding
from overture_core.leads.records import MAX_ORIGINAL, MAX_RECORD, Line, bounded_lines
from overture_core.leads.sources import Source
from overture_core.leads.tables import MAX_COLUMNS, Row, Table, cell_text, shape_of
from overture_core.leads.unpacking import stored_position
from overture_core.text import clean, quoted

PREVIEWED = 200  # objects whose keys are looked at for somebody who wants to see the first rows
LINES = (".jsonl", ".ndjson")
_LIST = re.compile(r"\[\s*[\[{\]]")
_TEXTS = re.compile(r'\[\s*"(?:[^"\\]|\\.)*"\s*[,\]]')
TEXTS = "value"
"""The one column of a list of texts."""
_OBJECT = re.compile(r'\{\s*["}]')
_MARKS = re.compile(r'\\.|["{}\[\],]', re.DOTALL)
_BLANK = re.compile(r"\s*")
_PIECE = 64 * 1024
_CLOSING = {"]": b"[", "}": b"{"}
MAX_DEPTH = 1_000_000
_NO_OBJECT, _INVALID = "is not a JSON object", "is not valid JSON"
_TWICE = "has a field twice, and nothing says which one counts"
_LONG = f"is an object of more than {MAX_RECORD:,} characters"


def is_json(start: str, filename: str) -> bool:
    """Say whether a text is JSON, by how it starts or, where that does not tell, by its file's name."""
    return any(each.match(start) for each in (_LIST, _OBJECT, _TEXTS)) or _plain(filename).endswith((".json", *LINES))


def json_table(source: Source, encoding: FoundEncoding, files: ExitStack, *, whole: bool) -> Table:
    """Open a JSON file. Its columns are the keys of all its objects; if not `whole`, of the first `PREVIEWED`. Of texts
    alone, each is a row.

    An object leaves out what it has no value for, so the first ones do not tell what later ones say, such as a
    refusal. The file is therefore read through once before its first row is given.

    Raises:
        UnreadableFile: it holds no objects, or objects of too many fields; also while going through the rows.
    """
    lines = _is_lines(source, encoding)
    with ExitStack() as looked_at:
        every = _opened(source, encoding, lines, looked_at).rows
        columns, problem, texts = _keys(every if whole else islice(every, PREVIEWED), source.filename)
        more = not whole and next(every, None) is not None
    texts = texts and not columns
    if not columns and not texts:
        why = problem or "write a list or one a line"
        msg = f"{source.filename} holds no JSON objects of 1 to {MAX_COLUMNS} fields; {why}."
        raise UnreadableFile(msg)
    notes = (f"Only the first {PREVIEWED} objects were looked at for columns; later ones may have more.",) * more
    opened = _opened(source, encoding, lines, files)
    rows = map(of_text, opened.rows) if texts else opened.rows
    columns = [TEXTS] if texts else columns
    return Table(columns, encoding.name, None, rows, opened.position, notes=(*opened.notes, *notes))


class _Opened(NamedTuple):
    rows: Iterator[Row]
    position: Callable[[], int]
    notes: tuple[str, ...] = ()


def _opened(source: Source, encoding: FoundEncoding, lines: bool, files: ExitStack) -> _Opened:
    stored = source.open()
    file = files.enter_context(encoding.open(stored))
    position = stored_position(stored)
    if lines:
        return _Opened((row for line in bounded_lines(file) if (row := _of_line(line)) is not None), position)
    name, rows = _listed(_Document(file, source.filename))
    return _Opened(rows, position, (f"The rows were read from the list {quoted(name)}.",) if name else ())


def _keys(rows: Iterable[Row], filename: str) -> tuple[list[str], str | None, bool]:
    """Every key of the rows' objects, in the order in which they first appear; what is wrong with the first row that is
    an object which cannot be read; and whether a text stands where an object should."""
    found: dict[str, None] = {}
    problem: str | None = None
    texts = False
    for row in rows:
        texts = texts or (row.problem == _NO_OBJECT and row.original.lstrip().startswith('"'))
        if problem is None and row.problem not in (None, _NO_OBJECT):
            problem = f"row {row.line} {row.problem}"
        found.update(dict.fromkeys(row.cells or ()))
        if len(found) > MAX_COLUMNS:
            msg = (
                f"{filename} has objects of over {MAX_COLUMNS} different keys in all; leave out those you do not need."
            )
            raise UnreadableFile(msg)
    return list(found), problem, texts


def of_text(row: Row) -> Row:
    """Return the row that a text or a number by itself is, in the column `TEXTS`; any other row as it is."""
    value = _decoded(row.original) if row.problem == _NO_OBJECT else None
    if not isinstance(value, str | int) or isinstance(value, bool):
        return row
    return Row(row.line, row.original, {TEXTS: cell_text(value)})


def _plain(filename: str) -> str:
    return filename.lower().removesuffix(".gz")


def _is_lines(source: Source, encoding: FoundEncoding) -> bool:
    """Say whether a JSON file is one of lines: by its name, or because its first two lines begin an object each."""
    with encoding.open(source.open()) as file:
        filled = list(islice((line for line in bounded_lines(file) if line.text.strip()), 2))
    if _LIST.match("".join(line.text for line in filled).lstrip()):
        return False
    if _plain(source.filename).endswith(LINES):
        return True
    return len(filled) == 2 and isinstance(_decoded(filled[0].text), dict) and filled[1].text.lstrip().startswith("{")


class _Doubled(dict[str, object]):
    """An object that has a key twice, of which nobody can say which one counts."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Doubled(found)


# NaN and Infinity are no JSON, but some programs write them for a number that is not there.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=lambda _name: None)


def _told(error: ValueError | RecursionError) -> str:
    """Say why a value cannot be read."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return _INVALID
    return f"has a number of more than {sys.get_int_max_str_digits():,} digits"


def _decoded(text: str) -> object:
    """Return the value that a line has, or the error."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        return error


def _of_line(line: Line) -> Row | None:
    if line.problem is not None:
        return Row(line.number, line.shown, None, line.problem)
    if not line.text.strip():
        return None
    original, value = line.text.rstrip("\r\n"), _decoded(line.text)
    if isinstance(value, ValueError | RecursionError) and (problem := _told(value)) != _INVALID:
        return Row(line.number, line.shown, None, problem)
    return _row(line.number, original, value)


def _row(number: int, original: str, value: object) -> Row:
    if not isinstance(value, dict):
        return Row(number, original[:MAX_ORIGINAL], None, _NO_OBJECT)
    if len(value) > MAX_COLUMNS:
        return Row(
            number, original[:MAX_ORIGINAL], None, f"has {len(value)} fields, more than the {MAX_COLUMNS} allowed"
        )
    if isinstance(value, _Doubled):
        return Row(number, original[:MAX_ORIGINAL], None, _TWICE)
    cells: dict[str, str] = {}
    shapes: dict[str, type] = {}
    for key, each in value.items():
        column = clean(str(key), limit=100)
        cells[column] = cell_text(each)
        if not isinstance(each, str) and (shape := shape_of(each)) is not None:
            shapes[column] = shape
    return Row(number, original, cells, shapes=shapes or None)


class _Value(NamedTuple):
    """A value and its text; with a problem, what there is of the text."""

    text: str
    value: object
    problem: str | None = None


class _Document:
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

    def value(self) -> _Value:
        """Read the value that comes next."""
        self.peek()
        problem = _INVALID
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                end, problem = -1, _told(error)
            # A number that ends with what has been read so far may go on.
            if 0 <= end < len(self._text) or (end >= 0 and self._ended):
                text = self._text[self._at : end]
                self._at = end
                return _Value(text, value, _LONG if len(text) > MAX_RECORD else None)
            if len(self._text) - self._at >= MAX_RECORD or not self._more():
                return self._passed_over(problem)

    def _passed_over(self, problem: str) -> _Value:
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

    def _bad(self, start: str, size: int, end: int, problem: str) -> _Value:
        size += end - self._at
        self._at = end
        return _Value(start[:size], None, _LONG if size > MAX_RECORD else problem)

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


def _listed(document: _Document) -> tuple[str, Iterator[Row]]:
    """Find the list of objects; returns its name, if it is held by an object, and its rows."""
    if document.take("["):
        return "", _rows(document, in_object=False)
    if not document.take("{"):
        raise document.broken(document.value().text)
    fields: dict[str, object] = {}
    while document.peek() == '"':
        name = document.value()
        if not document.take(":"):
            break
        if document.take("["):
            if document.peek() == "{":
                return str(name.value), _rows(document, in_object=True)
            fields[str(name.value)] = [each.value for each in _values(document)]
        else:
            fields[str(name.value)] = document.value().value
        if not document.take(","):
            break
    if not document.take("}"):
        raise document.broken(document.value().text)
    return "", iter([_row(1, json.dumps(fields, ensure_ascii=False), fields)] if fields else [])


def _values(document: _Document) -> Iterator[_Value]:
    """The values up to the end of a list that has been begun."""
    while document.peek() not in {"]", ""}:
        yield document.value()
        document.take(",")
    if not document.take("]"):
        raise document.broken("")


def _rows(document: _Document, *, in_object: bool) -> Iterator[Row]:
    number = 0
    for number, each in enumerate(_values(document), 1):
        line = Line(number, each.text)
        if (problem := each.problem or line.problem) is not None:
            yield Row(number, line.shown, None, problem)
        else:
            yield _row(number, each.text, each.value)
    yield from _after(document, number, in_object=in_object)


def _after(document: _Document, number: int, *, in_object: bool) -> Iterator[Row]:
    """What stands behind the list: nothing, or fields that say of the whole; another list of objects is a loss."""
    while in_object and document.take(","):
        name = document.value()
        if document.take(":") and document.take("["):
            lost = sum(isinstance(each.value, dict) for each in _values(document))
            if lost:
                number += 1
                yield Row(
                    number, name.text, None, "names a second list of objects, which was not read; import it by itself"
                )
        else:
            document.value()
    if in_object:
        document.take("}")
    if rest := document.peek():
        number += 1
        yield Row(number, rest + document.value().text[:MAX_ORIGINAL], None, "stands behind the end of the list")
