"""A server's threads share their heaps, so that what one has freed is of use to the others."""

from __future__ import annotations

import subprocess
import sys

from overture_servers.main import HEAPS

PROGRAM = """
import ctypes, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from overture_servers.main import few_heaps

{before}
together = Barrier(20)

def allocate(_number):
    together.wait(timeout=30)
    kept = [bytes(50_000) for _ in range(20)]
    together.wait(timeout=30)
    return len(kept)

with ThreadPoolExecutor(20) as threads:
    assert sum(threads.map(allocate, range(20))) == 400
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


def heaps(before: str) -> int:
    """Count the heaps of a process in which twenty threads allocated at once (malloc_info(3))."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.count("<heap nr=")


def test_however_many_threads_allocate_there_are_few_heaps() -> None:
    assert heaps("few_heaps()") <= HEAPS < heaps("")
