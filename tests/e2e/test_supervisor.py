"""`overture worker --processes`: children that die are replaced, and end with their supervisor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overture_core.settings import Settings


class Supervised:
    """A supervisor of two workers, and what they log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def told(self, event: str) -> dict[str, int | None]:
        """Who told of an event, by owner, with its process id where the event has one."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return {line["owner"]: line.get("pid") for line in lines if line["event"] == event}


@contextmanager
def two_workers(settings: Settings) -> Iterator[Supervised]:
    log = settings.data_dir / "two-workers.log"
    command = [sys.executable, "-m", "overture_cli", "worker", "--processes", "2"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=settings.data_dir, env={**os.environ, **settings.environment()}, stderr=output
        )
    try:
        yield Supervised(process, log)
    finally:
        process.kill()
        process.wait()


def test_a_child_that_dies_is_replaced_and_all_stop_when_told(start: Any, wait_for: Any) -> None:
    with start(without=("worker",)) as system, two_workers(system.settings) as workers:
        wait_for(lambda: len(workers.told("worker_ready")) == 2, deadline=40)
        victim, pid = next(iter(workers.told("worker_ready").items()))
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: victim in workers.told("worker_died"), deadline=20)
        wait_for(lambda: len(workers.told("worker_ready")) == 3, deadline=40)
        workers.process.send_signal(signal.SIGTERM)
        assert workers.process.wait(timeout=40) == 0
        assert set(workers.told("worker_stopped")) == set(workers.told("worker_ready")) - {victim}


def test_children_end_with_a_supervisor_that_is_killed(start: Any, wait_for: Any) -> None:
    with start(without=("worker",)) as system, two_workers(system.settings) as workers:
        wait_for(lambda: len(workers.told("worker_ready")) == 2, deadline=40)
        workers.process.kill()
        wait_for(lambda: set(workers.told("worker_stopped")) == set(workers.told("worker_ready")), deadline=40)
