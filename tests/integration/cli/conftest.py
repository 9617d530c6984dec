"""The real command, as a process of its own in a folder of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
Running = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command runs, with a good file of two leads."""
    place = tmp_path / "work"
    place.mkdir()
    good = "email,first_name,country\nada@example.com,Ada,GB\ngrace@example.com,Grace,US\n"
    (place / "good.csv").write_text(good, encoding="utf-8")
    return place


@pytest.fixture
def overture(folder: Path, tmp_path: Path, warm_programs: Path) -> Overture:
    """Run `overture ARGUMENTS...`; keywords are settings."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(warm_programs / "overture"), *arguments],
            cwd=folder,
            env={
                **os.environ,
                "OVERTURE_DATA_DIR": str(tmp_path / "data"),
                "OVERTURE_SANDBOX_URL": "http://127.0.0.1:9",  # no sandbox of somebody else's
                **{f"OVERTURE_{name.upper()}": value for name, value in settings.items()},
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Running:
    """Start `overture ARGUMENTS...` and leave it running; keywords are settings. Killed if a test fails."""

    @contextmanager
    def start(*arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
        ours = {f"OVERTURE_{name.upper()}": value for name, value in settings.items()}
        with subprocess.Popen(
            [sys.executable, "-m", "overture_cli", *arguments],
            cwd=folder,
            env={**os.environ, "OVERTURE_DATA_DIR": str(tmp_path / "data"), **ours},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    return start


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]
