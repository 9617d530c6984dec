"""What is posted to an MCP endpoint and is no message that it takes: one JSON-RPC error of one sentence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
SERVED = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
BATCH = "Batches are not taken; send each JSON-RPC message as a body of its own."
NO_MESSAGE = (
    'The body is no JSON-RPC 2.0 message; send one object with "jsonrpc": "2.0", a "method", an "id" that is a string '
    'or a whole number, and "params" that are an object, if there are any.'
)


@pytest.fixture
async def http(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(runtime)
    transport = httpx.ASGITransport(app)
    base = "http://127.0.0.1:8765"
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


async def posted(http: httpx.AsyncClient, body: Any, version: str | None = "2025-11-25") -> httpx.Response:
    named = {"MCP-Protocol-Version": version, "Mcp-Method": "tools/list"} if version else {}
    return await http.post("/leads/mcp", content=json.dumps(body), headers=HEADERS | named)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], BATCH),
        ([LIST, LIST], BATCH),
        (1, NO_MESSAGE),
        (None, NO_MESSAGE),
        ({}, NO_MESSAGE),
        ({**LIST, "id": 1.5}, NO_MESSAGE),
        ({**LIST, "params": [1]}, NO_MESSAGE),
    ],
)
async def test_what_is_no_message_gets_one_sentence(http: httpx.AsyncClient, body: Any, sentence: str) -> None:
    for version in (None, "2025-11-25", "2026-07-28", "1999-01-01"):
        answer = await posted(http, body, version)
        assert answer.status_code == 400
        assert answer.json() == {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": sentence}}


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        (LIST, 7),
        ({"jsonrpc": "2.0", "method": "notifications/initialized"}, None),
        ({"jsonrpc": "2.0", "id": 1, "result": {}, "params": [1]}, None),
    ],
    ids=["request", "notification", "response"],
)
async def test_of_a_revision_that_is_not_served_those_served_are_named(
    http: httpx.AsyncClient, body: Any, request_id: int | None
) -> None:
    answer = await posted(http, body, "2030-01-01")
    sentence = f"There is no revision '2030-01-01' of MCP here; MCP-Protocol-Version may be {', '.join(SERVED)}."
    data = {"supported": SERVED, "requested": "2030-01-01"}
    assert answer.status_code == 400
    assert answer.json() == {
        "jsonrpc": "2.0",
        "id": request_id,
        "error": {"code": -32022, "message": sentence, "data": data},
    }


async def test_a_message_that_names_its_revision_hears_what_the_revision_says(http: httpx.AsyncClient) -> None:
    for named, code in (("2030-01-01", -32022), (SERVED[-1], -32020)):
        meta = {"io.modelcontextprotocol/protocolVersion": named, "io.modelcontextprotocol/clientCapabilities": {}}
        answer = await posted(http, {**LIST, "params": {"_meta": meta}}, "2030-01-01")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_every_revision_that_is_named_is_served(http: httpx.AsyncClient) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": SERVED[-1], "io.modelcontextprotocol/clientCapabilities": {}}
    asking = {**LIST, "params": {"_meta": meta}}
    answers = [await posted(http, asking if version == SERVED[-1] else LIST, version) for version in SERVED]
    assert [each.status_code for each in answers] == [200] * len(SERVED)
