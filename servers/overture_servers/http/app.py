"""One HTTP application for every server, each under its own path, with the webhooks beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_servers.http import probes
from overture_servers.http.headers import TrimmedHeaders
from overture_servers.http.metrics import Metrics
from overture_servers.http.protection import gated, path_of, transport_security
from overture_servers.linkedin import callback as linkedin_callback
from overture_servers.linkedin import webhooks as linkedin_webhooks
from overture_servers.messaging import calls, deciding, unsubscribe, webhooks
from overture_servers.messaging.webhooks import Webhooks
from overture_servers.registry import NAMES, Creator, creator
from overture_servers.runtime import PrincipalRuntime, Runtime
from overture_servers.stripe import webhooks as stripe

_HTTP_ERRORS = {
    404: ("not_found", f"There is nothing here; the MCP servers are at {', '.join(f'/{name}/mcp' for name in NAMES)}."),
    405: ("method_not_allowed", "This address does not take that method; the header Allow names those it takes."),
    413: ("too_large", "The body is larger than it may be here; send less."),
}

log = structlog.get_logger(__name__)


def create_app(runtime: Runtime, make: Callable[[str], Creator] = creator) -> Starlette:
    """Return the application; the runtime is opened and closed with it. `make` gives what makes each server."""
    settings = runtime.settings
    held = PrincipalRuntime(runtime) if settings.authenticated else runtime
    servers = {name: make(name)(held) for name in NAMES}
    hooks, metrics = Webhooks(runtime), Metrics(runtime)
    # Their routes, not their applications under a Mount: that would take every path of its prefix,
    # and answer in plain text what it does not find.
    endpoints = {
        name: Route(path_of(name), endpoint=route.endpoint)
        for name, server in servers.items()
        for route in server.streamable_http_app(
            streamable_http_path=path_of(name), stateless_http=True, transport_security=transport_security(settings)
        ).routes
        if isinstance(route, Route)
    }

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await to_thread.run_sync(runtime.open)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(to_thread.run_sync, runtime.close)
            # The lifespans of the applications that the routes are from do not run.
            for server in servers.values():
                await stack.enter_async_context(server.session_manager.run())
            yield

    return Starlette(
        routes=[
            *probes.routes(runtime),
            metrics.route(),
            *webhooks.routes(hooks),
            *calls.routes(runtime, hooks),
            *stripe.routes(runtime, hooks),
            *unsubscribe.routes(runtime),
            *deciding.routes(runtime),
            *linkedin_callback.routes(runtime),
            *linkedin_webhooks.routes(runtime, hooks),
            *(gated(runtime, servers, endpoints) if settings.authenticated else endpoints.values()),
        ],
        middleware=[Middleware(TrimmedHeaders), Middleware(metrics.counting)],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: _unexpected},
    )


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code, sentence = _HTTP_ERRORS.get(error.status_code, ("http", error.detail))
    return JSONResponse({"error": code, "message": sentence}, status_code=error.status_code, headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path.split("/inbound/")[0], exc_info=error)
    body = {"error": "internal", "message": "Something went wrong inside Overture; its log has the details."}
    return JSONResponse(body, status_code=500)
