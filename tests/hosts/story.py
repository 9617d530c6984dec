"""A campaign over several hosts while they are cut off in turn, and what is seen of it from outside meanwhile."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from sqlalchemy import func, select, text
from ulid import ULID

from overture_core.errors import DatabaseUnavailable
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.storage.schema import Lease, Message, Template
from overture_core.storage.store import Store
from tests.faults.system import System, wait_for
from tests.hosts.machines import PORT, SERVERS, WORKERS, Machines

LEASE_S = 12.0
SETTINGS = {
    "chunk_size": 10,
    "email_batch_size": 5,
    "wave_size": 5,
    "lease_s": LEASE_S,
    "provider_timeout_s": 2.0,
    # Bounces that the sandbox invents would pause the campaign.
    "health_least_messages": 1_000_000,
}
SLOW_S = 0.3  # of every request to the provider
# What is promised while a host is cut off, and after it is back, in seconds.
READY_WITHIN_S = 4.0
FREE_WITHIN_S = 20
CALL_WITHIN_S = 20.0
BACK_WITHIN_S = 45.0
REDIS_AWAY_S = 10.0
DATABASE_AWAY_S = 20.0
SCOPES = ("leads:read", "leads:write", "messaging:read", "messaging:write", "messaging:send")


class Broken(AssertionError):
    """Something that is promised while a host is cut off did not come about."""


@dataclass(slots=True)
class Cut:
    """What was seen of one cut, in seconds: how long it was, the slowest answers during it, until what the host had
    locked was free, and until all worked again.

    `sent` counts the messages that were accepted meanwhile.
    """

    host: str
    away: float = 0.0
    ready: float = 0.0
    call: float = 0.0
    locks: float = 0.0
    back: float = 0.0
    sent: int = 0
    said: str = ""


@dataclass(slots=True)
class Story:
    """One campaign of `size` messages. `seen` looks at its ledger and its inbox, whichever host is cut off."""

    machines: Machines
    size: int
    seen: System = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.seen = System(self.machines.settings_here(), Channel.EMAIL, self.size, None)

    # --- What people do ---

    def launch(self) -> None:
        """Import, plan, have a person approve it on one server's host, and launch, through the proxy."""
        made = self.machines.overture(SERVERS[0], "token", *(part for each in SCOPES for part in ("--scope", each)))
        self.token = made["token"]
        rows = "".join(f"lead{number}@northwind.example,Ada,US,2024-03-01,email\n" for number in range(self.size))
        file = f"E-mail,First name,Country,Last contact,Consent\n{rows}"
        self.call("leads", "leads_import_file", content=file)
        self.call("leads", "leads_save_segment", name="dormant", where="dormant_days >= 90")
        hello = {"name": "hello", "channel": "email", "subject": "Hello {{ first_name }}", "body": "Still interested?"}
        self.call("messaging", "messaging_save_template", **hello)
        spring: dict[str, Any] = {"name": "Spring", "segment": "dormant", "templates": {"email": "hello"}}
        plan = self.call("messaging", "messaging_plan_campaign", **spring)
        self.machines.overture(SERVERS[1], "approvals", "approve", plan["approval"]["id"])
        self.seen.fault("slow", seconds=SLOW_S)
        launched = self.call("messaging", "messaging_launch_campaign", plan_id=plan["plan_id"])
        _require(launched["queued"] == self.size, f"launched {launched['queued']} of {self.size}")

    def call(self, server: str, tool: str, *, host: str = "proxy", **arguments: Any) -> dict[str, Any]:
        """Call a tool at a host.

        Raises:
            Broken: it was refused, or did not answer.
        """
        return anyio.run(
            self._call, f"http://{self.machines.network.address(host)}:{PORT}/{server}/mcp", tool, arguments
        )

    async def _call(self, url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Host": self._public_host}
        try:
            async with (
                httpx2.AsyncClient(headers=headers, timeout=120) as http,
                Client(streamable_http_client(url, http_client=http)) as client,
            ):
                result = await client.call_tool(tool, arguments)
        except* (MCPError, httpx2.HTTPError, OSError) as errors:
            raise Broken(str(errors.exceptions[0])) from errors
        if not isinstance(result, CallToolResult) or result.is_error or result.structured_content is None:
            raise Broken(str(result))
        return dict(result.structured_content)

    @property
    def _public_host(self) -> str:
        return f"{self.machines.network.address('proxy')}:{PORT}"

    # --- The cuts ---

    def without_worker(self, host: str) -> Cut:
        """Cut a worker off while it sends, for longer than its lease; the others go on, and take what it held."""
        owner = self._owner(host)
        wait_for(lambda: self._leased(owner, State.SENDING), 30, f"{host} to send")
        with self._holding_a_row(host) as free, self._cut(host) as cut:
            cut.locks = free()
            wait_for(lambda: not self._leased(owner), LEASE_S + 15, f"the leases of {host} to be ended by others")
            self._everybody_ready(cut, degraded=False)
            self.status(cut)
        self._back(cut, self._work([host]))
        _require(cut.sent > 0, f"nobody sent while {host} was away")
        return cut

    def without_redis(self) -> Cut:
        """Cut Redis off: nothing new is sent, servers go on and say what is missing."""
        with self._cut("redis") as cut:
            self._everybody_ready(cut, degraded=True, seconds=REDIS_AWAY_S)
            self.status(cut)
        self._back(cut, self._work(WORKERS))
        return cut

    def without_database(self) -> Cut:
        """Cut PostgreSQL off while messages are in the air: servers say so, and nothing hangs for long."""
        wait_for(lambda: self.seen.states()[State.SENDING], 30, "messages in the air")
        with self._cut("database") as cut:
            end = time.monotonic() + DATABASE_AWAY_S
            while time.monotonic() < end:
                for host in SERVERS:
                    status, found = self._ready(cut, host)
                    _require(status == 503 and found["database"] != "ok", f"{host} says {status} {found}")
                    cut.said = str(found["database"])
                for host in ("proxy", *SERVERS):
                    self._refused(cut, host)
        self._back(cut, self._work(WORKERS))
        return cut

    @contextmanager
    def _holding_a_row(self, host: str) -> Iterator[Callable[[], float]]:
        """Have a transaction on a host lock a row. Yields a function that waits until it is free, and says how long."""
        row = select(Template.id).with_for_update()
        store = Store(self.machines.settings(host))

        def free() -> float:
            began = time.monotonic()
            try:
                with self.seen.store.begin("default", actor="hosts") as work:
                    work.session.execute(text(f"SET LOCAL lock_timeout = '{FREE_WITHIN_S} s'"))
                    work.session.execute(row)
            except DatabaseUnavailable as error:
                msg = f"{host} is cut off, and what it had locked was not free after {FREE_WITHIN_S} s"
                raise Broken(msg) from error
            return time.monotonic() - began

        try:
            with ExitStack() as held:
                with self.machines.network.inside(host):
                    work = held.enter_context(store.begin("default", actor="hosts"))
                    work.session.execute(row)
                yield free
        except DatabaseUnavailable:  # it learns that its transaction is over
            return
        finally:
            store.close()
        msg = f"{host} committed a transaction that the database had ended"
        raise Broken(msg)

    @contextmanager
    def _cut(self, host: str) -> Iterator[Cut]:
        cut, before, began = Cut(host), self.seen.accepted(), time.monotonic()
        self.machines.network.cut(host)
        try:
            yield cut
        finally:
            self.machines.network.heal(host)
        cut.away, cut.sent = time.monotonic() - began, self.seen.accepted() - before

    def _back(self, cut: Cut, works: Callable[[], object]) -> None:
        began = time.monotonic()
        wait_for(works, BACK_WITHIN_S, f"all to work again after {cut.host} was away", every_s=0.2)
        wait_for(self._all_ready, BACK_WITHIN_S, f"servers to be ready after {cut.host} was away", every_s=0.2)
        cut.back = time.monotonic() - began

    def _work(self, hosts: Sequence[str]) -> Callable[[], bool]:
        """Return a question: has each of these workers delivered a chunk that was claimed from now on?"""
        since = datetime.now(UTC)

        def delivered(line: dict[str, Any]) -> bool:
            return bool(line.get("accepted")) and ULID.from_str(line["chunk"].partition("_")[2]).datetime > since

        return lambda: all(any(map(delivered, self.machines.log(host))) for host in hosts)

    # --- What is seen ---

    def status(self, cut: Cut | None = None) -> dict[str, Any]:
        """Ask how the campaign stands, through the proxy, as often as there are replicas."""
        for _ in SERVERS:
            began = time.monotonic()
            found = self.call("messaging", "messaging_get_campaign", campaign="Spring")
            if cut is not None:
                self._within(cut, "call", time.monotonic() - began, CALL_WITHIN_S, "a tool call through the proxy")
        return found

    def _everybody_ready(self, cut: Cut, *, degraded: bool, seconds: float = 0.0) -> None:
        end = time.monotonic() + seconds
        while True:
            for host in SERVERS:
                status, found = self._ready(cut, host)
                _require(status == 200 and found["degraded"] is degraded, f"{host} says {status} {found}")
                cut.said = str(found["redis"])
            if time.monotonic() >= end:
                return

    def _all_ready(self) -> bool:
        return all(self._asked(host)[0] == 200 for host in SERVERS)

    def _ready(self, cut: Cut, host: str) -> tuple[int, dict[str, Any]]:
        began = time.monotonic()
        answer = self._asked(host)
        self._within(cut, "ready", time.monotonic() - began, READY_WITHIN_S, f"/ready of {host}")
        return answer

    def _asked(self, host: str) -> tuple[int, dict[str, Any]]:
        url = f"http://{self.machines.network.address(host)}:{PORT}/ready"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def _refused(self, cut: Cut, host: str) -> None:
        began = time.monotonic()
        try:
            found = self.call("messaging", "messaging_get_campaign", host=host, campaign="Spring")
        except Broken:
            self._within(cut, "call", time.monotonic() - began, CALL_WITHIN_S, f"a tool call at {host}")
        else:
            msg = f"{host} answered without its database: {found}"
            raise Broken(msg)

    def _within(self, cut: Cut, what: str, took: float, bound: float, whose: str) -> None:
        setattr(cut, what, max(getattr(cut, what), took))
        _require(took <= bound, f"{whose} took {took:.1f} s while {cut.host} was away; {bound:.0f} s are promised")

    def _owner(self, host: str) -> str:
        return next(str(line["owner"]) for line in self.machines.log(host) if line.get("event") == "worker_ready")

    def _leased(self, owner: str, state: State | None = None) -> int:
        """Count the messages that a worker holds, or those of a state."""
        held = select(func.count()).select_from(Lease).join(Message, Message.lease_token == Lease.token)
        held = held.where(Lease.owner == owner, *([Message.state == state] if state else []))
        with self.seen.store.look() as connection:
            return connection.scalar(held) or 0


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)
