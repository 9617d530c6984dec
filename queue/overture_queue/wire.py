"""The three things asked of an embedded server, spoken in Redis's inline protocol.

Kept apart from redis-py so that the guardian process starts in a few milliseconds
(redis.io/docs/latest/develop/reference/protocol-spec, "Inline commands").
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path


def answers(path: Path, *, timeout: float = 1.0) -> bool:
    """Tell whether a server answers on the socket and has finished loading its data."""
    try:
        return _ask(path, b"PING", timeout).startswith(b"+PONG")
    except OSError:
        return False


def version(path: Path, *, timeout: float = 1.0) -> str | None:
    """Return the server's name and version, such as `valkey 9.1.2`, or None if there is none.

    Raises:
        TimeoutError: there is one, and it does not answer in time.
    """
    try:
        reply = _ask(path, b"INFO server", timeout, until=b"\r\n\r\n").decode(errors="replace")
    except TimeoutError:
        raise
    except OSError:
        return None
    told = dict(line.split(":", 1) for line in reply.splitlines() if ":" in line)
    name = told.get("server_name", "redis")
    number = told.get(f"{name}_version") or told.get("redis_version")
    return f"{name} {number}" if number else None


def shut_down(path: Path, *, timeout: float = 10.0) -> None:
    """Ask the server to write what it holds and end; returns when it has, or when the time is up."""
    with suppress(OSError):
        # The server closes the connection by ending, so the answer is the end of the stream.
        _ask(path, b"SHUTDOWN", timeout)


def _ask(path: Path, command: bytes, timeout: float, *, until: bytes = b"\r\n") -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(command + b"\r\n")
        reply = b""
        while until not in reply and (part := connection.recv(65536)):
            reply += part
        return reply
