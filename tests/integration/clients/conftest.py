"""The servers for clients that others wrote: a folder of data, and an HTTP process on it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import WaitFor

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A data folder with an empty database."""
    folder = tmp_path_factory.mktemp("clients") / "data"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "overture.db")
    return folder


@pytest.fixture(scope="module")
def url(data_dir: Path, wait_for: WaitFor) -> Iterator[str]:
    """The base URL of the HTTP process."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    base, log = f"http://127.0.0.1:{port}", data_dir.parent / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "overture_cli", "serve", "--http", "--port", str(port)],
            env={**os.environ, "OVERTURE_DATA_DIR": str(data_dir)},
            cwd=data_dir.parent,
            stderr=errors,
        )

    def up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(f"{base}/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(up, deadline=60)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=20)
