"""How long a server takes from being started to its first answers over stdio, beside a one-tool server on the bare SDK.

    uv run python -m bench.startup

Each round starts every server once, in a shuffled order, with compiled bytecode and a database that is there. Times run
from the start of the process to the answer of the handshake (`server/discover`, or `initialize` in the era before), of
`tools/list` and of a first call of a tool; one request follows the other's answer. Processor seconds are all that the
process used until it ended. The first start of each server is not counted: it compiles, and our servers keep what
they answered it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.measuring import ROOT, Report, arguments, environment, median, number, package_versions

BARE = "bare SDK"
ERAS = ("2026-07-28", "2025-11-25")
CHEAP: dict[str, tuple[str, dict[str, str]]] = {
    BARE: ("echo", {"text": "hello"}),
    "leads": ("leads_list_segments", {}),
    "messaging": ("messaging_list_templates", {}),
    "linkedin": ("linkedin_get_capabilities", {}),
    "stripe": ("stripe_report_revenue", {}),
}


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds from it to each answer, and the processor seconds of the whole process."""

    handshake: float
    listed: float
    called: float
    cpu: float


def requests(era: str, server: str) -> list[list[dict[str, Any]]]:
    """Return what a client of an era sends up to each of the three answers."""
    tool, given = CHEAP[server]
    who = {"name": "bench", "version": "1"}
    if era == "2025-11-25":
        about: dict[str, Any] = {}
        hello = _request(1, "initialize", {"protocolVersion": era, "capabilities": {}, "clientInfo": who})
        before: list[dict[str, Any]] = [{"jsonrpc": "2.0", "method": "notifications/initialized"}]
    else:
        prefix = "io.modelcontextprotocol"
        envelope = {f"{prefix}/protocolVersion": era, f"{prefix}/clientInfo": who, f"{prefix}/clientCapabilities": {}}
        about = {"_meta": envelope}
        hello, before = _request(1, "server/discover", about), []
    call = _request(3, "tools/call", {"name": tool, "arguments": given, **about})
    return [[hello], [*before, _request(2, "tools/list", about)], [call]]


def _request(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def command(server: str) -> list[str]:
    """Return what starts a server."""
    module = ["bench.echo"] if server == BARE else ["overture_cli", "serve", server]
    return [sys.executable, "-m", *module]


def start(server: str, era: str, data: Path) -> Start:
    """Start a server, ask it three things, and end it."""
    told = environment(OVERTURE_DATA_DIR=str(data))
    told.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    began = time.perf_counter()
    process = subprocess.Popen(
        command(server), cwd=ROOT, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for group in requests(era, server):
        process.stdin.write(b"".join(json.dumps(each).encode() + b"\n" for each in group))
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        times.append(time.perf_counter() - began)
        assert "result" in answer, answer
        assert not answer["result"].get("isError"), answer
    process.stdin.close()
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    handshake, listed, called = times
    return Start(handshake, listed, called, used.ru_utime + used.ru_stime)


def row(server: str, era: str, starts: Sequence[Start], bare: Sequence[Start]) -> list[str]:
    """Return medians, with how many times the bare server's they are."""
    cells = []
    for field in ("handshake", "listed", "called", "cpu"):
        mine, theirs = (median([getattr(each, field) for each in of]) for of in (starts, bare))
        scale = 1 if field == "cpu" else 1000
        cells.append(f"{number(mine * scale)} ({number(mine / theirs)})")
    least = min(each.handshake for each in starts) * 1000
    return [f"{server}, {era}", *cells, number(least)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--servers", nargs="+", choices=list(CHEAP), default=list(CHEAP))
    parser.add_argument("--eras", nargs="+", choices=ERAS, default=list(ERAS))
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    servers = list(dict.fromkeys([BARE, *given.servers]))
    cases = [(server, era) for server in servers for era in given.eras]
    found: dict[tuple[str, str], list[Start]] = {case: [] for case in cases}
    loads = []
    with TemporaryDirectory(prefix="overture-bench-") as folder:
        for case in cases:
            start(*case, Path(folder))
        for _ in range(given.rounds):
            loads.append(os.getloadavg()[0])
            for case in random.sample(cases, len(cases)):
                found[case].append(start(*case, Path(folder)))
    columns = ["server, era", "handshake, ms", "tools/list, ms", "first call, ms", "processor, s", "least handshake"]
    report = Report("Start over stdio: medians, in brackets times the bare SDK's", columns)
    report.rows = [row(*case, found[case], found[BARE, case[1]]) for case in cases]
    report.notes = [f"{given.rounds} rounds; load {number(min(loads))} to {number(max(loads))}"]
    report.versions = package_versions(["overture-outreach", "mcp", "pydantic", "sqlalchemy"])
    report.measured = {
        f"{server}, {era}": [[each.handshake, each.listed, each.called, each.cpu] for each in starts]
        for (server, era), starts in found.items()
    }
    report.show(given.json)


if __name__ == "__main__":
    main()
