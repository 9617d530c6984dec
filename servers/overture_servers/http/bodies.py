"""Bodies of requests: how much may come, in what time, and what an MCP request asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overture_servers.http.answers import refusal
from overture_servers.http.messages import VERSION_HEADER, refused

_ASKED = "overture.asked"
_ONE_END = "A body has a length or comes in chunks; say one of them, not both."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a JSON-RPC request asks for. `params` are None where they are no object."""

    method: str
    params: Mapping[str, Any] | None

    @property
    def tool(self) -> str | None:
        """The tool that is called, if one is."""
        return str((self.params or {}).get("name")) if self.method == "tools/call" else None


def asked(scope: Scope) -> Asked | None:
    """Return what a request that came through `WholeBody` asks for; None where it is no JSON-RPC request.

    The SDK says what is wrong with such a one.
    """
    found: Asked | None = scope.get(_ASKED)
    return found


async def read_body(request: Request, most: int) -> bytes:
    """Read the body, at most `most` bytes of it, whether or not its length was said before.

    Raises:
        HTTPException: 413, it has more; 400, the client left before its end.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise HTTPException(413)
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise HTTPException(413)
            pieces.append(piece)
    except ClientDisconnect as error:
        raise HTTPException(400, "The request ended before its body did.") from error
    return b"".join(pieces)


class WholeBody:
    """Reads what is posted, as a whole and as JSON once, for everything behind it. What is no MCP message ends here."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await read_body(request, self._most)
        try:
            posted = from_json(body)
        except ValueError:
            posted = None  # the SDK says where it stops being JSON
        else:
            answer = refused(posted, request.headers.get(VERSION_HEADER))
            if answer is not None:
                await answer(scope, receive, send)
                return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app({**scope, _ASKED: _asked_by(posted)}, again, send)


def _asked_by(posted: Any) -> Asked | None:
    if not isinstance(posted, dict):
        return None
    params = posted.get("params")
    return Asked(str(posted.get("method")), params if isinstance(params, dict) else None)


class BodyInTime:
    """Gives up on bodies that are not there `seconds` after they were first waited for: 408.

    One whose end is not clear, by a length and by chunks at once, is refused: proxies before us may disagree on it
    (RFC 9112, section 6.1).
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            await refusal(400, "bad_request", _ONE_END, {"Connection": "close"})(scope, receive, send)
            return
        ends: float | None = None
        whole = False

        async def in_time() -> Message:
            nonlocal ends, whole
            if whole:
                return await receive()
            ends = ends or asyncio.get_running_loop().time() + self._seconds
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, headers={"Connection": "close"}) from error
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, in_time, send)
