"""The fake servers as the crew's client starts them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from overture_crew.sessions import StdioServer

SERVERS = Path(__file__).with_name("fake_servers.py")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def servers(tmp_path: Path) -> dict[str, StdioServer]:
    """How to start both servers; they are steered by files in `tmp_path`."""
    return {
        name: StdioServer(command=sys.executable, args=(str(SERVERS), name, str(tmp_path)))
        for name in ("leads", "messaging")
    }


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Read the calls that the servers logged."""

    def read() -> list[dict[str, Any]]:
        log = tmp_path / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return read


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """The address of a scripted model; it is steered by files in `tmp_path`."""
    with running_endpoint(tmp_path) as url:
        yield url


@contextmanager
def running_endpoint(folder: Path, module: str = "tests.integration.crew.fake_endpoint") -> Iterator[str]:
    """Run a model's endpoint, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", module, str(folder), str(port)], cwd=ROOT)
    try:
        for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.1), reraise=True):
            with attempt:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)
