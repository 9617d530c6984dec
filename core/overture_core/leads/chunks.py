"""A file's rows in chunks, normalised: while one is being stored, a thread reads the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from overture_core.leads.reading import Row
from overture_core.leads.rows import LeadRow, RowReader, RowRejected

CHUNK = 2_000


@dataclass(slots=True)
class Chunk:
    """Rows that can become leads, and those that cannot, with the reasons; `read` is where in the file they end."""

    good: list[tuple[Row, LeadRow]]
    bad: list[tuple[Row, list[str]]]
    notes: Counter[str]
    read: int

    @property
    def rows(self) -> int:
        """The number of all."""
        return len(self.good) + len(self.bad)


def chunks_ahead(rows: Iterator[Row], reader: RowReader, position: Callable[[], int]) -> Generator[Chunk]:
    """Return chunks; close it before the file, since the thread may be reading."""
    with ThreadPoolExecutor(1, thread_name_prefix="import") as reading:
        coming = reading.submit(_next_chunk, rows, reader, position)
        while (chunk := coming.result()).rows:
            coming = reading.submit(_next_chunk, rows, reader, position)
            yield chunk


def _next_chunk(rows: Iterator[Row], reader: RowReader, position: Callable[[], int]) -> Chunk:
    good: list[tuple[Row, LeadRow]] = []
    bad: list[tuple[Row, list[str]]] = []
    for row in islice(rows, CHUNK):
        try:
            good.append((row, _readable(row, reader)))
        except RowRejected as error:
            bad.append((row, error.reasons))
    return Chunk(good, bad, reader.taken_notes(), position())


def _readable(row: Row, reader: RowReader) -> LeadRow:
    if row.cells is None:
        raise RowRejected(row.problem or "it cannot be read")
    return reader.read(row.cells)
