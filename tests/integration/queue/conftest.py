"""A user of the embedded server in a process of its own, that tests can stop, kill and interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

USER = """
import sys
from pathlib import Path
import redis
from overture_core.errors import OvertureError
from overture_queue.embedded import EmbeddedRedis

try:
    server = EmbeddedRedis.acquire(Path(sys.argv[1]))
except OvertureError as error:
    sys.stdout.write(f"{error.code}: {error.message}\\n")
    sys.exit(3)
with server, redis.Redis.from_url(server.url) as client:
    sys.stdout.write(client.info("server")["run_id"] + "\\n")
    sys.stdout.flush()
    sys.stdin.read()
"""


class User:
    """A process that holds the server of `data_dir` until it is told to leave."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def said(self) -> str:
        """The run id of the server it uses, or its error."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def leave(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._ended()

    def kill(self) -> None:
        self._process.kill()
        self._ended()

    def interrupt(self) -> None:
        """Press Ctrl-C: the signal goes to the whole group of the terminal's processes."""
        os.killpg(self._process.pid, signal.SIGINT)
        self._ended()

    def end(self) -> None:
        if self._process.poll() is None:
            self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _ended(self) -> int:
        return self._process.wait(timeout=30)


@pytest.fixture
def start_user() -> Iterator[Callable[..., User]]:
    """Starts users; whoever is left at the end of the test is killed."""
    started: list[User] = []

    def start(data_dir: Path, **environment: str) -> User:
        started.append(User(data_dir, **environment))
        return started[-1]

    yield start
    for user in started:
        user.end()
