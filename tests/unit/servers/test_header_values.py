"""What stands around a header's value is no part of it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from overture_servers.http.headers import TrimmedHeaders

pytestmark = pytest.mark.anyio


async def seen_through(scope: dict[str, Any]) -> Any:
    found = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.append(scope)

    async def receive() -> Message:
        return {}

    async def send(_message: Message) -> None:
        return None

    await TrimmedHeaders(app)(scope, receive, send)
    return found


async def test_white_space_around_a_value_is_taken_off_and_within_it_kept() -> None:
    headers = [(b"mcp-name", b" \tleads_search \t"), (b"user-agent", b"a  b"), (b"empty", b"")]
    (seen,) = await seen_through({"type": "http", "headers": headers})
    assert seen["headers"] == [(b"mcp-name", b"leads_search"), (b"user-agent", b"a  b"), (b"empty", b"")]


async def test_what_is_no_request_goes_through_as_it_is() -> None:
    assert await seen_through({"type": "lifespan"}) == [{"type": "lifespan"}]
