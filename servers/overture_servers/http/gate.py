"""Stands before a server's MCP endpoint: no request passes without a token that allows it.

What passes carries its principal (principal.py) and no longer its token. The answers are those of RFC 6750 and of the
MCP authorization specification: a client finds out from them where to get a token, and which scopes to ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog
from anyio import to_thread
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE, RequestBodyLimitMiddleware
from pydantic_core import from_json
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from overture_core.errors import NotAllowed, NotFound, OvertureError, SystemFault
from overture_core.storage.store import Store
from overture_core.text import quoted
from overture_servers.http.tokens import InvalidToken, Tokens
from overture_servers.principal import Principal
from overture_servers.scopes import Scope, joined, of_server
from overture_servers.tooling import OvertureServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

WANTED = "This needs a token: Authorization: Bearer TOKEN."

log = structlog.get_logger(__name__)


class Workspaces:
    """Knows which workspaces there are. None is ever removed, so what was found once is not asked for again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[str] = set()

    async def require(self, name: str) -> None:
        """Make sure that there is a workspace; a token makes none.

        Raises:
            NotAllowed: there is none by that name.
            DatabaseUnavailable: nobody can say now.
        """
        if name not in self._known:
            await to_thread.run_sync(self._look, name)
            self._known.add(name)

    def _look(self, name: str) -> None:
        try:
            with self._store.read(name):
                pass
        except NotFound as error:
            raise NotAllowed(
                f"The token is for the workspace {quoted(name)}, and there is none by that name."
            ) from error


class Gate:
    """The ASGI application before a server's own.

    `resource` is the server's URL as clients know it, `audiences` the audiences that a token for it may have, and
    `metadata_url` where its metadata is (RFC 9728), if there is an issuer to be found by it.
    """

    def __init__(
        self,
        inner: ASGIApp,
        server: OvertureServer,
        tokens: Tokens,
        workspaces: Workspaces,
        *,
        audiences: tuple[str, ...],
        metadata_url: str | None,
    ) -> None:
        self._inner = AuthContextMiddleware(inner)
        self._limited = RequestBodyLimitMiddleware(self._with_scope, DEFAULT_MAX_REQUEST_BODY_SIZE)
        self._server = server
        self._tokens = tokens
        self._workspaces = workspaces
        self._audiences = audiences
        self._metadata_url = metadata_url

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        try:
            who = await self._who(Headers(scope=scope))
        except OvertureError as error:
            log.info("token_refused", path=scope["path"], code=error.code, reason=error.message)
            await self._refusal(error)(scope, receive, send)
            return
        if who is None:
            await self._challenge(401, "unauthorized", WANTED, {"scope": self._server.reads})(scope, receive, send)
            return
        kept = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        credentials = {"user": AuthenticatedUser(who), "auth": AuthCredentials(who.scopes)}
        inner = self._limited if scope["method"] == "POST" else self._inner
        await inner({**scope, "headers": kept, **credentials}, receive, send)

    async def _who(self, headers: Headers) -> Principal | None:
        given = headers.getlist("authorization")
        if not given:
            return None
        scheme, _, token = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer":
            raise InvalidToken("One header is wanted, Authorization: Bearer TOKEN.")
        who = await self._tokens.check(token.strip(), self._audiences)
        await self._workspaces.require(who.workspace)
        return who

    def _refusal(self, error: OvertureError) -> Response:
        if isinstance(error, InvalidToken):
            about = {"error": error.code, "error_description": error.message, "scope": self._server.reads}
            return self._challenge(401, error.code, error.message, about)
        status, headers = (503, {"Retry-After": "30"}) if isinstance(error, SystemFault) else (403, {})
        return _answer(status, error.code, error.message, headers)

    async def _with_scope(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Refuse a call that its token does not allow. The server itself asks again."""
        first = await receive()
        wanted = self._wanted(first)
        who = scope["user"].access_token
        if wanted is not None and wanted not in who.scopes:
            # What the token has is named too, or a client that asks anew would lose it.
            mine = set(who.scopes) & set(of_server(self._server.kind))
            sentence = f"The token lacks the scope {wanted}."
            about = {"error": "insufficient_scope", "error_description": sentence, "scope": joined({wanted, *mine})}
            await self._challenge(403, "insufficient_scope", sentence, about)(scope, receive, send)
            return
        waiting = [first]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._inner(scope, again, send)

    def _wanted(self, message: Message) -> Scope | None:
        try:
            request = from_json(message.get("body", b""))
        except ValueError:  # the SDK says what is wrong with it
            return None
        if not isinstance(request, dict):
            return None
        params = request.get("params")
        return self._server.wanted(str(request.get("method")), params if isinstance(params, dict) else None)

    def _challenge(self, status: int, code: str, sentence: str, about: Mapping[str, Any]) -> Response:
        named = {**about, **({"resource_metadata": self._metadata_url} if self._metadata_url else {})}
        parts = ", ".join(f'{name}="{value}"' for name, value in named.items())
        return _answer(status, code, sentence, {"WWW-Authenticate": f"Bearer {parts}"})


def _answer(status: int, code: str, sentence: str, headers: Mapping[str, str]) -> Response:
    return JSONResponse({"error": code, "message": sentence}, status, {**headers, "Cache-Control": "no-store"})
