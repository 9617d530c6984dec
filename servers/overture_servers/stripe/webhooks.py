"""Stripe's webhook, and the page that people see after they paid."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from overture_core.errors import ConfigurationError
from overture_providers.endpoints import STRIPE_EVENTS_PATH, STRIPE_THANKS_PATH, stripe_endpoint
from overture_providers.stripe.events import verify_and_parse
from overture_providers.stripe.signature import HEADER
from overture_servers.http.bodies import read_body
from overture_servers.messaging.webhooks import Webhooks, answering
from overture_servers.runtime import Runtime

MAX_EVENT = 2**20
_THANKS = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Thank you</title></head>'
    "<body><h1>Thank you</h1><p>Your payment has arrived. You can close this page.</p></body></html>"
)
_HEADERS = {"Content-Security-Policy": "default-src 'none'; base-uri 'none'"}


def routes(runtime: Runtime, hooks: Webhooks) -> list[Route]:
    """Return the routes, at the paths that Stripe is given."""

    async def events(request: Request) -> Response:
        raw = await read_body(request, MAX_EVENT)
        endpoint = stripe_endpoint(runtime.settings)
        secret = endpoint.webhook_secret
        if secret is None:
            msg = "No secret is configured to check this webhook with; set OVERTURE_STRIPE_WEBHOOK_SECRET."
            raise ConfigurationError(msg)
        found = await to_thread.run_sync(
            lambda: verify_and_parse(
                raw,
                request.headers.get(HEADER),
                secret,
                live=endpoint.live,
                sandbox=endpoint.sandbox,
                now=runtime.store.clock.now(),
            )
        )
        return await hooks.take(found, Response(status_code=204))

    async def thanks(_request: Request) -> Response:
        return HTMLResponse(_THANKS, headers=_HEADERS)

    return [
        Route(STRIPE_EVENTS_PATH, answering(events), methods=["POST"]),
        Route(STRIPE_THANKS_PATH, thanks, methods=["GET"]),
    ]
