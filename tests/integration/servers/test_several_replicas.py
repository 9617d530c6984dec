"""Two server processes behind a balancer: the answer to a question may reach the one that did not ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.server.request_state import InvalidRequestState
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, Implementation
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime
from overture_servers.sealing import StoredKeyCodec

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:8765"
TRUSTED = "desk"


class Balancer:
    """Gives each call of a tool to the next application in turn."""

    def __init__(self, apps: list[ASGIApp]) -> None:
        self.apps = apps
        self.served: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = len(self.served) % len(self.apps)
        self.served.append(turn)
        await self.apps[turn](scope, receive, send)


@asynccontextmanager
async def replicas(runtimes: list[Runtime]) -> AsyncIterator[Balancer]:
    apps = [create_app(runtime) for runtime in runtimes]
    async with AsyncExitStack() as stack:
        for app in apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        yield Balancer(list(apps))


async def yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"approve": True})


async def test_the_answer_is_understood_by_the_replica_that_did_not_ask(
    runtime: Runtime, make_desk: Any, settings: Settings, sqlite_store: Store
) -> None:
    desk = make_desk(runtime, "auto")
    await desk.filled()
    desk.trust(TRUSTED)
    plan = await desk.planned()
    other = Runtime(runtime.settings, Store(settings, sqlite_store.clock))
    async with replicas([runtime, other]) as balancer:
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(balancer), base_url=BASE)
        transport = streamable_http_client(f"{BASE}/messaging/mcp", http_client=http)
        info = Implementation(name=TRUSTED, version="1")
        async with http, Client(transport, client_info=info, elicitation_callback=yes) as client:
            before = len(balancer.served)
            result = await client.call_tool("messaging_launch_campaign", {"plan_id": plan["plan_id"]})
            assert set(balancer.served[before:]) == {0, 1}
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    assert result.structured_content["approved_via"] == "elicitation"


def test_a_process_with_another_secret_opens_nothing(settings: Settings) -> None:
    token = StoredKeyCodec(settings).seal(b"state")
    assert StoredKeyCodec(settings).unseal(token) == b"state"
    stranger = settings.model_copy(update={"secret_key": SecretStr("another")})
    with pytest.raises(InvalidRequestState):
        StoredKeyCodec(stranger).unseal(token)
