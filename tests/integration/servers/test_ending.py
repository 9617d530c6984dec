"""What a server says when it is told to end and a call does not."""

from __future__ import annotations

import asyncio

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint
from starlette.types import Receive, Scope, Send
from uvicorn import Config

from overture_servers.http import connections

pytestmark = pytest.mark.anyio


async def test_a_call_that_is_cut_off_costs_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def endless(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        begun.set()
        await asyncio.Event().wait()

    config = Config(endless, port=0, log_level="warning", timeout_graceful_shutdown=0, **connections.OPTIONS)
    server = connections.Listening(config)
    serving = asyncio.create_task(server.serve())
    with anyio.fail_after(10):
        while not server.started:
            await checkpoint()
    host, port = server.servers[0].sockets[0].getsockname()
    async with httpx.AsyncClient(trust_env=False) as http:
        calling = asyncio.create_task(http.get(f"http://{host}:{port}/"))
        await begun.wait()
        server.should_exit = True
        with pytest.raises(httpx.RemoteProtocolError):
            await calling
    await serving
    said = [(each.getMessage(), each.exc_info) for each in caplog.records if each.name == "uvicorn.error"]
    assert said == [("Cancel 1 running task(s), timeout graceful shutdown exceeded", None)]
