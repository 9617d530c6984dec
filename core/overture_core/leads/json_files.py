"""JSON: a list of objects, an object that holds one, or an object a line (JSON Lines); also a list of texts alone.

A document is read value by value (json_values.py): every object keeps its own text, and a bad one costs its own row.
What its objects' cells are is json_cells.py's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import NamedTuple

from overture_core.errors import UnreadableFile
from overture_core.leads.encoding import FoundEncoding
from overture_core.leads.json_cells import Objects
from overture_core.leads.json_values import DEEP, INVALID, Document, Doubled, Value, decoded, told
from overture_core.leads.records import MAX_ORIGINAL, Line, bounded_lines
from overture_core.leads.sources import Source
from overture_core.leads.tables import MAX_COLUMNS, Row, Table, cell_text
from overture_core.leads.unpacking import stored_position
from overture_core.text import quoted

PREVIEWED = 200  # objects whose keys are looked at for somebody who wants to see the first rows
LINES = (".jsonl", ".ndjson")
_LIST = re.compile(r"\[\s*[\[{\]]")
_TEXTS = re.compile(r'\[\s*"(?:[^"\\]|\\.)*"\s*[,\]]')
TEXTS = "value"
"""The one column of a list of texts."""
_OBJECT = re.compile(r'\{\s*["}]')
_NO_OBJECT = "is not a JSON object"
_TWICE = "has a field twice, and nothing says which one counts"


def is_json(start: str, filename: str) -> bool:
    """Say whether a text is JSON, by how it starts or, where that does not tell, by its file's name."""
    return any(each.match(start) for each in (_LIST, _OBJECT, _TEXTS)) or _plain(filename).endswith((".json", *LINES))


def json_table(
    source: Source, encoding: FoundEncoding, files: ExitStack, *, whole: bool, whole_objects: Collection[str]
) -> Table:
    """Open a JSON file. Its columns are the keys of all its objects and of those inside them; if not `whole`, of the
    first `PREVIEWED`. Objects under the keys `whole_objects` are one cell each. Of texts alone, each is a row.

    An object leaves out what it has no value for, so the first ones do not tell what later ones say, such as a
    refusal. The file is therefore read through once before its first row is given.

    Raises:
        UnreadableFile: it holds no objects, or objects of too many fields; also while going through the rows.
    """
    lines, objects = _is_lines(source, encoding), Objects(whole_objects)
    with ExitStack() as looked_at:
        every = _opened(source, encoding, lines, objects, looked_at).rows
        problem, texts = _seen(every if whole else islice(every, PREVIEWED), objects, source.filename)
        more = not whole and next(every, None) is not None
    columns = objects.columns
    texts = texts and not columns
    if not columns and not texts:
        why = problem or "write a list or one a line"
        msg = f"{source.filename} holds no JSON objects of 1 to {MAX_COLUMNS} fields; {why}."
        raise UnreadableFile(msg)
    notes = (f"Only the first {PREVIEWED} objects were looked at for columns; later ones may have more.",) * more
    notes += tuple(
        f"{quoted(key)} was kept as one column of objects: their fields would make more than {MAX_COLUMNS} columns."
        for key in objects.too_wide
    )
    opened = _opened(source, encoding, lines, objects, files)
    rows = map(of_text, opened.rows) if texts else opened.rows
    columns = [TEXTS] if texts else columns
    return Table(columns, encoding.name, None, rows, opened.position, notes=(*opened.notes, *notes))


class _Opened(NamedTuple):
    rows: Iterator[Row]
    position: Callable[[], int]
    notes: tuple[str, ...] = ()


def _opened(source: Source, encoding: FoundEncoding, lines: bool, objects: Objects, files: ExitStack) -> _Opened:
    stored = source.open()
    file = files.enter_context(encoding.open(stored))
    position = stored_position(stored)
    if lines:
        return _Opened((row for line in bounded_lines(file) if (row := _of_line(line, objects)) is not None), position)
    name, rows = _listed(Document(file, source.filename), objects)
    return _Opened(rows, position, (f"The rows were read from the list {quoted(name)}.",) if name else ())


def _seen(rows: Iterable[Row], objects: Objects, filename: str) -> tuple[str | None, bool]:
    """Go through the rows for their columns; returns what is wrong with the first one that is an object which cannot be
    read, and whether a text stands where an object should."""
    problem: str | None = None
    texts = False
    for row in rows:
        texts = texts or (row.problem == _NO_OBJECT and row.original.lstrip().startswith('"'))
        if problem is None and row.problem not in (None, _NO_OBJECT):
            problem = f"row {row.line} {row.problem}"
        if not objects.see(row.cells or {}):
            msg = (
                f"{filename} has objects of over {MAX_COLUMNS} different keys in all; leave out those you do not need."
            )
            raise UnreadableFile(msg)
    return problem, texts


def of_text(row: Row) -> Row:
    """Return the row that a text or a number by itself is, in the column `TEXTS`; any other row as it is."""
    value = decoded(row.original) if row.problem == _NO_OBJECT else None
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
    return len(filled) == 2 and isinstance(decoded(filled[0].text), dict) and filled[1].text.lstrip().startswith("{")


def _of_line(line: Line, objects: Objects) -> Row | None:
    if line.problem is not None:
        return Row(line.number, line.shown, None, line.problem)
    if not line.text.strip():
        return None
    original, value = line.text.rstrip("\r\n"), decoded(line.text)
    if isinstance(value, ValueError | RecursionError) and (problem := told(value)) != INVALID:
        return Row(line.number, line.shown, None, problem)
    return _row(line.number, original, value, objects)


def _row(number: int, original: str, value: object, objects: Objects) -> Row:
    if not isinstance(value, dict):
        return Row(number, original[:MAX_ORIGINAL], None, _NO_OBJECT)
    if len(value) > MAX_COLUMNS:
        return Row(
            number, original[:MAX_ORIGINAL], None, f"has {len(value)} fields, more than the {MAX_COLUMNS} allowed"
        )
    if isinstance(value, Doubled):
        return Row(number, original[:MAX_ORIGINAL], None, _TWICE)
    try:
        cells, shapes = objects.cells(value)
    except RecursionError:
        return Row(number, original[:MAX_ORIGINAL], None, DEEP)
    return Row(number, original, cells, shapes=shapes)


def _listed(document: Document, objects: Objects) -> tuple[str, Iterator[Row]]:
    """Find the list of objects; returns its name, if it is held by an object, and its rows."""
    if document.take("["):
        return "", _rows(document, objects, in_object=False)
    if not document.take("{"):
        raise document.broken(document.value().text)
    fields: dict[str, object] = {}
    while document.peek() == '"':
        name = document.value()
        if not document.take(":"):
            break
        if document.take("["):
            if document.peek() == "{":
                return str(name.value), _rows(document, objects, in_object=True)
            fields[str(name.value)] = [each.value for each in _values(document)]
        else:
            fields[str(name.value)] = document.value().value
        if not document.take(","):
            break
    if not document.take("}"):
        raise document.broken(document.value().text)
    return "", iter([_row(1, json.dumps(fields, ensure_ascii=False), fields, objects)] if fields else [])


def _values(document: Document) -> Iterator[Value]:
    """The values up to the end of a list that has been begun."""
    while document.peek() not in {"]", ""}:
        yield document.value()
        document.take(",")
    if not document.take("]"):
        raise document.broken("")


def _rows(document: Document, objects: Objects, *, in_object: bool) -> Iterator[Row]:
    number = 0
    for number, each in enumerate(_values(document), 1):
        line = Line(number, each.text)
        if (problem := each.problem or line.problem) is not None:
            yield Row(number, line.shown, None, problem)
        else:
            yield _row(number, each.text, each.value, objects)
    yield from _after(document, number, in_object=in_object)


def _after(document: Document, number: int, *, in_object: bool) -> Iterator[Row]:
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
