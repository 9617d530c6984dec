"""Every tool names its scope, the server asks for it itself, and what a request has lost is not made up for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from mcp import Client, MCPError
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.types import CallToolResult, TextContent

from overture_core.errors import NotAllowed
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_servers.principal import Principal
from overture_servers.registry import NAMES, creator
from overture_servers.runtime import PrincipalRuntime, Runtime
from overture_servers.scopes import MEANING, READS, Scope, joined, of_server

pytestmark = pytest.mark.anyio


@pytest.fixture
def shared(settings: Settings, sqlite_store: Store) -> Iterator[Runtime]:
    opened = Runtime(settings, sqlite_store)
    yield opened
    opened.close()


@contextmanager
def asking(scopes: Sequence[str], workspace: str = "default") -> Iterator[None]:
    """Be somebody with a token of these scopes, as the gate makes it."""
    who = Principal(token="", client_id="desk", issuer="i", subject="ada", scopes=list(scopes), workspace=workspace)
    before = auth_context_var.set(AuthenticatedUser(who))
    yield
    auth_context_var.reset(before)


async def test_every_tool_wants_a_scope_of_its_own_server_and_only_reading_ones_the_one_that_reads(
    shared: Runtime,
) -> None:
    for name in NAMES:
        server = creator(name)(shared)
        for tool in await server.list_tools():
            scope = server.wanted("tools/call", {"name": tool.name})
            assert scope in of_server(name), tool.name
            assert tool.annotations is not None
            assert (scope is READS[name]) is bool(tool.annotations.read_only_hint), tool.name


def test_every_scope_is_explained_and_belongs_to_a_server() -> None:
    assert list(MEANING) == list(Scope)
    assert [scope for name in NAMES for scope in of_server(name)] == list(Scope)
    assert joined(["leads:write", "other", "leads:read", "leads:read"]) == "leads:read leads:write other"


@pytest.mark.parametrize("name", NAMES)
async def test_each_server_refuses_a_tool_without_its_scope_whatever_stands_before_it(
    shared: Runtime, name: str
) -> None:
    server = creator(name)(PrincipalRuntime(shared))
    tools = [tool.name for tool in await server.list_tools()]
    for tool in tools:
        scope = server.wanted("tools/call", {"name": tool})
        with asking([each for each in Scope if each != scope]):
            async with Client(server) as client:
                result = await client.call_tool(tool, {})
        assert isinstance(result, CallToolResult)
        (block,) = result.content
        assert isinstance(block, TextContent)
        assert block.text == f"The token lacks the scope {scope}; ask for one that has it.", tool


@pytest.mark.parametrize("name", NAMES)
async def test_each_server_refuses_resources_and_prompts_without_the_scope_that_reads(
    shared: Runtime, name: str
) -> None:
    server = creator(name)(PrincipalRuntime(shared))
    prompt = (await server.list_prompts())[0].name
    with asking([each for each in Scope if each != READS[name]]):
        async with Client(server) as client:
            with pytest.raises(MCPError, match=f"lacks the scope {READS[name]}"):
                await client.read_resource("leads://leads/x")
            with pytest.raises(MCPError, match=f"lacks the scope {READS[name]}"):
                await client.get_prompt(prompt, {})


async def test_what_lost_its_principal_works_in_no_workspace(shared: Runtime) -> None:
    """Not in the process's own either."""
    runtime = PrincipalRuntime(shared)
    for ask in (lambda: runtime.workspace, lambda: runtime.settings, lambda: runtime.require(Scope.LEADS_READ)):
        with pytest.raises(NotAllowed):
            ask()
    async with Client(creator("leads")(runtime)) as client:
        result = await client.call_tool("leads_list_segments", {})
    assert isinstance(result, CallToolResult)
    assert result.is_error


def test_a_runtime_works_in_the_principals_workspace(shared: Runtime) -> None:
    runtime = PrincipalRuntime(shared)
    with asking([], "another"):
        assert (runtime.workspace, runtime.settings.workspace) == ("another", "another")
    assert shared.workspace == "default"
