"""A text argument arrives as the text that was sent, also where that text could be read as JSON."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_type_hints

import pytest
from mcp import Client
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from overture_core.settings import Settings
from overture_servers.registry import NAMES, creator
from overture_servers.runtime import Runtime
from overture_servers.scopes import Scope
from overture_servers.tooling import Ctx, OvertureServer, ToolSpec, answer

pytestmark = pytest.mark.anyio
TEXTS = ("[1]", ' [{"email": "a@b.example"}]', '{"a": 1}', "null", "true", "123", "1.5", '"quoted"', "plain")


class Said(BaseModel):
    """What a tool was given."""

    text: str | None
    saved: Any
    tags: list[str] | None


async def leads_repeat(
    ctx: Ctx,
    text: Annotated[str | None, Field(description="Any.")] = None,
    saved: dict[str, str] | str | None = None,
    tags: list[str] | None = None,
) -> Annotated[CallToolResult, Said]:
    """Repeat."""
    return answer(Said(text=text, saved=saved, tags=tags), "said")


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    opened = Runtime(settings)
    yield opened
    opened.close()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_text_arrives_as_it_is_and_a_list_or_an_object_may_come_as_text(
    runtime: Runtime, mode: Literal["auto", "legacy"]
) -> None:
    server = OvertureServer("leads", "Leads", "", [ToolSpec(leads_repeat, "Repeat", Scope.LEADS_READ)], runtime)

    async def said(**arguments: Any) -> dict[str, Any]:
        result = await client.call_tool("leads_repeat", arguments)
        assert isinstance(result, CallToolResult)
        assert isinstance(result.structured_content, dict), result.content
        return result.structured_content

    async with Client(server, mode=mode) as client:
        for text in TEXTS:
            assert (await said(text=text))["text"] == text
        for name in ("null", "[1]", "spring"):
            assert (await said(saved=name))["saved"] == name
        assert await said(saved='{"Mail": "email"}', tags='["a", "b"]') == {
            "text": None,
            "saved": {"Mail": "email"},
            "tags": ["a", "b"],
        }


def is_text(declared: Any) -> bool:
    """Say whether an argument takes any text, and nothing but text."""
    return declared in (str, str | None)


@pytest.mark.parametrize("name", NAMES)
async def test_no_tool_reads_a_text_as_json(runtime: Runtime, name: str) -> None:
    server: OvertureServer = creator(name)(runtime)
    seen = 0
    for listed in await server.list_tools():
        tool = server._tool_manager.get_tool(listed.name)
        assert tool is not None
        declared = get_type_hints(tool.fn)
        arguments = [each for each in inspect.signature(tool.fn).parameters if is_text(declared[each])]
        for argument in arguments:
            for text in TEXTS:
                assert tool.fn_metadata.pre_parse_json({argument: text}) == {argument: text}, (listed.name, argument)
                seen += 1
    assert seen
