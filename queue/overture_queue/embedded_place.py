"""Where an embedded server lives: its folder, its socket, and the locks that its users share.

- `users` is held shared by every process that uses the server; whoever can hold it alone is the last.
- `guardian` is held by the process that keeps the server running.
- `start` is held by whoever is starting one.

All three are flock(2) locks, so the kernel lets go of them however a process ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from overture_core.errors import QueueUnavailable

# sun_path holds 104 bytes on macOS and 108 on Linux, its closing zero included (unix(4), unix(7)).
LONGEST_SOCKET_PATH = 103
_SOCKET = "redis.sock"
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Place:
    """The paths of one embedded server; making one touches nothing."""

    folder: Path

    @classmethod
    def within(cls, data_dir: Path) -> Place:
        return cls(data_dir.absolute() / "redis")

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def users(self) -> Path:
        return self.folder / "users.lock"

    @property
    def guardian(self) -> Path:
        return self.folder / "guardian.lock"

    @property
    def start(self) -> Path:
        return self.folder / "start.lock"

    @property
    def socket_note(self) -> Path:
        """Says where the socket is when the folder is too deep for one."""
        return self.folder / "socket-folder"

    @property
    def socket(self) -> Path:
        """The server's socket. Every process finds the same one, whatever its own temp folder is."""
        here = self.folder / _SOCKET
        if len(os.fsencode(here)) <= LONGEST_SOCKET_PATH:
            return here
        try:
            return Path(self.socket_note.read_text(encoding="utf-8").strip()) / _SOCKET
        except FileNotFoundError:
            return self._short_folder() / _SOCKET

    def prepare(self) -> None:
        """Make the private folders.

        Raises:
            QueueUnavailable: a folder cannot be made, or somebody else's stands in its place.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
            socket_folder = self.socket.parent
            if socket_folder != self.folder:
                socket_folder.mkdir(exist_ok=True, mode=0o700)
                _check_private(socket_folder)
                self.socket_note.write_text(str(socket_folder), encoding="utf-8")
        except OSError as error:
            msg = (
                f"The embedded Redis cannot use {self.folder} ({error.strerror or error}); point OVERTURE_DATA_DIR at "
                "a folder you can write to, or set OVERTURE_REDIS_URL."
            )
            raise QueueUnavailable(msg) from error

    def _short_folder(self) -> Path:
        name = f"overture-{os.getuid()}-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"
        for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - checked to be ours and private
            if len(os.fsencode(base / name / _SOCKET)) <= LONGEST_SOCKET_PATH:
                return base / name
        msg = "No folder is short enough for a Unix socket; set OVERTURE_DATA_DIR or TMPDIR to a shorter path."
        raise QueueUnavailable(msg)


def _check_private(folder: Path) -> None:
    """Refuse a folder in a shared place that another user could have laid out for us."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        msg = f"{folder} is not a private folder of this user; remove it, or set OVERTURE_DATA_DIR to a shorter path."
        raise QueueUnavailable(msg)


class Lock:
    """One flock on one file, let go by `release` or by the end of the process.

    `release` closes the descriptor and never says LOCK_UN: after a fork the lock belongs to both
    processes, and stays held until both have let go.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, *, shared: bool, wait_s: float = 0.0) -> bool:
        """Try to hold the lock for up to `wait_s` seconds; tells whether it is held."""
        # Not inheritable (PEP 446): a child that is started from here does not keep the lock.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return False
                time.sleep(_POLL_S)
            except OSError:
                os.close(descriptor)
                raise
            else:
                self._descriptor = descriptor
                return True

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
