"""A campaign end to end, against BullMQ: from launch until the provider has accepted every message.

    uv run python -m bench.delivery --channel email

Ours: leads, plan and approval are ready; the clock runs from the call that launches the campaign until
every row says `accepted`, through as many `overture worker` processes as `--processes`, with the ledger,
the gate and the events that they write. Theirs: a BullMQ job a message, in the queue before the clock
starts, by workers written as BullMQ's documentation has it (bench/bullmq/worker.mjs), which write the
same row of the same PostgreSQL. Both use the same Redis and the same sink, are warmed up, and take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import stage
from bench.measuring import (
    Report,
    SinkProcess,
    arguments,
    environment,
    median,
    number,
    package_versions,
    process_cpu_s,
    program_version,
    running_sink,
)
from bench.places import Place, open_store, overture_workers, place, running, tree_cpu_s, wait_for
from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.storage.store import Store

BULLMQ = Path(__file__).with_name("bullmq")
CASES = ("ours, postgresql", "bullmq, postgresql", "ours, sqlite")
THEIRS = "bullmq, postgresql"


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds: `queueing` is our launch and their addBulk, `delivery` from the launch (ours) or from the
    release of the full queue (theirs) until the last row is accepted. `cpu` is processor microseconds a
    message, by part."""

    messages: int
    queueing: float
    delivery: float
    requests: int
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        return self.messages / self.delivery


class Bench:
    """One place, one sink, one channel."""

    def __init__(self, at: Place, sink: SinkProcess, given: argparse.Namespace) -> None:
        self._at = at
        self._sink = sink
        self._channel = Channel(given.channel)
        self._messages: int = given.messages
        self._warm_up: int = given.warm_up
        self._processes: int = given.processes
        self._concurrency: int = given.concurrency
        self._pool: int = given.pool
        self._deadline: float = given.deadline
        self._settings: list[str] = given.set

    def run(self, case: str) -> Result:
        """Run one case on a fresh database."""
        who, _, database = case.partition(", ")
        settings = self._at.case(database, sandbox_url=self._sink.url)
        with open_store(settings) as store:
            stage.prepare(store)
            stage.add_leads(store, self._warm_up, "warm-up")
            stage.add_leads(store, self._messages)
            return self._ours(store, settings) if who == "ours" else self._theirs(store, settings)

    def _ours(self, store: Store, settings: Settings) -> Result:
        warm_up = stage.plan(store, self._channel, "warm-up")
        plan = stage.plan(store, self._channel)
        with overture_workers(settings, self._processes, *self._settings) as workers:
            self._sink.reset()
            stage.launch(store, warm_up)
            self._wait(store, arrived=self._warm_up, accepted=self._warm_up)
            with self._measured(workers, store) as finish:
                began = time.time()
                stage.launch(store, plan)
                launched = time.time()
                return finish(began, launched - began)

    def _theirs(self, store: Store, settings: Settings) -> Result:
        env = environment(
            BENCH_REDIS_SOCKET=str(self._at.redis.socket),
            BENCH_POSTGRESQL=settings.database_url or "",
            BENCH_CHANNEL=self._channel,
            BENCH_SINK=self._sink.url,
            BENCH_CONCURRENCY=str(self._concurrency),
            BENCH_POOL=str(self._pool),
        )
        command = [node(), "worker.mjs"]
        with ExitStack() as stack:
            workers = [
                stack.enter_context(
                    running(command, settings.data_dir / f"bullmq{n}.log", env, ready="ready", cwd=BULLMQ)
                )
                for n in range(self._processes)
            ]
            stage.add_due_messages(store, self._channel, "warm-up")
            self._sink.reset()
            with filled(env) as (_, release):
                release()
                self._wait(store, arrived=self._warm_up, accepted=self._warm_up)
            stage.add_due_messages(store, self._channel)
            with filled(env) as (queueing, release), self._measured(workers, store) as finish:
                return finish(release(), queueing)

    @contextmanager
    def _measured(self, workers: list[int], store: Store) -> Iterator[Callable[[float, float], Result]]:
        self._sink.reset()
        parts = {
            "workers": lambda: tree_cpu_s(*workers),
            "postgresql": lambda: self._postgresql_cpu_s(store),
            "redis": lambda: process_cpu_s(self._at.redis_pid()),
            "sink": self._sink.cpu_s,
        }
        before = {name: read() for name, read in parts.items()}

        def finish(began: float, queueing: float) -> Result:
            ended = self._wait(store, arrived=self._messages, accepted=self._warm_up + self._messages)
            cpu = {name: (read() - before[name]) / self._messages * 1e6 for name, read in parts.items()}
            counts = self._sink.counts()
            arrived = counts["recipients"]
            if arrived != self._messages or counts["refused"]:
                msg = f"the sink took {arrived} messages of {self._messages} and refused {counts['refused']}"
                raise RuntimeError(msg)
            requests = counts["email_requests"] + counts["sms_requests"]
            return Result(self._messages, queueing, ended - began, requests, cpu)

        yield finish

    def _postgresql_cpu_s(self, store: Store) -> float:
        return tree_cpu_s(self._at.postgresql_pid()) if store.settings.database_url else 0.0

    def _wait(self, store: Store, *, arrived: int, accepted: int) -> float:
        """Ask the sink, which costs little, until all came; then the database, until all is written down."""
        what, every_s = "all to be accepted", 0.02
        try:
            wait_for(lambda: self._sink.counts()["recipients"] >= arrived, self._deadline, what=what, every_s=every_s)
            return wait_for(lambda: stage.accepted(store) >= accepted, self._deadline, what=what, every_s=every_s)
        except TimeoutError as error:
            logs = sorted(store.settings.data_dir.glob("*.log"))
            tails = "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs)
            msg = f"{error}; states: {stage.states(store)}\n{tails}"
            raise TimeoutError(msg) from error


@contextmanager
def filled(env: dict[str, str]) -> Iterator[tuple[float, Callable[[], float]]]:
    """Fill BullMQ's paused queue with what is due. Yields the seconds that addBulk took, and a function
    that lets the workers begin and returns when they did."""
    command = [node(), "fill.mjs"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=BULLMQ, env=env, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def release() -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        try:
            told = json.loads(process.stdout.readline())
            yield told["seconds"], release
        finally:
            process.stdin.close()
            process.terminate()


def node() -> str:
    """Return the path of Node, and see to it that BullMQ is installed from its lock file.

    Raises:
        SystemExit: there is no Node on the PATH.
    """
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        msg = "This benchmark compares with BullMQ, which needs Node 20.18 or newer and npm on the PATH."
        raise SystemExit(msg)
    installed, lock = BULLMQ / "node_modules" / ".package-lock.json", BULLMQ / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        # Not `npm ci`: that refuses a lock which leaves out the optional parts of other systems.
        command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=BULLMQ, check=True, timeout=300)
        os.utime(installed)
    return found


def node_versions() -> dict[str, str]:
    """Return the versions of Node and of the packages that the other worker uses."""
    names = ("bullmq", "ioredis", "pg", "undici")
    lock = json.loads((BULLMQ / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    found = {name: str(lock[f"node_modules/{name}"]["version"]) for name in names}
    return {"node": program_version(node(), "--version"), **found}


def report(channel: str, found: dict[str, list[Result]], given: argparse.Namespace, versions: dict[str, str]) -> Report:
    """Return the table of one channel."""

    def typical(case: str, read: Callable[[Result], float]) -> float:
        return median([read(result) for result in found[case]])

    rows = []
    for case, results in found.items():
        rates = [result.rate for result in results]
        delivery, queueing = typical(case, lambda r: r.delivery), typical(case, lambda r: r.queueing)
        row = [case, number(median(rates)), f"{number(min(rates))} to {number(max(rates))}", f"{delivery:.2f} s"]
        row.append(f"{queueing:.2f} s")
        ratio = typical(THEIRS, lambda r: r.delivery) / delivery if THEIRS in found else 0.0
        row.append(f"{ratio:.1f}" if ratio else "")
        row += [number(median([result.cpu[part] for result in results])) for part in results[0].cpu]
        used = median([sum(result.cpu.values()) for result in results])
        theirs = median([sum(result.cpu.values()) for result in found[THEIRS]]) if THEIRS in found else 0.0
        row += [number(used), f"{theirs / used:.1f}" if theirs and used else ""]
        rows.append(row)
    first = next(iter(found.values()))[0]
    return Report(
        title=(
            f"{channel}: {first.messages:,} messages, {given.processes} worker processes each, "
            f"medians of {given.rounds} interleaved rounds after {given.warm_up:,} as warm-up"
        ),
        columns=[
            *("who", "per s", "lowest to highest", "accepted in", "queueing", "times BullMQ"),
            *(f"{part} us" for part in first.cpu),
            "all us",
            "times BullMQ",
        ],
        rows=rows,
        notes=[
            "`accepted in` counts, for ours, from the call that launches; for BullMQ from the release of a queue that "
            "is full already. `queueing` is the launch (part of ours) and addBulk (no part of theirs).",
            "`us` are processor microseconds a message, by part.",
            f"PostgreSQL {'waits' if given.durable else 'does not wait'} for the disk at a commit (both).",
            f"BullMQ: {given.concurrency} jobs at once in each process. Ours: default settings"
            + (f" but {', '.join(given.set)}." if given.set else "."),
        ],
        measured={"channel": channel, **{case: [asdict(result) for result in rs] for case, rs in found.items()}},
        versions=versions,
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--channel", choices=[Channel.EMAIL.value, Channel.SMS.value], default="email")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--warm-up", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=100, help="BullMQ's jobs at once in a process")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--set", nargs="*", default=[], metavar="OVERTURE_NAME=VALUE", help="settings of our workers")
    parser.add_argument("--pool", type=int, default=20, help="BullMQ's database connections in a process")
    parser.add_argument("--durable", action="store_true", help="PostgreSQL waits for the disk at every commit")
    parser.add_argument("--deadline", type=float, default=240.0, help="seconds that one delivery may take")
    given = parser.parse_args()
    found: dict[str, list[Result]] = defaultdict(list)
    with place(durable=given.durable) as at, running_sink() as sink:
        bench = Bench(at, sink, given)
        for _ in range(given.rounds):
            for case in given.cases:
                found[case].append(bench.run(case))
        names = ["overture-outreach", "dramatiq", "redis", "sqlalchemy", "psycopg", "aiohttp", "httpx", "uvloop"]
        versions = {**package_versions(names), **at.server_versions()}
        if THEIRS in found:
            versions |= node_versions()
    report(given.channel, found, given, versions).show(given.json)


if __name__ == "__main__":
    main()
