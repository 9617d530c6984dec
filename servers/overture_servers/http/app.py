"""One HTTP application for every server, each under its own path, with the webhooks beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from overture_core import telemetry
from overture_servers.http import probes
from overture_servers.http.answers import SafeHeaders, refusal, safe_headers
from overture_servers.http.bodies import BodyInTime
from overture_servers.http.headers import TrimmedHeaders
from overture_servers.http.limits import Limits
from overture_servers.http.metrics import Metrics
from overture_servers.http.protection import path_of, protected, transport_security
from overture_servers.linkedin import callback as linkedin_callback
from overture_servers.linkedin import webhooks as linkedin_webhooks
from overture_servers.messaging import calls, deciding, unsubscribe, webhooks
from overture_servers.messaging.webhooks import Webhooks
from overture_servers.registry import NAMES, Creator, creator
from overture_servers.runtime import PrincipalRuntime, Runtime
from overture_servers.stripe import webhooks as stripe
from overture_servers.ui import routes as dashboard

_HTTP_ERRORS = {
    404: ("not_found", f"There is nothing here; the MCP servers are at {', '.join(f'/{name}/mcp' for name in NAMES)}."),
    405: ("method_not_allowed", "This address does not take that method; the header Allow names those it takes."),
    403: ("wrong_origin", "Pages of this origin may not call the MCP servers; see OVERTURE_ALLOWED_ORIGINS."),
    408: ("too_slow", "The body did not come in time; send it again, faster or in smaller parts."),
    421: (
        "wrong_host",
        "The MCP servers are not addressed by this host; see OVERTURE_PUBLIC_URL and OVERTURE_ALLOWED_HOSTS.",
    ),
    413: ("too_large", "The body is larger than it may be here; send less."),
}

log = structlog.get_logger(__name__)


def create_app(runtime: Runtime, make: Callable[[str], Creator] = creator) -> Starlette:
    """Return the application; the runtime is opened and closed with it. `make` gives what makes each server."""
    settings = runtime.settings
    runtime.has_page()
    held = PrincipalRuntime(runtime) if settings.authenticated else runtime
    servers = {name: make(name)(held) for name in NAMES}
    hooks, metrics, limits = Webhooks(runtime), Metrics(runtime), Limits(settings, servers)
    https = (settings.public_url or "").startswith("https://")
    # Their routes, not their applications under a Mount: that would take every path of its prefix,
    # and answer in plain text what it does not find.
    endpoints = {
        name: Route(path_of(name), endpoint=route.endpoint)
        for name, server in servers.items()
        for route in server.streamable_http_app(
            streamable_http_path=path_of(name),
            stateless_http=True,
            max_request_body_size=settings.http_body_bytes,
            transport_security=transport_security(settings),
        ).routes
        if isinstance(route, Route)
    }

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await to_thread.run_sync(runtime.open)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(to_thread.run_sync, telemetry.end_tracing)
            stack.push_async_callback(to_thread.run_sync, runtime.close)
            stack.push_async_callback(limits.close)
            # The lifespans of the applications that the routes are from do not run.
            for server in servers.values():
                await stack.enter_async_context(server.session_manager.run())
            yield

    app = Starlette(
        routes=[
            *protected(runtime, servers, endpoints, limits),  # first, as most requests are theirs
            *probes.routes(runtime),
            metrics.route(),
            *webhooks.routes(hooks),
            *calls.routes(runtime, hooks),
            *stripe.routes(runtime, hooks),
            *unsubscribe.routes(runtime),
            *deciding.routes(runtime),
            *dashboard.routes(runtime),
            *linkedin_callback.routes(runtime),
            *linkedin_webhooks.routes(runtime, hooks),
        ],
        middleware=[
            Middleware(TrimmedHeaders),
            Middleware(metrics.counting),
            Middleware(SafeHeaders, https=https),
            Middleware(BodyInTime, seconds=settings.http_body_timeout_s),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: partial(_unexpected, safe_headers(https=https))},
    )
    app.router.redirect_slashes = False  # to whatever the header Host says
    return app


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code, sentence = _HTTP_ERRORS.get(error.status_code, ("http", error.detail))
    return refusal(error.status_code, code, sentence, error.headers)


async def _unexpected(headers: Mapping[str, str], request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path.split("/inbound/")[0], exc_info=error)
    return refusal(500, "internal", "Something went wrong inside Overture; its log has the details.", headers)
