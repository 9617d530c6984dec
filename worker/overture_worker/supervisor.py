"""Runs worker processes and replaces those that die.

A child that is killed leaves its leases behind. The supervisor knows that it is dead, so it ends them at
once: what had not left is due again, what was in the air is `unknown`, and nobody waits for a lease.
"""

from __future__ import annotations

import multiprocessing
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType

import structlog

from overture_core.errors import SystemFault
from overture_core.messages import ledger
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_queue.broker import connect
from overture_worker.process import GRACE_MS, THREADS, run

LOOK_EVERY_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
HEALTHY_AFTER_S = 60.0  # a child that lived so long starts again without a pause

log = structlog.get_logger(__name__)


class _Child:
    """One place for a worker process, and how long to wait before filling it again."""

    def __init__(self, settings: Settings, threads: int, prepare: Callable[[], None]) -> None:
        self._arguments = (settings, threads, prepare)
        self._pause_s = 0.0
        self._start_at = 0.0
        self._started_at = 0.0
        self.owner = ""
        self.process: SpawnProcess | None = None

    def start_if_due(self) -> None:
        if self.process is not None or time.monotonic() < self._start_at:
            return
        self.owner = f"{socket.gethostname()}:{secrets.token_hex(6)}"
        self._started_at = time.monotonic()
        # Spawned, not forked: locks and connections of this process mean nothing in another.
        self.process = multiprocessing.get_context("spawn").Process(target=_work, args=(self.owner, *self._arguments))
        self.process.start()

    def buried(self) -> bool:
        """Tell whether the process has died since; its place is free then."""
        if self.process is None or self.process.is_alive():
            return False
        lived_s = time.monotonic() - self._started_at
        longer = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        self._pause_s = 0.0 if lived_s > HEALTHY_AFTER_S else longer
        self._start_at = time.monotonic() + self._pause_s
        log.warning("worker_died", owner=self.owner, code=self.process.exitcode, again_in_s=self._pause_s)
        self.process.close()
        self.process = None
        return True


def supervise(
    settings: Settings, *, processes: int, threads: int = THREADS, prepare: Callable[[], None] = lambda: None
) -> None:
    """Keep `processes` workers running until a signal says stop. `prepare` runs first in each, such as to
    set up logging; it has to be a function that another process can import.

    Raises:
        SystemFault: the database or Redis cannot be reached at the start, or settings do not fit.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    store = Store(settings)
    store.prepare()
    with connect(settings):  # holds the embedded Redis while children come and go
        children = [_Child(settings, threads, prepare) for _ in range(processes)]
        dead: list[str] = []
        while not stop.is_set():
            for child in children:
                if child.buried():
                    dead.append(child.owner)
                child.start_if_due()
            dead = _abandon(store, dead)
            wait([child.process.sentinel for child in children if child.process], timeout=LOOK_EVERY_S)
        _stop_all(children)
    store.close()


def _work(owner: str, settings: Settings, threads: int, prepare: Callable[[], None]) -> None:
    prepare()
    try:
        run(settings, owner=owner, threads=threads)
    except SystemFault as error:
        log.error("worker_failed", owner=owner, error=error.code, detail=error.message)
        raise SystemExit(1) from error


def _abandon(store: Store, dead: list[str]) -> list[str]:
    """End the leases of dead workers; returns those for whom it has to be tried again."""
    left = []
    for owner in dead:
        try:
            for workspace in ledger.workspaces(store):
                with store.begin(workspace, actor="supervisor") as work:
                    swept = ledger.abandon(work, owner)
                if swept.released or swept.unknown:
                    log.warning("leases_ended", owner=owner, released=swept.released, unknown=swept.unknown)
        except SystemFault:
            left.append(owner)  # the database is away; the leases run out by themselves meanwhile
    return left


def _stop_all(children: list[_Child]) -> None:
    running = [child.process for child in children if child.process]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + GRACE_MS / 1000 + 5
    for process in running:
        process.join(max(deadline - time.monotonic(), 0))
        if process.is_alive():
            process.kill()
            process.join()


def _stop_on_signals(stop: threading.Event) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
