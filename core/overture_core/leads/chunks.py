"""A file's rows in chunks, normalised: while one is being stored, a thread reads the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

from overture_core.leads.reading import Row
from overture_core.leads.rows import LeadRow, RowReader, RowRejected

CHUNK = 2_000
_REFUSAL_UNREAD = "whether it refuses could not be read: look at it, and record a refusal by hand"


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


class ChunksAhead:
    """A file's chunks, in order. Close it before the file, since the thread may be reading.

    Whoever stores a chunk says by `read_on` when the next may be read: while the database is at work. Before, the two
    would only take the interpreter from each other.
    """

    def __init__(self, rows: Iterator[Row], reader: RowReader, position: Callable[[], int]) -> None:
        self._next = partial(_next_chunk, rows, reader, position)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="import")
        self._coming: Future[Chunk] | None = None

    def read_on(self) -> None:
        """Begin to read the next chunk, unless that has begun."""
        if self._coming is None:
            self._coming = self._thread.submit(self._next)

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            self.read_on()
            assert self._coming is not None
            chunk, self._coming = self._coming.result(), None
            if not chunk.rows:
                return
            yield chunk

    def close(self) -> None:
        """Wait until the thread has ended."""
        self._thread.shutdown()


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
        problem = row.problem or "it cannot be read"
        if refusing := reader.refusing(row.either, problem):
            return refusing
        raise RowRejected(problem, *([_REFUSAL_UNREAD] if reader.reads_consent and not row.either else []))
    return reader.read(row.cells, row.shapes)
