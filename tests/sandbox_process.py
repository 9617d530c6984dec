"""The sandbox as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

COLD = (sys.executable, "-m", "overture_providers.sandbox")
DEADLINE_S = 60.0
NOBODY = "http://127.0.0.1:9"  # discards


@contextmanager
def running_sandbox(
    folder: Path, *, program: Sequence[str] = COLD, port: int = 0, speed: int = 0, webhook_url: str = NOBODY
) -> Iterator[str]:
    """Run a sandbox that keeps its data and its log in `folder`; yields its address. It has to end without an error.

    `program` is how to start it: with `warm_programs / "sandbox"` it need not load first.
    """
    command = [*program, "--port", str(port), "--speed", str(speed)]
    command += ["--data-dir", str(folder), "--webhook-url", webhook_url]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "sandbox.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, stderr=file)
    try:
        until = time.monotonic() + DEADLINE_S
        while "ready at " not in (said := log.read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.02)
        yield said.partition("ready at ")[2].partition("/sandbox;")[0]
    finally:
        process.terminate()
        ended = process.wait(DEADLINE_S)
    assert ended == 0, log.read_text()
