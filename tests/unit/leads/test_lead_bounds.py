"""Memory and time do not grow with a file, nor with a line of it."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from overture_core.errors import UnreadableFile
from overture_core.leads.reading import Source, open_table

MB = 1024 * 1024


def peak_of(path: Path) -> tuple[int, int, int]:
    """Read a file; returns its good rows, its bad ones, and the most bytes held at a time."""
    tracemalloc.start()
    good = bad = 0
    try:
        with closing(open_table(Source.from_path(path, [path.parent]))) as table:
            for row in table.rows:
                good, bad = good + (row.cells is not None), bad + (row.cells is None)
        return good, bad, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def as_csv(path: Path, rows: int) -> None:
    path.write_text("email,notes\n" + "".join(f"p{n}@example.com,{'x' * 500}\n" for n in range(rows)))


def as_gzip(path: Path, rows: int) -> None:
    as_csv(path, rows)
    path.write_bytes(gzip.compress(path.read_bytes(), 1))


def as_list(path: Path, rows: int) -> None:
    path.write_text(json.dumps([{"email": f"p{n}@example.com", "notes": "x" * 500} for n in range(rows)]))


def as_lines(path: Path, rows: int) -> None:
    path.write_text("".join(f'{{"email": "p{n}@example.com", "notes": "{"x" * 500}"}}\n' for n in range(rows)))


@pytest.mark.parametrize("write", [as_csv, as_gzip, as_list, as_lines])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, write: Callable[[Path, int], None]) -> None:
    peaks = []
    for rows in (6_000, 18_000):
        write(tmp_path / str(rows), rows)
        good, bad, peak = peak_of(tmp_path / str(rows))
        assert (good, bad) == (rows, 0)
        peaks.append(peak)
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    ("name", "megabytes", "head", "tail", "good"),
    [
        ("one.csv", 200, b"", b"", None),
        ("row.csv", 200, b"email\na@example.com\n", b"\nb@example.com\n", 2),
        ("quoted.csv", 40, b'email,notes\na@example.com,"', b'"\nb@example.com,x\n', 1),
        ("value.json", 40, b'[{"email": "a@example.com"}, {"email": "', b'"}, {"email": "b@example.com"}]', 2),
        ("line.jsonl", 40, b'{"email": "a@example.com"}\n{"email": "', b'"}\n{"email": "b@example.com"}\n', 2),
    ],
)
def test_a_line_of_200_mb_costs_its_row_and_little_memory(
    tmp_path: Path, name: str, megabytes: int, head: bytes, tail: bytes, good: int | None
) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(head)
        for _ in range(megabytes):
            file.write(b"x" * MB)
        file.write(tail)
    if good is None:
        with pytest.raises(UnreadableFile, match=r"one\.csv, line 1: the header is a line of more than 1,000,000 char"):
            peak_of(path)
        return
    found, bad, peak = peak_of(path)
    assert (found, bad) == (good, 1)
    assert peak < 25 * MB
