"""A campaign goes out, and its webhooks come in, while clients that mean harm hold what they can of the servers."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

from tests.e2e.test_main_path import finish, prepare

HELD = 300
HEAD = b"POST /leads/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
BROKEN = [b"", b"{", b"[" * 100_000, b'{"jsonrpc":"2.0","id":1,"method":17}', b"\xff" * 1_000, b" " * (5 * 2**20)]


@pytest.mark.anyio
async def test_a_campaign_is_sent_and_answered_while_the_server_is_abused(start: Any) -> None:
    with start() as system, ExitStack() as stack:
        mcp = f"{system.http}/{{}}/mcp".format
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

        async def annoy() -> None:
            # From an address of its own: without tokens, calls of one address are limited together.
            elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
            async with httpx.AsyncClient(transport=elsewhere, trust_env=False, headers=headers) as http:
                while True:
                    for content in BROKEN:
                        answer = await http.post(mcp("messaging"), content=content)
                        assert 400 <= answer.status_code < 500

        async with Client(mcp("leads")) as leads, Client(mcp("messaging")) as messaging:
            plan = await prepare(leads, messaging)
            await anyio.to_thread.run_sync(system.overture, "approvals", "approve", plan["approval"]["id"])
            for _ in range(HELD):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", system.settings.http_port)))
                connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(annoy)
                found = await finish(messaging, plan)
                tasks.cancel_scope.cancel()
        assert (found["accepted"], system.summary()["accepted_twice"]) == (3, [])
