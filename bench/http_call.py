"""What a tool call over HTTP costs, beside an echo tool of a server on the bare SDK with the same client.

    uv run python -m bench.http_call

All servers run at once, each in a process of its own under uvicorn, on an empty database: ours without authentication
and with tokens of `overture token`, and the bare one twice, under the parser of HTTP that comes with uvicorn (h11), as
an installation of the SDK alone has it, and under httptools, which ours uses. Brackets are times the first of them. The
echo tool is called on a server of ours too: what that takes more is ours, and what other tools take beyond it is their
reading. A round gives each of them as many calls, in a shuffled order, from one client (aiohttp, kept connections,
protocol 2026-07-28): one call after another, and eight at a time. `processor` is what the server's process used for a
call.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from bench.measuring import ROOT, Report, arguments, environment, number, package_versions, process_cpu_s
from overture_core.ids import new_id

BARE, BARE_IN_C = "bare SDK: echo, h11", "bare SDK: echo, httptools"
OUR_ECHO = "the same echo on a server of ours"
ECHO = ("echo", {"text": "hello"})
ERA = "2026-07-28"
AT_A_TIME = (1, 8)
START_S = 60.0
CHEAP = ("leads_list_segments", "messaging_list_templates", "stripe_report_revenue")


@dataclass(frozen=True, slots=True)
class Target:
    """A tool of a running server."""

    name: str
    url: str
    tool: str
    given: dict[str, str]
    pid: int
    token: str | None = None

    def request(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the body and the headers of a call."""
        prefix = "io.modelcontextprotocol"
        who = {"name": "bench", "version": "1"}
        meta = {f"{prefix}/protocolVersion": ERA, f"{prefix}/clientInfo": who, f"{prefix}/clientCapabilities": {}}
        params = {"name": self.tool, "arguments": self.given, "_meta": meta}
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": ERA,
            "Mcp-Method": "tools/call",
            "Mcp-Name": self.tool,
        }
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, headers


@dataclass(slots=True)
class Took:
    """Seconds of each call, and the server's processor seconds for each round's calls."""

    seconds: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@contextmanager
def running(command: list[str], port: int, told: dict[str, str], log: Path) -> Iterator[int]:
    """Run a server; yields its process id. The port follows the command's last word."""
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(port)], cwd=ROOT, env=told, stdout=lines, stderr=lines
        )
    try:
        deadline = time.monotonic() + START_S
        while not _answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def targets(stack: ExitStack, folder: Path, tools: list[str]) -> list[Target]:
    """Start the servers and return what to call."""
    told = environment(OVERTURE_DATA_DIR=str(folder / new_id("data")), OVERTURE_RATE_LIMIT="1000000/minute")
    local = {**told, "OVERTURE_AUTH_LOCAL": "1"}

    def started(command: str, told: dict[str, str]) -> tuple[int, int]:
        port = free_port()
        # A token is for the address that the settings name.
        told = {**told, "OVERTURE_HTTP_PORT": str(port)}
        log = folder / f"{port}.log"
        return stack.enter_context(running(command.split(), port, told, log)), port

    found = []
    for name, parser in ((BARE, "h11"), (BARE_IN_C, "httptools")):
        pid, port = started(f"bench.echo {parser}", told)
        found.append(Target(name, f"http://127.0.0.1:{port}/echo/mcp", *ECHO, pid))
    for command, called in (
        ("bench.our_echo", {OUR_ECHO: ECHO}),
        ("overture_cli serve --http --port", {tool: (tool, {}) for tool in tools}),
    ):
        pid, port = started(command, told)
        guarded_pid, guarded = started(command, local)
        token = subprocess.run(
            [sys.executable, "-m", "overture_cli", "token"],
            cwd=ROOT,
            env={**local, "OVERTURE_HTTP_PORT": str(guarded)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for name, (tool, given) in called.items():
            path = f"{'leads' if tool == 'echo' else tool.partition('_')[0]}/mcp"
            found.append(Target(name, f"http://127.0.0.1:{port}/{path}", tool, given, pid))
            url = f"http://127.0.0.1:{guarded}/{path}"
            found.append(Target(f"{name}, with a token", url, tool, given, guarded_pid, token))
    return found


async def call(session: aiohttp.ClientSession, target: Target, calls: int, at_a_time: int) -> list[float]:
    """Call a tool so many times; returns the seconds of each."""
    body, headers = target.request()
    left, seconds = calls, []

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            began = time.perf_counter()
            async with session.post(target.url, json=body, headers=headers) as answer:
                text = await answer.text()
            seconds.append(time.perf_counter() - began)
            assert answer.status == 200, text
            assert '"isError":true' not in text, text

    await asyncio.gather(*(caller() for _ in range(at_a_time)))
    return seconds


async def measure(found: list[Target], calls: int, rounds: int) -> dict[tuple[str, int], Took]:
    """Run all rounds, after one of a tenth of the calls that does not count."""
    took = {(target.name, at_a_time): Took() for target in found for at_a_time in AT_A_TIME}
    # Servers let go of connections that are idle for five seconds.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=2)) as session:
        for target in found:
            await call(session, target, max(calls // 10, 20), max(AT_A_TIME))
        for _ in range(rounds):
            cases = [(target, at_a_time) for target in found for at_a_time in AT_A_TIME]
            for target, at_a_time in random.sample(cases, len(cases)):
                before = process_cpu_s(target.pid)
                seconds = await call(session, target, calls, at_a_time)
                kept = took[target.name, at_a_time]
                kept.seconds += seconds
                kept.p50.append(statistics.median(seconds))
                kept.cpu.append((process_cpu_s(target.pid) - before) / calls)
    return took


def row(name: str, at_a_time: int, took: Took, bare: Took) -> list[str]:
    """Return milliseconds, with how many times the bare server's they are."""
    p50, p95 = statistics.median(took.seconds), statistics.quantiles(took.seconds, n=20)[-1]
    theirs = statistics.median(bare.seconds), statistics.quantiles(bare.seconds, n=20)[-1]
    cpu, their_cpu = statistics.median(took.cpu), statistics.median(bare.cpu)
    pairs = ((p50, theirs[0]), (p95, theirs[1]), (cpu, their_cpu))
    cells = [f"{number(mine * 1000)} ({number(mine / other)})" for mine, other in pairs]
    return [f"{name}, {at_a_time} at a time", *cells, number(min(took.p50) * 1000)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--tools", nargs="+", default=list(CHEAP), metavar="TOOL", help="of ours, without arguments")
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with TemporaryDirectory(prefix="overture-bench-") as folder, ExitStack() as stack:
        found = targets(stack, Path(folder), given.tools)
        took = asyncio.run(measure(found, given.calls, given.rounds))
    columns = ["tool", "p50, ms", "p95, ms", "processor, ms", "least p50 of a round"]
    report = Report("Tool calls over HTTP, in brackets times the bare SDK's", columns)
    report.rows = [row(*case, kept, took[BARE, case[1]]) for case, kept in took.items()]
    report.notes = [
        f"{given.rounds} rounds of {given.calls} calls; load {number(load)} to {number(os.getloadavg()[0])}"
    ]
    report.versions = package_versions(["overture-outreach", "mcp", "uvicorn", "starlette", "uvloop", "sqlalchemy"])
    report.measured = {f"{name}, {at}": [kept.p50, kept.cpu] for (name, at), kept in took.items()}
    report.show(given.json)


if __name__ == "__main__":
    main()
