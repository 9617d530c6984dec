"""What every answer over HTTP carries, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HTTPS_FOR_S = 365 * 24 * 3600
# A page of ours that needs more than nothing says so itself. Every answer may hold somebody's data.
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def refusal(status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says in one sentence why not; `code` is the stable name."""
    return JSONResponse({"error": code, "message": sentence}, status, {"Cache-Control": "no-store", **(headers or {})})


class SafeHeaders:
    """Puts the headers that keep browsers and caches careful on every answer that does not say otherwise.

    `https` means that clients come by TLS, so that browsers may be told to come by nothing else.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = safe_headers(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if headers["Cache-Control"].startswith("no-cache"):  # the SDK's, for streams
                    headers["Cache-Control"] += ", no-store"
            await send(message)

        await self._app(scope, receive, careful)


def safe_headers(*, https: bool) -> dict[str, str]:
    """Return those headers, for an answer that is made outside of all middleware."""
    return {**_ALWAYS, "Strict-Transport-Security": f"max-age={HTTPS_FOR_S}"} if https else _ALWAYS
