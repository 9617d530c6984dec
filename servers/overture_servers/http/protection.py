"""What stands before every MCP endpoint, in its order, and who may speak to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from overture_core.http_settings import ANY_ADDRESS, HttpSettings
from overture_servers.http.answers import refusal
from overture_servers.http.bodies import WholeBody
from overture_servers.http.gate import Gate, Workspaces
from overture_servers.http.limits import Limits
from overture_servers.http.tokens import Tokens
from overture_servers.runtime import Runtime
from overture_servers.scopes import of_server
from overture_servers.tooling import OvertureServer

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_LOCAL_ORIGIN = f"http://({'|'.join(re.escape(host) for host in LOCAL_HOSTS)}):[0-9]+"
_ASK_WITH = [
    "Accept",
    "Authorization",
    "Content-Type",
    "Last-Event-ID",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Session-Id",
]
_NO_JSON = "MCP requests are JSON; send them with the header Content-Type: application/json."
_NOT_FOR_PAGES = f"Pages may send POST, with no other headers of their own than {', '.join(_ASK_WITH)}."
_PORT = re.compile(r"[^:]*(?::\d*)?")  # of a host that is not in brackets, or what follows them
# Without a slash behind a bare host: issuers are compared letter by letter (RFC 8414, section 3.3).
_URL = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))


def path_of(name: str) -> str:
    """Where a server's MCP endpoint is."""
    return f"/{name}/mcp"


def protected(
    runtime: Runtime, servers: Mapping[str, OvertureServer], endpoints: Mapping[str, Route], limits: Limits
) -> list[Route]:
    """Return the endpoints behind what protects them: hosts and origins, tokens if they are wanted, limits, scopes."""
    settings = runtime.settings
    secured = TransportSecurityMiddleware(transport_security(settings))

    def between(server: OvertureServer, app: ASGIApp) -> ASGIApp:
        whole = WholeBody(limits.on_tools(app), settings.http_body_bytes)
        return limits.on_calls(_Posted(whole, server.session_manager))

    if settings.authenticated:
        apps, routes = _gated(runtime, servers, endpoints, between)
    else:
        apps = {name: between(servers[name], route.endpoint) for name, route in endpoints.items()}
        routes = []
    return [
        *routes,
        *(Route(path_of(name), endpoint=_Known(_shared(app, settings), secured)) for name, app in apps.items()),
    ]


def _gated(
    runtime: Runtime,
    servers: Mapping[str, OvertureServer],
    endpoints: Mapping[str, Route],
    between: Callable[[OvertureServer, ASGIApp], ASGIApp],
) -> tuple[dict[str, ASGIApp], list[Route]]:
    """Return the endpoints behind their gates, and the metadata by which clients find the issuer (RFC 9728).

    With tokens of `overture token` alone there is no issuer that a client could ask, and so no metadata.
    """
    settings = runtime.settings
    tokens, workspaces = Tokens(settings), Workspaces(runtime.store)
    gates: dict[str, ASGIApp] = {}
    routes = []
    for name, server in servers.items():
        resource = _URL.validate_python(settings.base_url + path_of(name))
        metadata_url = None
        if settings.auth_issuer is not None:
            metadata_url = str(build_resource_metadata_url(resource))
            routes += create_protected_resource_routes(
                resource,
                [_URL.validate_python(settings.auth_issuer)],
                scopes_supported=list(of_server(name)),
                resource_name=server.title,
            )
        gates[name] = Gate(
            endpoints[name].endpoint,
            partial(between, server),
            server,
            tokens,
            workspaces,
            audiences=(settings.audience, settings.audience + path_of(name)),
            metadata_url=metadata_url,
        )
    return gates, routes


class _Posted:
    """Lets only JSON pass, and only what is posted where there are no sessions, which is how Overture serves.

    The SDK would answer a GET with a stream that never ends. Without a session nothing is ever said on it, and each
    would keep a connection. The transport's specification allows 405.
    """

    def __init__(self, app: ASGIApp, manager: StreamableHTTPSessionManager) -> None:
        self._app = app
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" and self._manager.stateless:
            raise HTTPException(405, headers={"Allow": "POST"})
        if scope["method"] == "POST" and not _is_json(Headers(scope=scope)):
            await refusal(400, "wrong_content_type", _NO_JSON)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_json(headers: Headers) -> bool:
    return headers.get("content-type", "").lower().startswith("application/json")


class _Known:
    """Lets requests pass that address us by a known host, from a known origin if they name one."""

    def __init__(self, app: ASGIApp, security: TransportSecurityMiddleware) -> None:
        self._app = app
        self._security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        refused = await self._security.validate_request(request)
        if refused is not None:
            raise HTTPException(refused.status_code)
        # The SDK takes whatever follows a known host and a colon for its port.
        if not _PORT.fullmatch(request.headers.get("host", "").rpartition("]")[2]):
            raise HTTPException(421)
        await self._app(scope, receive, send)


class _ForPages(CORSMiddleware):
    """Answers what a browser asks before a page's request, as JSON where the answer is no."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return refusal(answer.status_code, "not_for_pages", _NOT_FOR_PAGES, kept)


def _shared(app: ASGIApp, settings: HttpSettings) -> ASGIApp:
    """Let pages of the origins that may speak to us read our answers. What they ask for first needs no token."""
    return _ForPages(
        app,
        allow_origins=_origins(settings),
        allow_origin_regex=_LOCAL_ORIGIN,
        allow_methods=["POST"],
        allow_headers=_ASK_WITH,
        expose_headers=["WWW-Authenticate", "Mcp-Session-Id", "MCP-Protocol-Version", "Retry-After"],
    )


def transport_security(settings: HttpSettings) -> TransportSecuritySettings:
    """Who may speak MCP, by the headers Host and Origin: without authentication this machine alone.

    The public URL may be there for webhooks and unsubscribe links only: were its host allowed without authentication,
    a tunnel set up for them would open every lead to the world.
    """
    hosts, origins = list(LOCAL_HOSTS), [f"http://{host}:*" for host in LOCAL_HOSTS]
    if settings.authenticated:
        hosts += [urlsplit(settings.base_url).netloc, *settings.allowed_hosts]
        hosts += [settings.http_host] if settings.http_host not in ANY_ADDRESS else []
        origins += _origins(settings)
    hosts = [host.lower() for host in hosts]  # as TrimmedHeaders leaves them
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*(f"{host}:*" for host in hosts if not _has_port(host)), *hosts],
        allowed_origins=origins,
    )


def _origins(settings: HttpSettings) -> list[str]:
    """The origins beyond this machine's."""
    if not settings.authenticated:
        return []
    public = urlsplit(settings.base_url)
    return [f"{public.scheme}://{public.netloc}", *settings.allowed_origins]


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].rpartition(":")[2].isdecimal()
