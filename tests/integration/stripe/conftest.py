"""The Stripe server on a real store, before a real sandbox process or somebody else's fake of Stripe."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult, Implementation, TextContent
from pydantic import SecretStr

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.clock import ManualClock
from overture_core.payments import prices
from overture_core.settings import Settings
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store
from overture_core.workspaces import service as workspaces
from overture_providers.stripe.client import StripeAccount, opened
from overture_servers.runtime import Runtime
from overture_servers.stripe import server
from tests.node_tools import installed, node
from tests.sandbox_process import running_sandbox

Mode = Literal["auto", "legacy"]
WORKSPACE = "default"
LEAD = "lead_ada"
MOCK = "stripe-stateful-mock@0.0.16"


@dataclass
class Shop:
    """A workspace with a lead, its Stripe account, and clients of the Stripe server."""

    runtime: Runtime
    mode: Mode = "auto"

    @property
    def store(self) -> Store:
        return self.runtime.store

    @property
    def url(self) -> str:
        return self.runtime.settings.sandbox_url

    @contextmanager
    def account(self) -> Iterator[StripeAccount]:
        with opened(self.runtime.settings) as account:
            yield account

    def client(self, *, name: str = "desk", ask: Any = None) -> Client:
        info = Implementation(name=name, version="1")
        return Client(server.create(self.runtime), mode=self.mode, client_info=info, elicitation_callback=ask)

    async def result(self, tool: str, **arguments: Any) -> CallToolResult:
        async with self.client() as client:
            result = await client.call_tool(tool, arguments)
            assert isinstance(result, CallToolResult)
            return result

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that works and return its structured result."""
        result = await self.result(tool, **arguments)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        return dict(result.structured_content)

    async def text(self, tool: str, *, fails: bool = False, **arguments: Any) -> str:
        """Call a tool and return what it says."""
        result = await self.result(tool, **arguments)
        (block,) = result.content
        assert isinstance(block, TextContent)
        assert result.is_error is fails, block.text
        return block.text

    async def refused(self, tool: str, **arguments: Any) -> str:
        return await self.text(tool, fails=True, **arguments)

    def approve(self, approval_id: str) -> None:
        """Approve as a person at the command line does."""
        with self.store.begin(WORKSPACE, actor="cli:ada") as work:
            approvals.decide(work, approval_id, approve=True, by="ada", via=Via.CLI)

    async def approved(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool whose operation needs a person, approve it, run it; returns what was made."""
        asked = await self.call(tool, **arguments)
        assert (asked["state"], asked["result"]) == ("waiting", None), asked
        self.approve(asked["approval_id"])
        done = await self.call("stripe_run_approved", operation_id=asked["id"])
        assert (done["state"], done["error"]) == ("done", None)
        return dict(done["result"])

    def trust(self, *names: str) -> None:
        with self.store.begin(WORKSPACE, actor="test") as work:
            workspaces.get(work).trusted_clients = list(names)

    def price(self, amount: int = 4900, *, currency: str = "usd", allowed: bool = True, **more: Any) -> str:
        """Make a price at Stripe; returns its id."""
        with self.account() as account:
            product = account.write(
                f"product-{amount}-{currency}-{more}", lambda c, o: c.v1.products.create({"name": "Revival call"}, o)
            )
            params = {"product": product.id, "unit_amount": amount, "currency": currency, **more}
            made = account.write(f"price-{params}"[:255], lambda c, o: c.v1.prices.create(params, o))
            sandbox = account.endpoint.sandbox
        if allowed:
            with self.store.begin(WORKSPACE, actor="cli:ada") as work:
                prices.allow(
                    work,
                    made.id,
                    product=product.name,
                    amount=amount,
                    currency=currency.upper(),
                    interval=more.get("recurring", {}).get("interval"),
                    sandbox=sandbox,
                )
        return str(made.id)

    def pay(self, id_: str, **more: Any) -> dict[str, Any]:
        """Pay at the sandbox, as a customer does."""
        answer = httpx.post(f"{self.url}/sandbox/stripe/pay", json={"id": id_, **more}, trust_env=False)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def fail(self, **fault: Any) -> None:
        """Order a fault of the sandbox's."""
        httpx.post(f"{self.url}/sandbox/faults", json=fault, trust_env=False).raise_for_status()

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """What the sandbox has of a kind."""
        found = httpx.get(f"{self.url}/sandbox/stripe.json", trust_env=False).json()["objects"]
        return [each for each in found if each["kind"] == kind]


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """The protocol era: 2026-07-28, then 2025-11-25."""
    found: Mode = request.param
    return found


@pytest.fixture
def make_shop(settings: Settings, clock: ManualClock, sqlite_store: Store) -> Iterator[Callable[..., Shop]]:
    """Makes a shop with one lead; keywords are settings."""
    with sqlite_store.begin(WORKSPACE, actor="test") as work:
        at = work.now()
        work.session.add(
            Lead(
                id=LEAD,
                workspace_id=WORKSPACE,
                first_name="Ada",
                last_name="Moss",
                email="ada@northwind.example",
                created_at=at,
                updated_at=at,
            )
        )
    made: list[Store] = []

    def make(mode: Mode = "auto", **more: Any) -> Shop:
        configured = Settings.model_validate({**settings.model_dump(), **more})
        made.append(Store(configured, clock))
        return Shop(Runtime(configured, made[-1]), mode)

    yield make
    for store in made:
        store.close()


@pytest.fixture
def shop(settings: Settings, make_shop: Callable[..., Shop], warm_programs: Path) -> Iterator[Shop]:
    """A shop before the sandbox."""
    with running_sandbox(settings.data_dir, program=[str(warm_programs / "sandbox")]) as url:
        yield make_shop(sandbox_url=url)


# --- Fakes that others wrote, as processes of their own ---


@pytest.fixture
def localstripe_shop(make_shop: Callable[..., Shop], tmp_path: Path, wait_for: Any) -> Iterator[Shop]:
    """A shop before localstripe (GPLv3, so it is started and never imported)."""
    port = free_port()
    command = [Path(sys.executable).with_name("localstripe"), "--port", str(port), "--from-scratch"]
    with process(command, tmp_path, {"TMPDIR": str(tmp_path)}, port, wait_for):
        yield make_shop(**real(port))


@pytest.fixture
def mock_shop(make_shop: Callable[..., Shop], tmp_path: Path, wait_for: Any) -> Iterator[Shop]:
    """A shop before stripe-stateful-mock."""
    entry = installed(MOCK) / "dist" / "cli.js"
    port = free_port()
    with process([node(), str(entry)], tmp_path, {"PORT": str(port), "LOG_LEVEL": "silent"}, port, wait_for):
        yield make_shop(**real(port))


def real(port: int) -> dict[str, Any]:
    """Settings with which we believe a fake to be Stripe."""
    return {
        "sandbox_only": False,
        "stripe_api_key": SecretStr("sk_test_12345"),
        "stripe_base_url": f"http://127.0.0.1:{port}",
    }


@contextmanager
def process(command: list[Any], folder: Path, environment: dict[str, str], port: int, wait_for: Any) -> Iterator[None]:
    """A process that listens at a port."""
    with (folder / "fake.log").open("wb") as log:
        started = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        wait_for(lambda: started.poll() is not None or listens(port))
        assert started.poll() is None, (folder / "fake.log").read_text()
        yield
    finally:
        started.kill()
        started.wait(timeout=15)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
