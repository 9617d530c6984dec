"""The crew's MCP client over Streamable HTTP, against a real server process that wants a token."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from overture_crew.client import McpSessions
from overture_crew.errors import OutcomeUnknown, ServerUnavailable
from overture_crew.sessions import HttpServer

SERVERS = Path(__file__).with_name("fake_servers.py")
START_S = 20.0

NEVER_IDLE_S = 3600.0

Calls = Callable[[], list[dict[str, Any]]]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Start]:
    """Start a server (the leads server, if no other is named) on the port, as often as asked; ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str = "leads") -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, str(SERVERS), name, str(tmp_path), str(port)])
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
    with McpSessions({"leads": server}, reconnect_s=0) as sessions:
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


@pytest.mark.parametrize(("idle_s", "signs_of_life"), [(0, 2), (NEVER_IDLE_S, 0)])
def test_a_session_is_asked_for_a_sign_of_life_before_a_write_only_after_a_silence(
    start: Start, port: int, tmp_path: Path, idle_s: float, signs_of_life: int
) -> None:
    start()
    server = HttpServer(f"http://127.0.0.1:{port}/mcp", token="sesame")
    with McpSessions({"leads": server}, idle_s=idle_s) as sessions:
        for tool in ("leads_import_file", "leads_list_segments", "leads_import_file"):
            sessions.call("leads", tool, {"path": "x.csv"} if tool == "leads_import_file" else {})
    methods = (tmp_path / "methods.log").read_text().splitlines()
    assert methods.count("tools/call") == 3
    assert methods.count("tools/list") == 1 + signs_of_life


def test_a_write_that_finds_no_server_waits_for_it_and_is_made_once(start: Start, port: int, calls: Calls) -> None:
    server = HttpServer(f"http://127.0.0.1:{port}/mcp", token="sesame")
    first = start()
    patient = McpSessions({"leads": server}, idle_s=NEVER_IDLE_S, reconnect_s=2 * START_S)
    with patient as sessions, ThreadPoolExecutor(1) as threads:
        sessions.call("leads", "leads_list_segments")
        first.kill()
        first.wait()
        write = threads.submit(sessions.call, "leads", "leads_import_file", {"path": "x.csv"})
        start()
        assert write.result().structured["rows"] == 10
    assert [call["tool"] for call in calls()] == ["leads_list_segments", "leads_import_file"]


def test_a_write_that_a_server_took_before_it_ended_is_unknown_and_never_repeated(
    start: Start, port: int, calls: Calls, tmp_path: Path
) -> None:
    for name in ("approved", "die_in_launch"):
        (tmp_path / name).touch()
    server = HttpServer(f"http://127.0.0.1:{port}/mcp", token="sesame")
    start("messaging")
    with McpSessions({"messaging": server}) as sessions, pytest.raises(OutcomeUnknown, match="Look at the status"):
        sessions.call("messaging", "messaging_launch_campaign", {"plan_id": "pln_1"})
    assert [call["tool"] for call in calls()] == ["messaging_launch_campaign"]
