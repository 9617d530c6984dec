"""Header values as RFC 9110, section 5.5, has them: without the white space around them, and hosts in small letters.

One of uvicorn's two parsers leaves what stands behind a value, and a client's `Mcp-Name` or a provider's signature
would then be compared with it.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class TrimmedHeaders:
    """Takes the white space off for everything behind it, and what is no different host in other letters."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["headers"] = [
                (name, value.strip(b" \t").lower() if name == b"host" else value.strip(b" \t"))
                for name, value in scope["headers"]
            ]
        await self._app(scope, receive, send)
