"""The crew's MCP client over Streamable HTTP, against a real server process that wants a token."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overture_crew.client import McpSessions
from overture_crew.errors import ServerUnavailable
from overture_crew.sessions import HttpServer

SERVERS = Path(__file__).with_name("fake_servers.py")
START_S = 20.0

Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Start]:
    """Start the leads server on the port, as often as asked; the last one is ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, str(SERVERS), "leads", str(tmp_path), str(port)])
        started.append(process)
        deadline = time.monotonic() + START_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            assert time.monotonic() < deadline, "the server did not start"

    yield run
    for process in started:
        process.kill()
        process.wait()


def test_a_session_over_http_carries_the_token_and_survives_a_restart_of_the_server(start: Start, port: int) -> None:
    server = HttpServer(f"http://127.0.0.1:{port}/mcp", token="sesame")
    first = start()
    with McpSessions({"leads": server}) as sessions:
        assert sessions.call("leads", "leads_list_segments").structured == {"segments": []}
        first.kill()
        first.wait()
        with pytest.raises(ServerUnavailable):
            sessions.call("leads", "leads_list_segments")
        start()
        assert sessions.call("leads", "leads_import_file", {"path": "x.csv"}).structured["rows"] == 10


def test_a_wrong_token_is_told_before_anything_is_asked(start: Start, port: int) -> None:
    start()
    servers = {"leads": HttpServer(f"http://127.0.0.1:{port}/mcp", token="wrong")}
    with McpSessions(servers) as sessions, pytest.raises(ServerUnavailable, match="'leads' cannot be reached"):
        sessions.call("leads", "leads_list_segments")
