"""A real Redis for one machine: on a private Unix socket, shared by processes, gone with the last user.

    with EmbeddedRedis.acquire(settings.data_dir) as server:
        redis.Redis.from_url(server.url)

Nothing listens on a network. A guardian process owns the server (`overture_queue.embedded_guard`);
a user only holds a lock, so that a user killed with SIGKILL leaves nothing behind.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from overture_core.errors import QueueUnavailable
from overture_queue import wire
from overture_queue.embedded_guard import NoServerBinary, find_binary
from overture_queue.embedded_place import Lock, Place

START_S = 20.0
END_S = 15.0
_POLL_S = 0.01


class EmbeddedRedis:
    """One user's hold on the server of a data folder."""

    def __init__(self, place: Place, hold: Lock) -> None:
        self._place = place
        self._hold = hold

    @classmethod
    def acquire(cls, data_dir: Path) -> EmbeddedRedis:
        """Use the data folder's server, starting it if none runs.

        Raises:
            QueueUnavailable: it does not come up; the message has its last words.
        """
        place = Place.within(data_dir)
        place.prepare()
        start, hold = Lock(place.start), Lock(place.users)
        try:
            # The guardian holds the users' lock alone only while it ends its server.
            if not (start.take(shared=False, wait_s=START_S) and hold.take(shared=True, wait_s=START_S)):
                msg = f"Another process is starting the embedded Redis in {place.folder} and does not finish; retry."
                raise QueueUnavailable(msg)
            _ensure_running(place)
        except OSError as error:
            hold.release()
            msg = (
                f"The embedded Redis cannot lock files in {place.folder} ({error.strerror or error}); point "
                "OVERTURE_DATA_DIR at a local folder you can write to, or set OVERTURE_REDIS_URL."
            )
            raise QueueUnavailable(msg) from error
        except QueueUnavailable:
            hold.release()
            raise
        finally:
            start.release()
        return cls(place, hold)

    @property
    def socket(self) -> Path:
        """The server's Unix socket."""
        return self._place.socket

    @property
    def url(self) -> str:
        """The URL that redis-py takes."""
        return f"unix://{quote(str(self._place.socket))}"

    def close(self) -> None:
        """Stop using the server; if nobody else uses it, return when it is gone."""
        self._hold.release()
        deadline = time.monotonic() + END_S
        while time.monotonic() < deadline:
            users = Lock(self._place.users)
            if users.take(shared=True):  # else the guardian holds it, and is ending the server
                users.release()
                if not users.take(shared=False):
                    return  # others use it
                guarded = _has_guardian(self._place)
                if not guarded:  # it has done its work, or was killed
                    wire.shut_down(self._place.socket)
                users.release()
                if not guarded:
                    return
            time.sleep(_POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def describe(data_dir: Path) -> tuple[str, bool, str]:
    """Return the server's name, whether it answers, and a sentence; starts nothing.

    The name is `valkey 9.1.2 (bundled)` or the like.
    """
    place = Place.within(data_dir)
    try:
        binary, bundled = find_binary()
    except NoServerBinary:
        binary, bundled = None, False
    try:
        running = wire.version(place.socket)
    except TimeoutError:
        return "unknown", False, hanging(data_dir)
    if running:
        return f"{running}{' (bundled)' if bundled else ''}", True, f"Runs on {place.socket}."
    if binary is None:
        return "none", False, _NO_BINARY
    return f"{binary.name}{' (bundled)' if bundled else ''}", False, f"Does not run; would be started from {binary}."


def hanging(data_dir: Path) -> str:
    """Return the sentence about a server that runs and does not answer in time."""
    place = Place.within(data_dir)
    return f"Runs on {place.socket} and does not answer; where that goes on, look at {place.log} and end it."


def _ensure_running(place: Place) -> None:
    """Make sure that a guardian and its server run. Called under the `start` lock, holding `users`."""
    log_start = place.log.stat().st_size if place.log.exists() else 0
    if not _has_guardian(place):
        _start_guardian(place)
    deadline = time.monotonic() + START_S
    while not wire.answers(place.socket):
        if time.monotonic() > deadline or not _has_guardian(place):
            raise QueueUnavailable(_did_not_start(place, log_start))
        time.sleep(_POLL_S)


def _has_guardian(place: Place) -> bool:
    probe = Lock(place.guardian)
    free = probe.take(shared=False)
    probe.release()
    return not free


def _start_guardian(place: Place) -> None:
    try:
        find_binary()
    except NoServerBinary as error:
        raise QueueUnavailable(_NO_BINARY) from error
    # A file and not a pipe: the guardian outlives this call with its output still open.
    with (place.folder / "guardian.log").open("wb") as log:
        subprocess.run(  # noqa: S603 - this interpreter, our own module
            [sys.executable, "-P", "-m", "overture_queue.embedded_guard", str(place.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=place.folder,  # not the caller's: that folder may be removed while the server runs
            check=False,  # whether it took the lock says more than its exit code
        )


def _did_not_start(place: Place, log_start: int) -> str:
    text = place.log.read_bytes()[log_start:].decode(errors="replace") if place.log.exists() else ""
    lines = [line for line in text.splitlines() if line.strip()]
    said = f" (it said: {lines[-1].strip()})" if lines else ""
    return (
        f"The embedded Redis in {place.folder} did not start{said}; see {place.log}, or set OVERTURE_REDIS_URL "
        "to a Redis of your own."
    )


_NO_BINARY = (
    "There is no Redis to start: install redis-server or valkey-server so that it is on the PATH, "
    "or set OVERTURE_REDIS_URL."
)
