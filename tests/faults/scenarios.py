"""The faults. Each scenario does its harm to a system that sends; the judge speaks when it is quiet again.

The moments are found, not forced: the sandbox is made slow or silent, the ledger is watched, and the
blow falls when its rows show that the boundary is reached. No product code is changed for it.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis

from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_queue.embedded import EmbeddedRedis
from tests.faults.releases import newer_release_beside
from tests.faults.system import MOMENT_S, RestartablePostgreSQL, System, wait_for

BATCH = 5  # messages a request, as the settings of these scenarios say
HOUR_S = 3600.0
DISK_BYTES = 256 * 1024  # of any one file, while the disk is "full"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A harm to do, `rounds` times, and the system that it is done to."""

    name: str
    harm: Callable[[System, int], None]
    rounds: int = 1
    channel: Channel = Channel.EMAIL
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    webhooks: bool = True
    values: dict[str, Any] = field(default_factory=dict)


def after_claim(system: System, rounds: int) -> None:
    """Kill at the first sight of claimed rows: their jobs are queued, and nothing is marked yet."""
    system.fault("slow", seconds=0.05)
    system.start_workers()
    for _ in range(rounds):
        _kill_when(system, lambda: system.states()[State.CLAIMED])


def before_acceptance(system: System, rounds: int) -> None:
    """Kill while rows are marked `sending` and the provider has taken nothing of them."""
    _silenced(system, rounds, lambda: system.states()[State.SENDING], after_accept=False)


def after_acceptance(system: System, rounds: int) -> None:
    """Kill while the provider has taken messages, and its answer is not written down."""
    _silenced(system, rounds, system.in_the_air_but_taken, after_accept=True)


def after_write(system: System, rounds: int) -> None:
    """Kill just when an answer was written down."""
    system.fault("slow", seconds=0.1)
    system.start_workers()
    for _ in range(rounds):
        enough = system.accepted() + system.size // (2 * rounds)
        system.wait_accepted(enough)
        _kill(system)


def supervisor_killed(system: System, rounds: int) -> None:
    """Kill the supervisor alone, then with its workers; somebody starts it again."""
    system.fault("slow", seconds=0.1)
    system.start_workers()
    for number in range(rounds):
        enough = system.accepted() + system.size // (2 * rounds)
        system.wait_accepted(enough)
        system.kill_supervisor(children=number % 2 == 1)
        system.revive()


def redis_killed(system: System, rounds: int) -> None:
    """Kill Redis; its guardian or a restart brings back an empty one."""
    _with_redis(system, rounds, lambda client: os.kill(int(client.info("server")["process_id"]), signal.SIGKILL))


def redis_emptied(system: System, rounds: int) -> None:
    """Empty Redis again and again for a second, from the first claim on: queued jobs and fetched ones are gone."""

    def empty(client: redis.Redis) -> None:
        for _ in range(200):
            client.flushall()
            time.sleep(0.005)

    _with_redis(system, rounds, empty)


def redis_out_of_memory(system: System, rounds: int) -> None:
    """Redis refuses every write for some seconds."""

    def fill(client: redis.Redis) -> None:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        time.sleep(4)
        client.config_set("maxmemory", 0)

    _with_redis(system, rounds, fill)


def database_restarted(system: System, rounds: int) -> None:
    """PostgreSQL stops for two seconds, with every connection, while answers are on their way."""
    assert isinstance(system.database, RestartablePostgreSQL)
    system.fault("slow", seconds=0.1)
    system.start_workers()
    for number in range(rounds):
        enough = system.size * (number + 1) // (rounds + 2)
        system.wait_accepted(enough)
        system.database.restart(away_s=2.0)


def provider_trouble(system: System, rounds: int) -> None:
    """429, 500, a dropped and a hanging connection; the last three also after the message was taken."""
    system.start_workers()
    system.fault("slow", count=4, seconds=0.1)
    for _ in range(rounds):
        for kind, taken in _TROUBLES:
            # Longer than the time-out, except for a 429, which says when to come back.
            system.fault(kind, count=1, seconds=1.0 if kind == "429" else 4.0, after_accept=taken)
            system.fault("slow", count=3, seconds=0.1)


_TROUBLES = (
    ("429", False),
    ("500", False),
    ("500", True),
    ("drop", False),
    ("drop", True),
    ("hang", False),
    ("hang", True),
)


def clock_jumps(system: System, rounds: int) -> None:
    """Workers are killed and come back with a clock an hour ahead, back again, and ahead: leases lie in the
    past and in the future."""
    system.fault("slow", seconds=0.1)
    for offset in [0.0, HOUR_S, 0.0, -HOUR_S, 0.0][: 2 * rounds + 1]:
        system.start_workers(clock_offset_s=offset)
        if offset >= 0:
            enough = system.accepted() + system.size // (3 * rounds + 2)
            system.wait_accepted(enough, at_most_s=5.0)
        system.kill_supervisor(children=True)
        system.stop_workers()
    system.start_workers(clock_offset_s=HOUR_S + 60)


def disk_full(system: System, rounds: int) -> None:
    """No file of the workers may grow for some seconds: SQLite's writes fail in the middle of sending."""
    system.fault("slow", seconds=0.1)
    system.start_workers()
    for number in range(rounds):
        enough = system.size * (number + 1) // (rounds + 2)
        system.wait_accepted(enough)
        children = system.children()
        for pid in children:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (DISK_BYTES, resource.RLIM_INFINITY))
        time.sleep(4)
        for pid in children:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _kill_when(system: System, moment: Callable[[], object]) -> None:
    """Kill every worker at a moment."""
    system.children()
    wait_for(moment, MOMENT_S, "the moment to kill")
    _kill(system)


def _kill(system: System) -> None:
    """Kill every worker; return when its supervisor has ended what they held."""
    system.kill_children()
    wait_for(lambda: not system.states()[State.SENDING] + system.states()[State.CLAIMED], 30, "leases to be ended")


def _silenced(system: System, rounds: int, moment: Callable[[], object], *, after_accept: bool) -> None:
    """Let some requests through, silence the provider, kill; `rounds` times."""
    a_request = BATCH if system.channel is Channel.EMAIL else 1
    through = max(system.size // (2 * rounds * a_request), 1)
    for number in range(rounds):
        system.fault("slow", count=through, seconds=0.05)
        system.fault("hang", after_accept=after_accept)
        if not number:
            system.start_workers()
        # Not all of them: a request may hold less than a whole batch.
        system.wait_accepted(system.accepted() + through * a_request // 2)
        _kill_when(system, moment)
        system.no_faults()


def _with_redis(system: System, rounds: int, harm: Callable[[redis.Redis], object]) -> None:
    system.fault("slow", seconds=0.1)
    system.start_workers()
    for number in range(rounds):
        enough = system.size * (number + 1) // (rounds + 2)
        system.wait_accepted(enough)
        with EmbeddedRedis.acquire(system.settings.data_dir) as server, redis.Redis.from_url(server.url) as client:
            harm(client)


SCENARIOS = (
    Scenario("killed after the claim", after_claim, rounds=4),
    Scenario("killed before acceptance", before_acceptance, rounds=4),
    Scenario("killed after acceptance", after_acceptance, rounds=4),
    Scenario("killed after the write", after_write, rounds=4),
    Scenario("killed, SMS", after_write, rounds=3, channel=Channel.SMS),
    Scenario(
        "killed, SMS, no webhooks",
        after_acceptance,
        rounds=2,
        channel=Channel.SMS,
        databases=("postgresql",),
        webhooks=False,
    ),
    Scenario("supervisor killed", supervisor_killed, rounds=4),
    Scenario("Redis killed", redis_killed, rounds=3, databases=("sqlite",)),
    Scenario("Redis emptied", redis_emptied, rounds=3, databases=("postgresql",)),
    Scenario("Redis out of memory", redis_out_of_memory, rounds=2, databases=("sqlite",)),
    Scenario("database restarted", database_restarted, rounds=3, databases=("postgresql",)),
    Scenario("provider in trouble", provider_trouble, databases=("sqlite",)),
    Scenario("clock jumps", clock_jumps, rounds=2, databases=("sqlite",)),
    Scenario("newer release beside", newer_release_beside, databases=("postgresql",)),
    Scenario("disk full", disk_full, rounds=2, databases=("sqlite",)),
)
