"""The system under attack: sandbox, servers and workers as the processes that users run, and ways to hurt them."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench import stage
from overture_cli.processes import Spec, Supervisor, all_specs
from overture_core.errors import DatabaseUnavailable
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.settings import Settings
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_providers.sandbox.inbox import FILE_NAME
from tests.conftest import PostgreSQL
from tests.warm import program_of

WORKERS = 2  # children of one `overture worker`
MOMENT_S = 60.0  # patience for one moment
QUIET_S = 3.0  # longer than any answer that the sandbox may still hold back
MOVING = (State.DRAFT, State.DUE, State.CLAIMED, State.SENDING)
ACCEPTED = (State.ACCEPTED, State.DELIVERED)


class RestartablePostgreSQL(PostgreSQL):
    """The tests' server, which can be away for a while."""

    def restart(self, *, away_s: float) -> None:
        """Stop it as an administrator would, ending every connection, and start it again on the same data."""
        assert self._process is not None
        command = self._process.args
        self.stop()
        time.sleep(away_s)
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._as_user,
        )
        wait_for(self._answers, 30, "PostgreSQL to answer again")


class System:
    """A campaign of `size` messages on its way, and the processes that send it, which `python` runs."""

    def __init__(
        self, settings: Settings, channel: Channel, size: int, database: PostgreSQL | None, python: str | None = None
    ) -> None:
        self._python = python
        self.settings = settings
        self.channel = channel
        self.size = size
        self.database = database
        self.kills = 0
        self._heard = True
        self.store = Store(settings)
        self._stack = ExitStack()
        self._worker_stack = ExitStack()
        self._worker: Supervisor | None = None

    # --- Its life ---

    @contextmanager
    def running(self, *, webhooks: bool) -> Iterator[None]:
        """Run the sandbox and, for its webhooks, the servers; workers come with `start_workers`."""
        specs = [spec for spec in all_specs(self.settings) if spec.name != "worker"]
        specs = [spec for spec in specs if webhooks or spec.name != "servers"]
        self._heard = webhooks
        with self._stack:
            self._stack.callback(self.store.close)
            others = self._stack.enter_context(Supervisor(self.settings, specs, python=self._python))
            others.wait_ready()
            self.store.prepare()
            stage.prepare(self.store)
            stage.add_leads(self.store, self.size)
            plan = stage.plan(self.store, self.channel)
            self._stack.callback(self.stop_workers)
            stage.launch(self.store, plan)
            yield

    def start_workers(self, *, clock_offset_s: float = 0.0) -> None:
        """Start `overture worker`; with an offset, its clock differs from everybody else's."""
        settings = self.settings.model_copy(update={"clock_offset_s": clock_offset_s})
        spec = Spec("worker", ("worker", "--processes", str(WORKERS)), ready_line="worker_ready")
        self._worker = self._worker_stack.enter_context(Supervisor(settings, [spec], python=self._python))
        self._worker.wait_ready()

    def stop_workers(self) -> None:
        """Ask the workers to end, as an administrator does."""
        self._worker_stack.close()
        self._worker = None

    # --- What can be done to it ---

    def fault(self, kind: str, *, count: int = 100_000, seconds: float = 30.0, after_accept: bool = False) -> None:
        """Order a fault of the provider, after those that were ordered before."""
        provider = "sendgrid" if self.channel is Channel.EMAIL else "twilio"
        order = {"provider": provider, "kind": kind, "count": count, "seconds": seconds, "after_accept": after_accept}
        self._faults("POST", order)

    def no_faults(self) -> None:
        """Let the provider work well again."""
        self._faults("DELETE", {})

    def kill_children(self) -> None:
        """SIGKILL every worker process at once; the one that supervises them is left alone."""
        for pid in self.children():
            self._kill(pid)

    def kill_supervisor(self, *, children: bool) -> None:
        """SIGKILL the process that supervises the workers, and with `children` all of them."""
        assert self._worker is not None
        for pid in [self._worker.pid("worker"), *(self.children() if children else [])]:
            self._kill(pid)

    def revive(self) -> None:
        """Start the killed supervisor again, as systemd or a container's restart policy does."""
        worker = self._worker
        assert worker is not None
        wait_for(worker.revive, 10, "the supervisor to be dead")

    def children(self) -> list[int]:
        """Return the process ids of the workers; waits until all of them are there."""
        assert self._worker is not None
        parent = program_of(self._worker.pid("worker"))
        wait_for(lambda: len(_workers_of(parent)) == WORKERS, 60, "all worker processes")
        return [program_of(pid) for pid in _workers_of(parent)]

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self.kills += 1

    def _faults(self, method: str, order: dict[str, Any]) -> None:
        url = f"{self.settings.sandbox_url}/sandbox/faults"
        body = json.dumps(order).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
        urllib.request.urlopen(request, timeout=5).close()

    # --- What can be seen of it ---

    def states(self) -> Counter[str]:
        """Count the ledger's rows by state; waits for a database that is away."""
        asked = select(Message.state, func.count()).group_by(Message.state)

        def look() -> list[Any] | None:
            try:
                with self.store.look() as connection:
                    return list(connection.execute(asked).all())
            except DatabaseUnavailable:
                return None

        return Counter({str(state): count for state, count in wait_for(look, 30, "the database") or []})

    def accepted(self) -> int:
        """Count the messages that the ledger has as accepted."""
        found = self.states()
        return sum(found[state] for state in ACCEPTED)

    def wait_accepted(self, number: int, *, at_most_s: float | None = None) -> None:
        """Wait until the ledger has `number` messages as accepted; with `at_most_s`, no longer than that.

        Raises:
            TimeoutError: it has not within a minute, where no other time was given.
        """
        try:
            wait_for(lambda: self.accepted() >= number, at_most_s or MOMENT_S, f"{number} accepted messages")
        except TimeoutError:
            if at_most_s is None:
                raise

    def in_the_air_but_taken(self) -> bool:
        """Tell whether the provider has accepted a message that the ledger has as `sending`."""
        with self.store.look() as connection:
            sending = set(connection.scalars(select(Message.id).where(Message.state == State.SENDING)))
        return bool(sending & set(self.inbox()))

    def inbox(self) -> Counter[str]:
        """Return how often the sandbox accepted each message id."""
        return Counter(
            {
                str(name): count
                for name, count in self._sandbox("SELECT message_id, count(*) FROM messages GROUP BY message_id")
            }
        )

    def settled_down(self) -> bool:
        """Tell whether nothing moves any more, at the sandbox or here."""
        found = self.states()
        # Where nobody hears the webhooks, the sandbox tries to tell them for longer than anybody waits.
        waiting = self._heard and self._sandbox("SELECT 1 FROM outbox WHERE state = 'waiting' LIMIT 1")
        return not any(found[state] for state in MOVING) and not waiting and not intake.waiting(self.store)

    def wait_until_quiet(self, deadline_s: float) -> None:
        """Return when nothing has moved for a while.

        Raises:
            TimeoutError: something still moved, or waited, at the deadline.
        """
        since = [time.monotonic(), 0.0]
        seen: list[Counter[str]] = [Counter()]

        def quiet() -> bool:
            found = self.states()
            if not self.settled_down() or found != seen[0]:
                since[0], seen[0] = time.monotonic(), found
            return time.monotonic() - since[0] > QUIET_S

        wait_for(quiet, deadline_s, "quiet", every_s=0.1)

    def _sandbox(self, query: str) -> list[Any]:
        path = self.settings.data_dir / FILE_NAME
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query).fetchall()


def wait_for(condition: Callable[[], Any], deadline_s: float, what: str, *, every_s: float = 0.002) -> Any:
    """Return the condition's first true value.

    Raises:
        TimeoutError: there was none within `deadline_s`.
    """
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            msg = f"waited {deadline_s:.0f} s in vain for {what}"
            raise TimeoutError(msg)
        time.sleep(every_s)
    return value


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens at."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]


def make_settings(folder: Path, **values: Any) -> Settings:
    """Return settings of one scenario: its own data folder, short leases, small requests."""
    http_port, sandbox_port = free_ports(2)
    ours = {
        "data_dir": folder,
        "sandbox_only": True,
        "http_port": http_port,
        "sandbox_url": f"http://127.0.0.1:{sandbox_port}",
        "chunk_size": 50,
        "email_batch_size": 5,
        "wave_size": 5,
        "lease_s": 12.0,
        "provider_timeout_s": 2.0,
    }
    folder.mkdir(mode=0o700)
    return Settings(**{"_env_file": None, **ours, **values})


def _workers_of(parent: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    return [
        int(row[0]) for row in rows if int(row[1]) == parent and not row[2].startswith("Z") and "spawn_main" in row[-1]
    ]
