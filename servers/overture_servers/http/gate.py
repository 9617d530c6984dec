"""Stands before a server's MCP endpoint: no request passes without a token that allows it.

What passes carries its principal (principal.py) and no longer its token. The answers are those of RFC 6750 and of the
MCP authorization specification: a client finds out from them where to get a token, and which scopes to ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog
from anyio import to_thread
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.responses import Response

from overture_core.errors import NotAllowed, NotFound, OvertureError, SystemFault
from overture_core.storage.store import Store
from overture_core.text import quoted
from overture_servers.http.answers import refusal
from overture_servers.http.bodies import asked
from overture_servers.http.signed import InvalidToken
from overture_servers.http.tokens import Tokens
from overture_servers.principal import Principal
from overture_servers.scopes import joined, of_server
from overture_servers.tooling import OvertureServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Send
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

    `between` puts what needs the principal, and what reads the body, before the check of scopes. `audiences` are those
    that a token for the server may have, and `metadata_url` is where its metadata is (RFC 9728), if there is an issuer
    to be found by it.
    """

    def __init__(
        self,
        endpoint: ASGIApp,
        between: Callable[[ASGIApp], ASGIApp],
        server: OvertureServer,
        tokens: Tokens,
        workspaces: Workspaces,
        *,
        audiences: tuple[str, ...],
        metadata_url: str | None,
    ) -> None:
        self._endpoint = AuthContextMiddleware(endpoint)
        self._checked = between(self.require_scope)
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
        await self._checked({**scope, "headers": kept, **credentials}, receive, send)

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
        return refusal(status, error.code, error.message, headers)

    async def require_scope(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Refuse a call that its token does not allow, behind `WholeBody`. The server itself asks again."""
        request = asked(scope)
        wanted = None if request is None else self._server.wanted(request.method, request.params)
        who = scope["user"].access_token
        if wanted is not None and wanted not in who.scopes:
            # What the token has is named too, or a client that asks anew would lose it.
            mine = set(who.scopes) & set(of_server(self._server.kind))
            sentence = f"The token lacks the scope {wanted}."
            about = {"error": "insufficient_scope", "error_description": sentence, "scope": joined({wanted, *mine})}
            await self._challenge(403, "insufficient_scope", sentence, about)(scope, receive, send)
            return
        await self._endpoint(scope, receive, send)

    def _challenge(self, status: int, code: str, sentence: str, about: Mapping[str, Any]) -> Response:
        named = {**about, **({"resource_metadata": self._metadata_url} if self._metadata_url else {})}
        parts = ", ".join(f'{name}="{value}"' for name, value in named.items())
        return refusal(status, code, sentence, {"WWW-Authenticate": f"Bearer {parts}"})
