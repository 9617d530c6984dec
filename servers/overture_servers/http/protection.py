"""Puts a gate before every MCP endpoint where the settings name whose tokens count, and says who may speak to them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.routing import Route

from overture_core.http_settings import ANY_ADDRESS, HttpSettings
from overture_servers.http.gate import Gate, Workspaces
from overture_servers.http.tokens import Tokens
from overture_servers.runtime import Runtime
from overture_servers.scopes import of_server
from overture_servers.tooling import OvertureServer

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
# Without a slash behind a bare host: issuers are compared letter by letter (RFC 8414, section 3.3).
_URL = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))


def path_of(name: str) -> str:
    """Where a server's MCP endpoint is."""
    return f"/{name}/mcp"


def gated(runtime: Runtime, servers: Mapping[str, OvertureServer], endpoints: Mapping[str, Route]) -> list[Route]:
    """Return the endpoints behind their gates, and the metadata by which clients find the issuer (RFC 9728).

    With tokens of `overture token` alone there is no issuer that a client could ask, and so no metadata.
    """
    settings = runtime.settings
    tokens, workspaces = Tokens(settings), Workspaces(runtime.store)
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
        gate = Gate(
            endpoints[name].endpoint,
            server,
            tokens,
            workspaces,
            audiences=(settings.audience, settings.audience + path_of(name)),
            metadata_url=metadata_url,
        )
        routes.append(Route(path_of(name), endpoint=gate))
    return routes


def transport_security(settings: HttpSettings) -> TransportSecuritySettings:
    """Who may speak MCP, by the headers Host and Origin: without authentication this machine alone.

    The public URL may be there for webhooks and unsubscribe links only: were its host allowed without authentication,
    a tunnel set up for them would open every lead to the world.
    """
    hosts, origins = list(LOCAL_HOSTS), [f"http://{host}:*" for host in LOCAL_HOSTS]
    if settings.authenticated:
        public = urlsplit(settings.base_url)
        hosts += [public.netloc, *settings.allowed_hosts]
        hosts += [settings.http_host] if settings.http_host not in ANY_ADDRESS else []
        origins += [f"{public.scheme}://{public.netloc}", *settings.allowed_origins]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*(f"{host}:*" for host in hosts if not _has_port(host)), *hosts],
        allowed_origins=origins,
    )


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].rpartition(":")[2].isdecimal()
