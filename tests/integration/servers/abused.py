"""A real server process, spoken to in bytes, which may not come to a fault of its own whatever it is sent."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.http_process import http_process

LIST = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
ESTABLISHED = "01"  # proc(5)
FAULTS = ("Traceback", "request_failed", "tool_crashed", '"level": "error"')
GROWTH = 96 * 2**20  # what a process may keep: pools, caches, pages that the allocator does not give back


@dataclass
class Process:
    """The server, seen from outside."""

    port: int
    pid: int
    log: Path
    environment: dict[str, str]
    folder: Path
    http: httpx.Client

    def connect(self) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(20)
        made.connect(("127.0.0.1", self.port))
        return made

    def say(self, raw: bytes) -> bytes:
        """Send bytes and return all that comes back until the server ends the connection."""
        with self.connect() as connection:
            with suppress(ConnectionError):  # it may have refused and hung up before it had all of it
                connection.sendall(raw)
            return ended(connection)

    def post(self, content: bytes, path: str = "/leads/mcp", **headers: str) -> httpx.Response:
        sent = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "MCP-Protocol-Version": "2025-11-25",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        url = f"http://127.0.0.1:{self.port}{path}"
        return self.http.post(url, content=content, headers=sent)

    def peers(self) -> set[int]:
        """The ports of those whose connections the server holds."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        mine = f"0100007F:{self.port:04X}"
        return {int(row[2].partition(":")[2], 16) for row in rows if row[1] == mine and row[3] == ESTABLISHED}

    def memory(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ended(connection: socket.socket) -> bytes:
    """Return what comes until the other side ends the connection, by a reset too."""
    found = b""
    try:
        while piece := connection.recv(2**16):
            found += piece
    except ConnectionResetError:
        pass
    return found


@contextmanager
def serving(folder: Path, wait_for: Any, **more: str) -> Iterator[Process]:
    """Run a server process; at its end it still answers, has not grown, and its log has no fault of ours."""
    unlimited = {"OVERTURE_RATE_LIMIT": "100000/minute", "OVERTURE_RATE_LIMIT_TOOLS": "{}", **more}
    with (
        http_process(folder, wait_for, **unlimited) as running,
        httpx.Client(trust_env=False, timeout=60) as http,
    ):
        made = Process(running.port, running.process.pid, running.log, running.environment, folder, http)
        assert made.post(LIST).status_code == 200
        before = made.memory()
        yield made
        assert made.post(LIST).status_code == 200
        assert made.memory() - before < GROWTH
    faults = [line for line in running.log.read_text().splitlines() if any(mark in line for mark in FAULTS)]
    assert faults == []
