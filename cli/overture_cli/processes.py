"""Child processes: starts them, waits until they answer, restarts what dies, ends them in order."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from overture_cli.parent import VARIABLE
from overture_cli.stopping import Stop
from overture_core.errors import ConfigurationError, SystemFault
from overture_core.settings import Settings

READY_S = 90.0  # five processes start at once, and machines may be slow
STOP_S = 35.0
POLL_S = 0.1
RESTART_PAUSE_S = 1.0


class ChildFailed(SystemFault):
    """A process did not start."""

    code = "child_failed"


@dataclass(frozen=True, slots=True)
class Spec:
    """A process of ours: `overture ARGS...`, and the URL or log line that says that it is ready."""

    name: str
    args: tuple[str, ...]
    ready_url: str | None = None
    ready_line: str | None = None


@dataclass(slots=True)
class _Child:
    spec: Spec
    process: subprocess.Popen[bytes]
    started: float
    restarts: int = 0
    log_start: int = field(default=0)


def all_specs(settings: Settings, *, sandbox_args: tuple[str, ...] = ()) -> list[Spec]:
    """Everything that runs on one machine, in the order in which it starts."""
    base = f"http://{settings.http_host}:{settings.http_port}"
    specs = []
    if settings.any_sandboxed:
        ready = f"{settings.sandbox_url}/sandbox/summary.json"
        specs.append(Spec("sandbox", ("sandbox", *sandbox_args), ready_url=ready))
    specs.append(Spec("servers", ("serve", "--http"), ready_url=f"{base}/health"))
    specs.append(Spec("worker", ("worker",), ready_line="worker_ready"))
    return specs


def require_free_ports(settings: Settings) -> None:
    """Make sure that nobody listens where our processes will.

    Raises:
        ConfigurationError: a port is taken, most likely by an Overture that is up already.
    """
    sandbox = urlsplit(settings.sandbox_url).port
    ports = {"OVERTURE_HTTP_PORT": settings.http_port}
    if sandbox is not None and settings.any_sandboxed:
        ports["OVERTURE_SANDBOX_URL"] = sandbox
    for name, port in ports.items():
        require_free_port(settings.http_host, port, f"set {name} to another port")


def require_free_port(host: str, port: int, otherwise: str) -> None:
    """Make sure that nobody listens at an address; `otherwise` is what the person can do if somebody does.

    Raises:
        ConfigurationError: it is taken, or may not be listened at.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            return  # no address at all: whoever listens there says what it may be
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                msg = f"Port {port} is in use; is Overture up already? If not, {otherwise}."
            else:
                msg = f"Port {port} cannot be listened on ({error.strerror}); {otherwise}."
            raise ConfigurationError(msg) from error


class Supervisor:
    """Runs child processes for as long as it is open; their output goes to `<data folder>/logs`.

    `stop` tells of signals, so that waiting for the children ends when one comes. `python` is what runs them.
    """

    def __init__(
        self, settings: Settings, specs: list[Spec], stop: Stop | None = None, *, python: str | None = None
    ) -> None:
        self._python = python or sys.executable
        self._settings = settings
        self._specs = specs
        self._stop = stop or Stop()
        self._children: list[_Child] = []
        self.log_dir = settings.data_dir / "logs"

    def __enter__(self) -> Self:
        self.log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            for spec in self._specs:
                self._children.append(self._start(spec))
        except BaseException:  # nobody calls __exit__ for what did not open
            self._end_all()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._end_all()

    def _end_all(self) -> None:
        # The last one first, the worker: it hands back what it holds while the others still answer.
        processes = [child.process for child in self._children]
        for together in (processes[-1:], processes[:-1]):
            for process in together:
                process.terminate()
            for process in together:
                _await_end(process)
        self._children = []

    def wait_ready(self) -> None:
        """Wait until every child answers.

        Raises:
            Interrupted: a signal asked the command to end.
            ChildFailed: one ended, or did not answer in time; the message ends with its last log line.
        """
        deadline = time.monotonic() + READY_S
        for child in self._children:
            while not self._is_ready(child):
                self._stop.check()
                if child.process.poll() is not None:
                    msg = f"The {child.spec.name} process ended at once: {self._last_line(child.spec)}"
                    raise ChildFailed(msg)
                if time.monotonic() > deadline:
                    msg = f"The {child.spec.name} process did not answer within {READY_S:.0f} s; see {self.log_dir}."
                    raise ChildFailed(msg)
                time.sleep(POLL_S)

    def pid(self, name: str) -> int:
        """Return the process id of a child."""
        return next(child.process.pid for child in self._children if child.spec.name == name)

    def revive(self) -> list[str]:
        """Start again what has died; returns the names."""
        revived = []
        for child in self._children:
            if child.process.poll() is not None and time.monotonic() - child.started > RESTART_PAUSE_S:
                fresh = self._start(child.spec)
                child.process, child.started, child.restarts = fresh.process, fresh.started, child.restarts + 1
                revived.append(child.spec.name)
        return revived

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Start again whatever dies, from a thread, for as long as the block runs."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(POLL_S):
                self.revive()

        thread = threading.Thread(target=watch, name="overture-supervisor", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def run_until_interrupted(self, on_revived: Callable[[str], None]) -> None:
        """Keep the children alive until a signal comes; `on_revived` is told who had to be started again."""
        while not self._stop.asked:
            for name in self.revive():
                on_revived(name)
            time.sleep(POLL_S)

    def _start(self, spec: Spec) -> _Child:
        path = self._log(spec)
        offset = path.stat().st_size if path.exists() else 0
        with open(path, "ab", opener=_private) as log:
            process = subprocess.Popen(  # noqa: S603 - our own command with our own arguments
                [self._python, "-m", "overture_cli", *spec.args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_child_environment(self._settings), VARIABLE: str(os.getpid())},
                cwd=self._settings.data_dir,  # no .env of ours lies there
                start_new_session=True,  # Ctrl-C is ours to pass on, in order
            )
        return _Child(spec, process, time.monotonic(), log_start=offset)

    def _is_ready(self, child: _Child) -> bool:
        if child.spec.ready_url is not None:
            return answers(child.spec.ready_url)
        return (child.spec.ready_line or "") in self._log(child.spec).read_text(errors="replace")[child.log_start :]

    def _last_line(self, spec: Spec) -> str:
        lines = self._log(spec).read_text(errors="replace").strip().splitlines()
        return (
            lines[-1].removeprefix("overture: ")
            if lines
            else f"it said nothing; run `overture {' '.join(spec.args)}` to see why."
        )

    def _log(self, spec: Spec) -> Path:
        return self.log_dir / f"{spec.name}.log"


def _child_environment(settings: Settings) -> dict[str, str]:
    # Only what these settings say: a variable that the demo leaves out must not reach its children.
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith("OVERTURE_")}
    return {**others, **settings.environment()}


def answers(url: str) -> bool:
    """Tell whether a GET of one of our own addresses succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310 - loopback, our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _await_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
