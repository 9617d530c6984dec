"""What a tool call of the crew costs, beside a call by the bare SDK's client of the same kind of server.

    uv run python -m bench.crew_call
    uv run python -m bench.crew_call --others

A crew's call is what an agent gets: a CrewAI tool, its call through the crew's sessions, and the result as JSON. The
server has two tools that return their text; one says that it only reads. Before a write the crew asks a session that
was silent for a while for a sign of life: `after silence` does so before every call. A round gives each case a few
calls, one after another, in a shuffled order; HTTP has one server process, stdio one for each client.

`--others` adds what CrewAI brings itself, `mcps=` and the adapter of crewai-tools, each in an environment of its own
with the MCP SDK 1.x that they ask for, which uv builds and which takes a download. `mcps=` opens a session for each
call, over stdio a process too, so that it gets one call in every tenth round.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters

from bench.crew_server import READ, WRITE
from bench.http_call import free_port, running
from bench.measuring import ROOT, Report, arguments, environment, number, package_versions
from overture_crew import engine
from overture_crew.client import McpSessions
from overture_crew.sessions import HttpServer, Server, StdioServer

SERVER = ("-m", "bench.crew_server")
TEXT = {"text": "hello"}
BARE = "bare SDK"
OTHERS = {
    "mcps": ("crewai, mcps=", ["crewai=={crewai}", "mcp<2"]),
    "adapter": ("crewai-tools, MCPServerAdapter", ["crewai-tools[mcp]=={crewai}", "mcp<2"]),
}

Calls = Callable[[int], list[float]]
"""Makes so many calls and returns the seconds of each."""


@dataclass(slots=True)
class Case:
    """One way to call one tool; a slow one gets fewer calls."""

    name: str
    transport: str
    tool: str
    calls: Calls
    slow: bool = False
    seconds: list[float] = field(default_factory=list)


def bare(portal: BlockingPortal, client: Client, tool: str) -> Calls:
    """Calls by the SDK's client, timed on its own event loop."""

    async def some(calls: int) -> list[float]:
        seconds = []
        for _ in range(calls):
            began = time.perf_counter()
            result = await client.call_tool(tool, TEXT)
            seconds.append(time.perf_counter() - began)
            assert result.structured_content == {"result": "hello"}, result
        return seconds

    return partial(portal.call, some)


def crews(sessions: McpSessions, transport: str, tool: str) -> Calls:
    """Calls as an agent makes them."""
    from overture_crew.tools import tools_for

    (found,) = tools_for(sessions, transport, [tool], on_error=print, on_call=lambda _text: None)

    def some(calls: int) -> list[float]:
        seconds = []
        for _ in range(calls):
            began = time.perf_counter()
            answer = found._run(**TEXT)
            seconds.append(time.perf_counter() - began)
            assert answer == '{"result": "hello"}', answer
        return seconds

    return some


@contextmanager
def others(way: str, transport: str, where: list[str], log: Path) -> Iterator[tuple[Calls, dict[str, str]]]:
    """Run one of CrewAI's own ways in its environment; yields its calls, and its versions and why it fails, if so."""
    _, wanted = OTHERS[way]
    packages = [part for each in wanted for part in ("--with", each.format(crewai=version("crewai")))]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    script = ["python", "-P", str(ROOT / "bench" / "crew_others.py"), way, transport, READ, *where]
    told = environment(
        CREWAI_DISABLE_TELEMETRY="true",
        CREWAI_TRACING_ENABLED="false",
        CREWAI_DISABLE_VERSION_CHECK="true",
        CREWAI_STORAGE_DIR=str(log.parent),
        OPENAI_API_KEY="none",
    )
    with log.open("w") as lines:
        process = subprocess.Popen(
            ["uv", "run", "--no-project", "--isolated", "--python", python, *packages, *script],
            cwd=ROOT,
            env=told,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=lines,
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, answered = process.stdin, process.stdout

    def answer() -> str:
        line = answered.readline()
        assert line, log.read_text()
        return line

    def some(calls: int) -> list[float]:
        print(calls, file=asked, flush=True)
        seconds: list[float] = json.loads(answer())
        return seconds

    try:
        yield some, json.loads(answer())
    finally:
        asked.close()
        process.wait(timeout=60)
        answered.close()


def cases(stack: ExitStack, folder: Path, report: Report, *, with_others: bool) -> list[Case]:
    """Start the servers and return what to measure; the report gets the others' versions, and which of them fail."""
    port = free_port()
    stack.enter_context(running(["bench.crew_server"], port, environment(), folder / "server.log"))
    url = f"http://127.0.0.1:{port}/echo/mcp"
    servers: dict[str, Server] = {"stdio": StdioServer(sys.executable, SERVER, cwd=ROOT), "http": HttpServer(url)}
    child = StdioServerParameters(command=sys.executable, args=list(SERVER), cwd=ROOT)
    sessions = stack.enter_context(McpSessions(servers))
    silent = stack.enter_context(McpSessions(servers, idle_s=0))
    portal = stack.enter_context(start_blocking_portal())
    found = []
    for transport in servers:
        opened = Client(url) if transport == "http" else Client(child)
        client = stack.enter_context(portal.wrap_async_context_manager(opened))
        for tool in (READ, WRITE):
            found.append(Case(BARE, transport, tool, bare(portal, client, tool)))
            found.append(Case("the crew", transport, tool, crews(sessions, transport, tool)))
        found.append(Case("the crew, after silence", transport, WRITE, crews(silent, transport, WRITE)))
        where = [url] if transport == "http" else [sys.executable, *SERVER]
        for way, (name, _) in OTHERS.items() if with_others else ():
            log = folder / f"{way}-{transport}.log"
            calls, about = stack.enter_context(others(way, transport, where, log))
            report.versions[f"{name} with mcp"] = about["mcp"]
            if "fails" in about:
                report.notes.append(f"{transport}: {name} fails at every call: {about['fails']}")
            else:
                found.append(Case(name, transport, READ, calls, slow=way == "mcps"))
    return found


def measure(found: list[Case], calls: int, rounds: int) -> None:
    """Run all rounds, after one that does not count."""
    for case in found:
        case.calls(1 if case.slow else calls)
    for each in range(rounds):
        for case in random.sample(found, len(found)):
            if not case.slow:
                case.seconds += case.calls(calls)
            elif each % 10 == 0:
                case.seconds += case.calls(1)


def row(case: Case, against: Case) -> list[str]:
    """Return milliseconds, and how many times the bare client's they are."""
    quartiles = statistics.quantiles(case.seconds, n=20)
    p50, theirs = statistics.median(case.seconds), statistics.median(against.seconds)
    times = number(p50 / theirs)
    return [f"{case.transport}, {case.tool}: {case.name}", times, number(p50 * 1000), number(quartiles[-1] * 1000)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=5, help="of each case in a round")
    parser.add_argument("--rounds", type=int, default=160)
    parser.add_argument("--others", action="store_true", help="CrewAI's own ways too; downloads their packages")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    report = Report("A crew's tool call", ["case", "times bare SDK", "p50, ms", "p95, ms"])
    report.versions = package_versions(["overture-outreach", "mcp", "crewai", "anyio", "httpx2"])
    with TemporaryDirectory(prefix="overture-bench-") as folder, ExitStack() as stack:
        engine.prepare(Path(folder))
        found = cases(stack, Path(folder), report, with_others=given.others)
        measure(found, given.calls, given.rounds)
    against = {(case.transport, case.tool): case for case in found if case.name == BARE}
    report.rows = [row(case, against[case.transport, case.tool]) for case in found]
    loads = f"load {number(load)} to {number(os.getloadavg()[0])}"
    report.notes.append(f"{given.rounds} rounds of {given.calls} calls; {loads}")
    report.measured = {f"{case.transport}, {case.tool}: {case.name}": case.seconds for case in found}
    report.show(given.json)


if __name__ == "__main__":
    main()
