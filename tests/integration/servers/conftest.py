"""Servers on a real store and a real Redis, spoken to by real clients in memory, in both protocol eras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.types import CallToolResult, Implementation, TextContent

from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.workspaces import service as workspaces
from overture_queue.broker import RedisHandle
from overture_servers.leads import server as leads
from overture_servers.messaging import server as messaging
from overture_servers.runtime import Runtime
from tests.dashboard_scene import SHOWS_APPS

Mode = Literal["auto", "legacy"]
TRUSTED = "desk"
FILE = """First Name,Last Name,E-mail,Phone,Company,Country,Last Contact,Consent
Ada,Moss,ada@northwind.example,+1 212 555 0101,Northwind,US,2024-03-01,email
Bob,Reed,bob@fabrikam.example,,Fabrikam,US,2024-03-01,email
Dan,Hill,dan@contoso.example,,Contoso,DE,2024-03-01,
Eve,Lund,not an address,,Contoso,US,2024-03-01,email
"""


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """The protocol era: 2026-07-28, then 2025-11-25."""
    found: Mode = request.param
    return found


@pytest.fixture
def runtime(settings: Settings, sqlite_store: Store, redis_handle: RedisHandle) -> Iterator[Runtime]:
    """What the servers run on."""
    opened = Runtime(settings.model_copy(update={"redis_url": redis_handle.url}), sqlite_store)
    yield opened
    opened.close()


@dataclass
class Desk:
    """Clients of both servers on one runtime."""

    runtime: Runtime
    mode: Mode

    def leads(self) -> Client:
        return Client(leads.create(self.runtime), mode=self.mode)

    def messaging(self, *, name: str = TRUSTED, ask: ElicitationFnT | None = None, shows: bool = False) -> Client:
        """A client; `shows` is whether its host knows MCP Apps."""
        return Client(
            messaging.create(self.runtime),
            mode=self.mode,
            client_info=Implementation(name=name, version="1"),
            elicitation_callback=ask,
            extensions=[SHOWS_APPS] if shows else [],
        )

    async def call(self, client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that works and return its structured result."""
        result = await client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        assert not result.is_error, result.content
        structured: dict[str, Any] | None = result.structured_content
        assert structured is not None
        return structured

    async def text(self, client: Client, tool: str, *, fails: bool = False, **arguments: Any) -> str:
        """Call a tool and return what it says."""
        result = await client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        (block,) = result.content
        assert isinstance(block, TextContent)
        assert result.is_error is fails, block.text
        return block.text

    async def refused(self, client: Client, tool: str, **arguments: Any) -> str:
        """Call a tool that fails and return its error's text."""
        return await self.text(client, tool, fails=True, **arguments)

    async def filled(self) -> None:
        """Import leads, save the segment `dormant` and the templates `hello` and `hello-sms`."""
        async with self.leads() as client:
            report = await self.call(client, "leads_import_file", content=FILE)
            assert (report["created"], report["rejected"]) == (3, 1)
            await self.call(client, "leads_save_segment", name="dormant", where="dormant_days >= 90")
        async with self.messaging() as client:
            text = {"subject": "Hello {{ first_name }}", "body": "Hi {{ first_name }}, still interested?"}
            await self.call(client, "messaging_save_template", name="hello", channel="email", **text)
            await self.call(
                client, "messaging_save_template", name="hello-sms", channel="sms", body="Hi {{ first_name }}!"
            )

    async def planned(self, name: str = "Spring") -> dict[str, Any]:
        """Plan a campaign for the segment."""
        async with self.messaging() as client:
            return await self.call(
                client, "messaging_plan_campaign", name=name, segment="dormant", templates={"email": "hello"}
            )

    def trust(self, *names: str) -> None:
        """Name the clients whose elicitation the workspace trusts."""
        with self.runtime.store.begin("default", actor="test") as work:
            workspaces.get(work).trusted_clients = list(names)


@pytest.fixture
def desk(runtime: Runtime, mode: Mode) -> Desk:
    return Desk(runtime, mode)


@pytest.fixture
def make_desk() -> Callable[[Runtime, Mode], Desk]:
    return Desk
