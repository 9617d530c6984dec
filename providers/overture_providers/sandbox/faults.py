"""Faults on command: what a provider does on a bad day, for real, on the wire."""

from __future__ import annotations

import asyncio
from typing import Literal

import anyio
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from overture_providers.sandbox import linkedin_calls, sendgrid, twilio
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.stripe.forms import ApiError

_PATHS = {"sendgrid": "/v3/", "twilio": "/2010-04-01/", "linkedin": "/rest/", "stripe": "/v1/"}
_transports: dict[tuple[str, int], asyncio.Transport] = {}


class DroppableProtocol(H11Protocol):
    """uvicorn's protocol, which also remembers each connection: ASGI has no way to cut one off."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.peer = transport.get_extra_info("peername")[:2]
        _transports[self.peer] = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        _transports.pop(self.peer, None)
        super().connection_lost(exc)


class Fault(BaseModel):
    """The next `count` requests to `provider` fail. `seconds` is how long hang and slow last, or when a 429
    says to come back. With `after_accept` the message is taken first, and only the answer goes wrong."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["sendgrid", "twilio", "linkedin", "stripe"]
    kind: Literal["429", "500", "401", "hang", "drop", "slow"]
    count: int = Field(default=1, ge=1, le=1_000_000)
    seconds: float = Field(default=2.0, ge=0, le=3600)
    after_accept: bool = False


class FaultGate:
    """Stands before the providers' routes and applies the faults that were ordered, oldest first."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, faults: list[Fault]) -> None:
        self._app = app
        self._sandbox = sandbox
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._take(scope["path"], scope["method"]) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "slow":
            await anyio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        else:
            if fault.after_accept:
                await self._app(scope, receive, _swallow)
            else:
                await _read_all(receive)
            await self._fail(fault, scope, receive, send)

    def _take(self, path: str, method: str) -> Fault | None:
        provider = next((name for name, start in _PATHS.items() if path.startswith(start)), None)
        if method != "POST" and provider != "linkedin":
            return None
        for fault in self._faults:
            if fault.provider == provider:
                fault.count -= 1
                if not fault.count:
                    self._faults.remove(fault)
                return fault
        return None

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "hang":
            with anyio.move_on_after(fault.seconds):
                await _until_gone(receive)
        if fault.kind in {"hang", "drop"}:
            transport = _transports.get(tuple(scope["client"]))
            if transport is not None:
                transport.abort()
            await _until_gone(receive)
            return
        await self._answer(fault)(scope, receive, send)

    def _answer(self, fault: Fault) -> Response:
        status = int(fault.kind)
        if fault.provider == "linkedin":
            wait = max(1, round(fault.seconds)) if "seconds" in fault.model_fields_set else None
            return linkedin_calls.refused(status, retry_after_s=wait)
        if fault.provider == "twilio":
            headers = {"Retry-After": str(max(1, round(fault.seconds)))} if status == 429 else None
            return twilio.error(status, {429: 20429, 401: 20003}.get(status, 20500), headers)
        if fault.provider == "stripe":
            kind, code = {429: ("rate_limit_error", "rate_limit"), 401: ("invalid_request_error", None)}.get(
                status, ("api_error", None)
            )
            problem = ApiError("This is a fault on command.", status=status, kind=kind, code=code)
            return JSONResponse(problem.body, status)
        reset = str(int(self._sandbox.now() + max(1.0, fault.seconds)))
        limits = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        text = {429: "too many requests", 401: "authorization required"}.get(status, "internal server error")
        return sendgrid.error(status, text, None, limits if status == 429 else None)


async def _swallow(_message: Message) -> None:
    """The answer that the client never gets."""


async def _read_all(receive: Receive) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
