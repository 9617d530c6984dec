"""Many clients at once, while a campaign goes out: what a call takes, and whether sending goes on.

    uv run python -m bench.http_load --clients 100 --seconds 60

One `overture serve --http` on loopback, without authentication and with limits that nobody reaches, one
`overture worker`, and the sink in place of the provider. Clients are plain HTTP clients of one process, each with a
connection of its own, which call one of four reading tools after another as soon as the last answer is there. Without a
campaign first, then with one; the campaign counts as sent once the provider has all of its messages.
"""

from __future__ import annotations

import itertools
import os
import socket
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import anyio
from anyio import to_thread

from bench import stage
from bench.measuring import Report, SinkProcess, arguments, number, package_versions, running_sink
from bench.places import DATABASES, Place, child_environment, open_store, overture_workers, place, running, wait_for
from overture_core.messages.channels import Channel
from overture_core.settings import Settings

DEADLINE_S = 300.0
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("leads_search", {"limit": 5}),
    ("leads_list_segments", {}),
    ("messaging_list_campaigns", {}),
    ("messaging_list_templates", {}),
]
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-11-25",
}


@dataclass
class Load:
    """What clients saw: seconds of each call that worked, and what went wrong, counted. Memory is the server's."""

    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    before: int = 0
    after: int = 0
    sent: int | None = None
    sent_within: float | None = None

    def percentile(self, part: int) -> float:
        """Return the milliseconds within which so many per cent were answered."""
        return statistics.quantiles(self.taken, n=100)[part - 1] * 1000


async def one_client(url: str, start: int, until: float, load: Load) -> None:
    """Call the tools in turn until it is time to end."""
    async with aiohttp.ClientSession(headers=HEADERS, connector=aiohttp.TCPConnector(limit=1)) as session:
        for turn in itertools.count(start):
            if time.perf_counter() > until:
                return
            tool, given = CALLS[turn % len(CALLS)]
            body = {"jsonrpc": "2.0", "id": turn, "method": "tools/call", "params": {"name": tool, "arguments": given}}
            began = time.perf_counter()
            try:
                async with session.post(f"{url}/{tool.partition('_')[0]}/mcp", json=body) as answer:
                    text = await answer.text()
            except aiohttp.ClientError as error:
                load.errors[type(error).__name__] += 1
                continue
            if answer.status != 200 or '"isError":true' in text:
                load.errors[str(answer.status)] += 1
            else:
                load.taken.append(time.perf_counter() - began)


async def many_clients(url: str, clients: int, seconds: float) -> Load:
    """Let so many call at once for so long."""
    load = Load()
    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for start in range(clients):
            tasks.start_soon(one_client, url, start, began + seconds, load)
    load.seconds = time.perf_counter() - began
    return load


async def measure(url: str, pid: int, sink: SinkProcess, settings: Settings, given: Any) -> list[tuple[str, Load]]:
    """Return both loads: with nothing else to do, and with a campaign that is launched as it begins."""
    await many_clients(url, given.clients, min(2.0, given.seconds))  # connections, caches, compiled statements
    before = memory(pid)
    alone = await many_clients(url, given.clients, given.seconds)
    alone.before, alone.after = before, memory(pid)
    with open_store(settings) as store:
        plan = await to_thread.run_sync(stage.plan, store, Channel.EMAIL)
        sink.reset()
        found: list[float] = []

        async def send() -> None:
            began = time.time()
            await to_thread.run_sync(stage.launch, store, plan)

            def all_sent() -> float:
                return wait_for(
                    lambda: sink.counts()["recipients"] >= given.messages,
                    DEADLINE_S,
                    what="the campaign to be sent",
                    every_s=0.1,
                )

            found.append(await to_thread.run_sync(all_sent) - began)

        busy = Load()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            busy = await many_clients(url, given.clients, given.seconds)
            busy.before, busy.after = alone.after, memory(pid)
        busy.sent, busy.sent_within = sink.counts()["recipients"], found[0]
    return [("nothing else", alone), ("a campaign", busy)]


def run_case(at: Place, sink: SinkProcess, database: str, given: Any) -> list[tuple[str, Load]]:
    """Measure on a fresh database with leads, templates and segments in it."""
    settings = at.case(database, sandbox_url=sink.url)
    with open_store(settings) as store:
        stage.prepare(store)
        stage.add_leads(store, given.messages)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    limits = ("OVERTURE_RATE_LIMIT=1000000/minute", f"OVERTURE_HTTP_PORT={port}")
    command = [str(Path(sys.executable).with_name("overture")), "serve", "--http", "--port", str(port)]
    env, home = child_environment(settings, *limits), settings.data_dir
    with overture_workers(settings, 1), running(command, home / "server.log", env, ready="", cwd=home) as pid:
        wait_for(lambda: _listens(port), 60, what="the server to listen")
        return anyio.run(measure, f"http://127.0.0.1:{port}", pid, sink, settings, given)


def memory(pid: int) -> int:
    """Return the resident memory of a process in bytes, 0 where the system does not say."""
    statm = Path(f"/proc/{pid}/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--messages", type=int, default=20_000, help="of the campaign that is sent meanwhile")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    given = parser.parse_args()
    busy_before = os.getloadavg()[0]
    with place() as at, running_sink() as sink:
        rows = [
            (database, beside, load)
            for database in given.databases
            for beside, load in run_case(at, sink, database, given)
        ]
        versions = {
            **package_versions(["overture-outreach", "mcp", "uvicorn", "starlette", "limits"]),
            **at.server_versions(),
        }
    report = Report(
        f"{given.clients} clients for {given.seconds:.0f} s each time",
        ["database, beside", "calls a second", "p50 ms", "p95 ms", "p99 ms", "errors", "MiB before", "after", "sent"],
        versions=versions,
        notes=[f"Load of the machine before it began: {busy_before:.1f}."],
    )
    for database, beside, load in rows:
        sent = "" if load.sent_within is None else f"{load.sent:,} in {number(load.sent_within)} s"
        report.rows.append(
            [
                f"{database}, {beside}",
                number(len(load.taken) / load.seconds),
                *(number(load.percentile(part)) for part in (50, 95, 99)),
                ", ".join(f"{count} {name}" for name, count in load.errors.items()) or "0",
                number(load.before / 2**20),
                number(load.after / 2**20),
                sent,
            ]
        )
        report.measured[f"{database}, {beside}"] = {
            "calls": len(load.taken),
            "seconds": load.seconds,
            "errors": dict(load.errors),
            "memory": [load.before, load.after],
            "sent": load.sent,
            "sent_within_s": load.sent_within,
        }
    report.show(given.json)


if __name__ == "__main__":
    main()
