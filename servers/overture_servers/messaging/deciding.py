"""Approvals over HTTP, for a page on which people decide: who asks has to show a token that is theirs.

The tokens are in OVERTURE_APPROVERS, a JSON object of names and tokens; without it there is nothing here. A decision
names the content hash that the person saw, so that they approve what they read and nothing else. A token is no
cookie: a page on another site cannot use it.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.approvals.subjects import listed, subject
from overture_core.errors import NotFound, OvertureError, SystemFault
from overture_core.settings import Settings
from overture_core.storage.store import Work
from overture_servers.http.bodies import read_body
from overture_servers.runtime import Runtime, validation_sentence

PATH = "/messaging/approvals"
MAX_BODY = 10_000  # bytes
_HEADERS = {"Cache-Control": "no-store"}

Handler = Callable[[Request, str], Awaitable[dict[str, Any]]]


class Decision(BaseModel):
    """What a person decided on which content."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]
    content_hash: str = Field(max_length=64)
    reason: str | None = Field(default=None, max_length=500)


def routes(runtime: Runtime) -> list[Route]:
    """Return the routes: the list, one approval with all that it would let out, and the decision."""

    async def list_all(request: Request, _name: str) -> dict[str, Any]:
        state = None if "all" in request.query_params else ApprovalState.PENDING
        found = await runtime.read(lambda work: listed(work, state))
        return {"approvals": [each.model_dump(mode="json") for each in found]}

    async def shown(request: Request, _name: str) -> dict[str, Any]:
        approval_id = request.path_params["approval_id"]

        def find(work: Work) -> dict[str, Any]:
            found = subject(work, approval_id, longest=None)
            detail = {"plan": found.plan, "operation": found.operation}
            shown = {name: each.model_dump(mode="json") for name, each in detail.items() if each is not None}
            return {"title": found.title, "text": found.lines, "content_hash": found.approval.content_hash, **shown}

        return await runtime.read(find)

    async def decided(request: Request, name: str) -> dict[str, Any]:
        wanted = Decision.model_validate_json(await read_body(request, MAX_BODY))
        approval_id = request.path_params["approval_id"]

        def decide(work: Work) -> dict[str, Any]:
            made = approvals.decide(
                work,
                approval_id,
                approve=wanted.decision == "approve",
                by=name,
                via=Via.WEB,
                reason=wanted.reason,
                seen_hash=wanted.content_hash,
            )
            return made.model_dump(mode="json")

        return await runtime.write(f"web:{name}", decide)

    guard = _guarded(runtime.settings)
    return [
        Route(PATH, guard(list_all), methods=["GET"]),
        Route(PATH + "/{approval_id}", guard(shown), methods=["GET"]),
        Route(PATH + "/{approval_id}", guard(decided), methods=["POST"]),
    ]


def _guarded(settings: Settings) -> Callable[[Handler], Callable[[Request], Awaitable[Response]]]:
    def guard(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        @wraps(handler)
        async def answer(request: Request) -> Response:
            if not settings.approvers:
                return _refused(404, "not_enabled", "Approvals over HTTP are off; set OVERTURE_APPROVERS to use them.")
            name = _approver(settings, request)
            if name is None:
                sentence = "Show your token: Authorization: Bearer TOKEN, one of those in OVERTURE_APPROVERS."
                return _refused(401, "unauthorized", sentence, {"WWW-Authenticate": "Bearer"})
            try:
                return JSONResponse(await handler(request, name), headers=_HEADERS)
            except ValidationError as error:
                return _refused(400, "invalid_input", validation_sentence(error))
            except ToolError as error:
                cause = error.__cause__
                if not isinstance(cause, OvertureError):
                    raise
                return _refused(_status(cause), cause.code, cause.message)

        return answer

    return guard


def _approver(settings: Settings, request: Request) -> str | None:
    """Return whose token it is. All are compared, each in constant time."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = given.strip().encode() if scheme.lower() == "bearer" else b""
    names = [
        name
        for name, secret in settings.approvers.items()
        if hmac.compare_digest(secret.get_secret_value().encode(), token)
    ]
    return names[0] if names else None


def _status(error: OvertureError) -> int:
    if isinstance(error, NotFound):
        return 404
    return 503 if isinstance(error, SystemFault) else 409


def _refused(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "message": message}, status, headers={**_HEADERS, **(headers or {})})
