"""The whole system as real processes: Redis, sandbox, servers, worker."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters

from overture_cli.processes import Spec, Supervisor, all_specs
from overture_core.settings import Settings


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@dataclass
class System:
    """Settings of a running system, and ways to look at it from outside. `program` is how to run a command."""

    settings: Settings
    running: Supervisor
    program: Sequence[str]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.settings.http_port}"

    def stdio(self, server: str) -> StdioServerParameters:
        return StdioServerParameters(
            command=self.program[0],
            args=[*self.program[1:], "serve", server],
            env={**os.environ, **self.settings.environment()},
            cwd=self.settings.data_dir,
        )

    def overture(self, *args: str) -> dict[str, Any]:
        """Run a command with --json and return what it prints."""
        done = subprocess.run(
            [*self.program, *args, "--json"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.settings.data_dir,
            env={**os.environ, **self.settings.environment()},
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def summary(self) -> dict[str, Any]:
        """The sandbox's own count of what it accepted."""
        with urllib.request.urlopen(f"{self.settings.sandbox_url}/sandbox/summary.json", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def fault(self, **fault: Any) -> None:
        """Tell the sandbox to fail."""
        request = urllib.request.Request(
            f"{self.settings.sandbox_url}/sandbox/faults",
            json.dumps(fault).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        urllib.request.urlopen(request, timeout=5).close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The setting that chooses a database, for each in turn."""
    if request.param == "sqlite":
        return {}
    server = request.getfixturevalue("postgresql")
    return {"database_url": server.url(server.create_database())}


@contextmanager
def started(folder: Path, python: Path, *, without: tuple[str, ...] = (), **values: Any) -> Iterator[System]:
    """Start the system in a folder with given settings, and run it by `python`; `without` names processes to leave out.

    With `warm_programs / "python"` it is loaded already, so that a busy machine does not hold up what a test is about.
    """
    http_port, sandbox_port = free_ports(2)
    ours = {
        "data_dir": folder / "data",
        "sandbox_only": True,
        "http_port": http_port,
        "sandbox_url": f"http://127.0.0.1:{sandbox_port}",
        "import_roots": [folder],
    }
    settings = Settings(**{"_env_file": None, **ours, **values})
    settings.data_dir.mkdir(mode=0o700, exist_ok=True)
    specs: list[Spec] = [spec for spec in all_specs(settings) if spec.name not in without]
    with Supervisor(settings, specs, python=str(python)) as running:
        running.wait_ready()
        yield System(settings, running, (str(python), "-m", "overture_cli"))


@pytest.fixture
def start(tmp_path: Path, warm_programs: Path) -> Any:
    """Start the system with given settings; `without` names processes to leave out."""
    return partial(started, tmp_path, warm_programs / "python")
