"""The page behind the unsubscribe link. A GET never unsubscribes: mail software fetches links."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from overture_core.errors import NotFound, SystemFault
from overture_core.messages.content import UNSUBSCRIBE_PATH
from overture_core.messages.unsubscribing import is_ours, unsubscribe
from overture_servers.runtime import Runtime

PATH = UNSUBSCRIBE_PATH + "{message_id}/{signature}"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Unsubscribe</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;
color-scheme:light dark}}button{{font:inherit;padding:.6rem 1.2rem}}</style></head>
<body><main><h1>Unsubscribe</h1>{content}</main></body></html>"""
_FORM = (
    "<p>Press the button, and you will get no more messages from us: no e-mail, text message or call.</p>"
    "<form method='post'><button>Unsubscribe</button></form>"
)
_DONE = "<p>Done. You will get no more messages from us: no e-mail, text message or call.</p>"


def routes(runtime: Runtime) -> list[Route]:
    """Return the page's route. A POST also serves the one-click header of RFC 8058."""

    async def page(request: Request) -> Response:
        message_id, signature = request.path_params["message_id"], request.path_params["signature"]
        try:
            if request.method == "POST":
                await to_thread.run_sync(unsubscribe, runtime.store, message_id, signature)
                return _html(_DONE)
            return _html(_FORM) if is_ours(runtime.store, message_id, signature) else _unknown()
        except NotFound:
            return _unknown()
        except SystemFault:
            return _html("<p>That did not work just now. Please try again in a minute.</p>", 503)

    return [Route(PATH, page, methods=["GET", "POST"])]


def _unknown() -> Response:
    return _html("<p>This link is not valid. Answer the message with the word unsubscribe instead.</p>", 404)


def _html(content: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(content=content), status, HEADERS)
