"""A process of ours that serves over HTTP, for the tests that speak to one from outside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = ["-m", "overture_cli", "serve", "--http"]


@dataclass(frozen=True)
class HttpProcess:
    """The process; `environment` is what it runs with, for other commands on the same installation."""

    port: int
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    folder: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@contextmanager
def http_process(
    folder: Path, wait_for: Any, *, python: str | Path = sys.executable, **settings: str
) -> Iterator[HttpProcess]:
    """Run one on a free port, with its data in `folder/data`. It has to end in time, and to print nothing.

    With `warm_programs / "python"` it need not load first.
    """
    port = free_port()
    environment = {
        **os.environ,
        "OVERTURE_DATA_DIR": str(folder / "data"),
        "OVERTURE_SANDBOX_ONLY": "1",
        "OVERTURE_HTTP_PORT": str(port),
        **settings,
    }
    log, out = folder / f"log-{port}", folder / f"out-{port}"
    with log.open("wb") as errors, out.open("wb") as printed:
        process = subprocess.Popen([python, *COMMAND], env=environment, cwd=folder, stdout=printed, stderr=errors)

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return '"event": "listening"' in log.read_text()

    try:
        wait_for(listens, deadline=150)
        yield HttpProcess(port, process, environment, folder, log)
    finally:
        process.terminate()
        process.wait(timeout=40)
    assert out.read_bytes() == b""
