"""From one worker host to three, against a provider that takes its time.

    uv run python -m bench.hosts

The hosts are network namespaces of this machine, as in tests/hosts: PostgreSQL, Redis, the sandbox as the provider, and
one worker each on up to three more. The sandbox holds every answer back, as a provider across the internet does, so
that workers wait more than they compute. The clock runs from the call that launches until every row says `accepted`.
Each case has a fresh database; cases take turns. `busy` is the share of this machine's cores that anybody used.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import stage
from bench.measuring import Report, arguments, median, number, package_versions, program_version
from bench.places import open_store, wait_for
from overture_core.messages.channels import Channel
from overture_queue.embedded_guard import find_binary
from tests.faults.system import System
from tests.hosts.machines import HOSTS, WORKERS, Machines
from tests.hosts.network import Network, move_apart

DEADLINE_S = 300.0
# The sandbox's webhooks would be the servers' work, and none runs here: they come after the end.
NO_WEBHOOKS = ("--speed", "0.0001")


@dataclass(frozen=True, slots=True)
class Result:
    """One case: messages a second from the launch on, and the share of all cores that was busy."""

    rate: float
    busy: float


def run(machines: Machines, workers: int, messages: int, latency_s: float) -> Result:
    """Deliver a campaign of SMS with a number of worker hosts."""
    machines.start_anew()
    with open_store(machines.settings_here()) as store:
        stage.prepare(store)
        stage.add_leads(store, messages // 10, "warm-up")
        stage.add_leads(store, messages)
        warm_up, plan = (stage.plan(store, Channel.SMS, group) for group in ("warm-up", "main"))
        System(store.settings, Channel.SMS, messages, None).fault("slow", count=1_000_000, seconds=latency_s)
        with machines.workers(WORKERS[:workers]):
            stage.launch(store, warm_up)
            _wait(lambda: stage.accepted(store) >= messages // 10)
            before, began = _cores_s(), time.time()
            stage.launch(store, plan)
            ended = _wait(lambda: stage.accepted(store) >= messages // 10 + messages)
            used, had = (after - earlier for after, earlier in zip(_cores_s(), before, strict=True))
    return Result(messages / (ended - began), used / had)


def report(found: dict[int, list[Result]], messages: int, latency_s: float, wave: int, load: str) -> Report:
    """Return the table."""
    one = median([each.rate for each in found[min(found)]])
    rows = []
    for workers, results in sorted(found.items()):
        rates = [each.rate for each in results]
        spread = f"{number(min(rates))} to {number(max(rates))}"
        busy = f"{median([each.busy for each in results]):.0%}"
        rows.append([str(workers), number(median(rates)), spread, f"{median(rates) / one:.2f}", busy])
    rounds = len(next(iter(found.values())))
    return Report(
        title=f"SMS: {messages:,} messages, medians of {rounds} interleaved rounds, an answer takes {latency_s:g} s",
        columns=["worker hosts", "per s", "lowest to highest", "times one", "busy"],
        rows=rows,
        notes=[
            f"A worker has as many connections to providers as a wave has messages, {wave}: "
            f"at most {wave / latency_s:.0f} a second.",
            f"All hosts share this machine's cores. Its load before the first round was {load}.",
        ],
        measured={str(workers): [asdict(each) for each in results] for workers, results in found.items()},
        versions={
            **package_versions(["overture-outreach", "dramatiq", "redis", "sqlalchemy", "psycopg", "aiohttp"]),
            "valkey or redis": program_version(str(find_binary()[0]), "--version"),
        },
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--messages", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds that the provider takes to answer")
    parser.add_argument("--wave", type=int, default=10, help="OVERTURE_WAVE_SIZE")
    given = parser.parse_args()
    move_apart()
    for name in [name for name in os.environ if name.upper().startswith("OVERTURE_")]:
        del os.environ[name]
    os.environ.update(OVERTURE_SANDBOX_ONLY="1", NO_PROXY="*")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    found: dict[int, list[Result]] = defaultdict(list)
    folder = Path(tempfile.mkdtemp(prefix="overture-bench-hosts-"))
    machines = Machines(Network(HOSTS), folder, wave_size=given.wave, chunk_size=given.wave * 2)
    try:
        with machines.running(workers=(), servers=(), sandbox_args=NO_WEBHOOKS):
            for _ in range(given.rounds):
                for workers in range(1, len(WORKERS) + 1):
                    found[workers].append(run(machines, workers, given.messages, given.latency))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(found, given.messages, given.latency, given.wave, load).show(given.json)


def _wait(condition: Callable[[], bool]) -> float:
    return wait_for(condition, DEADLINE_S, what="all to be accepted", every_s=0.05)


def _cores_s() -> tuple[float, float]:
    """Return the seconds that this machine's cores were busy, and those that there were, in all."""
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    ticks = os.sysconf("SC_CLK_TCK")
    return (sum(fields) - idle) / ticks, sum(fields) / ticks


if __name__ == "__main__":
    main()
