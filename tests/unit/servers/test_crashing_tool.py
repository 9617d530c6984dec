"""A tool that fails in a way nobody foresaw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from mcp import Client
from mcp.types import CallToolResult, TextContent

from overture_core.settings import Settings
from overture_servers.runtime import Runtime
from overture_servers.scopes import Scope
from overture_servers.tooling import Ctx, OvertureServer, ToolSpec

pytestmark = pytest.mark.anyio


async def leads_break(ctx: Ctx) -> None:
    """Break."""
    msg = "password=hunter2"
    raise ZeroDivisionError(msg)


@pytest.fixture
def server(settings: Settings) -> Iterator[OvertureServer]:
    runtime = Runtime(settings)
    yield OvertureServer("leads", "Leads", "", [ToolSpec(leads_break, "Break", Scope.LEADS_READ)], runtime)
    runtime.close()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_crash_is_a_plain_sentence_for_the_model_and_a_traceback_in_the_log(
    server: OvertureServer, mode: Literal["auto", "legacy"]
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with Client(server, mode=mode) as client:
            result = await client.call_tool("leads_break", {})
    assert isinstance(result, CallToolResult)
    assert result.is_error
    (block,) = result.content
    logged, called = logs
    assert block == TextContent(
        type="text",
        text="Something went wrong inside Overture; its log has the details under "
        f"{logged['reference']}. Look at what is there before you repeat the call.",
    )
    assert (logged["event"], logged["log_level"], logged["tool"]) == ("tool_crashed", "error", "leads_break")
    assert isinstance(logged["exc_info"], ZeroDivisionError)
    assert (called["event"], called["outcome"]) == ("tool_called", "refused")


async def test_an_unknown_tool_is_named(server: OvertureServer) -> None:
    async with Client(server) as client:
        result = await client.call_tool("leads_nothing", {})
    assert isinstance(result, CallToolResult)
    assert result.is_error
    assert [block.text for block in result.content if isinstance(block, TextContent)] == [
        "There is no tool 'leads_nothing'; there are leads_break."
    ]
