"""`just bench` hands options on to the benchmarks that it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
JUST = Path(sys.executable).with_name("just")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("leads", "--rows"), "leads.py: error: argument --rows: expected one argument"),
        (("leads", "--rows", "many"), "leads.py: error: argument --rows: invalid int value: 'many'"),
        (("--rows", "20000"), "Name the benchmark that these options are for, as in: just bench leads --rows 100000"),
    ],
)
def test_options_of_a_benchmark_are_its_own_and_want_one(arguments: tuple[str, ...], told: str) -> None:
    done = subprocess.run(
        [JUST, "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr.splitlines()
