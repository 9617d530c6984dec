"""Where benchmarks run: a PostgreSQL, Redis as the product starts it, real processes.

Everything listens on Unix sockets or loopback, lives in a folder that goes with it, and ends with the
context that opened it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import redis

from bench.measuring import environment
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_queue.embedded import EmbeddedRedis
from tests.conftest import PostgreSQL

END_S = 40.0
DATABASES = ("postgresql", "sqlite")


class BenchPostgreSQL(PostgreSQL):
    """The tests' server, which forgets what it likes when the machine crashes, so that the disk decides nothing."""

    @property
    def data_dir(self) -> Path:
        return self._data


class DurablePostgreSQL(BenchPostgreSQL):
    """With PostgreSQL's own defaults: every commit is on disk before it counts."""

    _OPTIONS = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "listen_addresses=")


@dataclass
class Place:
    """A folder, a Redis, and a PostgreSQL once somebody asks for it."""

    folder: Path
    redis: EmbeddedRedis
    stack: ExitStack
    durable: bool = False
    _postgresql: BenchPostgreSQL | None = field(default=None, init=False)
    _cases: int = field(default=0, init=False)

    def case(self, database: str, **values: Any) -> Settings:
        """Return settings of a fresh, migrated database and an empty Redis.

        `database` is postgresql or sqlite; the sandbox's keys are used, whatever `values` point at.
        """
        self._cases += 1
        data_dir = self.folder / f"case{self._cases}"
        data_dir.mkdir(mode=0o700)
        if database == "postgresql":
            values["database_url"] = self.postgresql.url(self.postgresql.create_database())
        with redis.Redis.from_url(self.redis.url) as client:
            client.flushall()
        made = {"data_dir": data_dir, "redis_url": self.redis.url, "sandbox_only": True, **values}
        settings = Settings(**{"_env_file": None, **made})
        with open_store(settings) as store:
            store.prepare()
        return settings

    @property
    def postgresql(self) -> BenchPostgreSQL:
        """The server, started when it is first asked for."""
        if self._postgresql is None:
            # Not inside our folder, which the user that it runs as may not enter.
            folder = Path(tempfile.mkdtemp(prefix="overture-bench-pg-"))
            self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
            server = (DurablePostgreSQL if self.durable else BenchPostgreSQL)(folder)
            self.stack.callback(server.stop)
            server.start()
            self._postgresql = server
        return self._postgresql

    def redis_pid(self) -> int:
        """Return the process of the Redis."""
        with redis.Redis.from_url(self.redis.url) as client:
            return int(client.info("server")["process_id"])

    def postgresql_pid(self) -> int:
        """Return the process of the PostgreSQL, parent of all that work for it."""
        return int((self.postgresql.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])

    def server_versions(self) -> dict[str, str]:
        """Return the names and versions of the servers in use."""
        with redis.Redis.from_url(self.redis.url) as client:
            told = client.info("server")
        name = told.get("server_name", "redis")
        found = {name: str(told.get(f"{name}_version", told["redis_version"]))}
        if self._postgresql is not None:
            import psycopg

            with psycopg.connect(self._postgresql.url("postgres")) as connection:
                number = connection.info.server_version
            found["postgresql"] = f"{number // 10000}.{number % 10000}"
        return found


@contextmanager
def place(*, durable: bool = False) -> Iterator[Place]:
    """Open a place; nothing of the developer's own settings or data is used.

    `durable` makes PostgreSQL wait for the disk at every commit.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="overture-bench-")))
        clean = environment(OVERTURE_DATA_DIR=str(folder))
        os.environ.clear()
        os.environ.update(clean)
        server = stack.enter_context(EmbeddedRedis.acquire(folder / "redis"))
        yield Place(folder, server, stack, durable)


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """Open a store and close it."""
    store = Store(settings)
    try:
        yield store
    finally:
        store.close()


def child_environment(settings: Settings, *more: str) -> dict[str, str]:
    """Return the environment in which a process uses these settings; `more` are NAME=VALUE of the caller's."""
    values = {
        "OVERTURE_DATA_DIR": str(settings.data_dir),
        "OVERTURE_REDIS_URL": settings.redis_url or "",
        "OVERTURE_SANDBOX_URL": settings.sandbox_url,
        **({"OVERTURE_DATABASE_URL": settings.database_url} if settings.database_url else {}),
    }
    return environment(**values, **dict(pair.split("=", 1) for pair in more))


@contextmanager
def running(command: Sequence[str], log: Path, env: dict[str, str], *, ready: str, cwd: Path) -> Iterator[int]:
    """Run a process until the context ends; begins once its output says `ready`. Yields its id."""
    with log.open("wb") as output:
        process = _start(command, output, env, cwd)
    try:
        wait_for(lambda: _says(log, ready, process), 60, what=f"{command[0]} to say {ready!r}")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(command: Sequence[str], output: IO[bytes], env: dict[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def _says(log: Path, ready: str, process: subprocess.Popen[bytes]) -> bool:
    text = log.read_text(errors="replace")
    if process.poll() is not None:
        msg = f"a process of the benchmark ended with {process.returncode}:\n{text[-3000:]}"
        raise RuntimeError(msg)
    return ready in text


@contextmanager
def overture_workers(settings: Settings, number: int, *more: str) -> Iterator[list[int]]:
    """Run `overture worker` as users do, `number` times. Yields the process ids."""
    command = [str(Path(sys.executable).with_name("overture")), "worker"]
    env = child_environment(settings, *more)
    home = settings.data_dir  # no `.env` of a developer lies there
    with ExitStack() as stack:
        yield [
            stack.enter_context(running(command, home / f"worker{n}.log", env, ready="worker_ready", cwd=home))
            for n in range(number)
        ]


def wait_for(condition: Callable[[], bool], deadline_s: float, *, what: str, every_s: float = 0.01) -> float:
    """Wait until `condition` is true and return the time (of `time.time`) at which it was seen to be.

    Raises:
        TimeoutError: it was not within `deadline_s`.
    """
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            msg = f"waited {deadline_s:.0f} s in vain for {what}"
            raise TimeoutError(msg)
        time.sleep(every_s)
    return time.time()


def tree_cpu_s(*roots: int) -> float:
    """Return the processor seconds of processes with all their children, also those that have ended.

    0 on systems without /proc.
    """
    ticks: dict[int, int] = {}
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended between the listing and the reading
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        ticks[pid] = sum(int(each) for each in fields[11:15])
    wanted = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    return sum(ticks.get(pid, 0) for pid in wanted) / os.sysconf("SC_CLK_TCK") if ticks else 0.0
