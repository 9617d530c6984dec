"""Where LinkedIn sends a person's browser back to, after they granted access or not.

The state in the address was given by us, for one workspace, and works once; nothing else in it is believed.
"""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from overture_core.errors import OvertureError, SystemFault
from overture_providers.endpoints import LINKEDIN_CALLBACK_PATH
from overture_providers.linkedin.session import welcome
from overture_servers.runtime import Runtime

LONGEST = 2_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    # The address holds the code: nothing may carry it on.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Overture and LinkedIn</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;
color-scheme:light dark}}</style></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>"""


def routes(runtime: Runtime) -> list[Route]:
    """Return the page's route."""

    async def page(request: Request) -> Response:
        query = {name: value[:LONGEST] for name, value in request.query_params.items()}
        refusal = query.get("error_description") or query.get("error")
        try:
            account = await welcome(runtime.store, runtime.settings, query.get("state", ""), query.get("code"), refusal)
        except OvertureError as error:
            return _html("Not connected", error.message, 503 if isinstance(error, SystemFault) else 400)
        return _html("Connected", f"Overture is connected to {account.name} on LinkedIn. You can close this page.", 200)

    return [Route(LINKEDIN_CALLBACK_PATH, page, methods=["GET"])]


def _html(title: str, text: str, status: int) -> Response:
    return HTMLResponse(_PAGE.format(title=escape(title), text=escape(text)), status, _HEADERS)
