"""The MCP SDK's span of a message, without what its caller made up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp_types.methods import MONOLITH_NOTIFICATIONS, MONOLITH_REQUESTS
from opentelemetry import trace

from overture_core import telemetry

UNKNOWN = "unknown"
_METHODS = MONOLITH_REQUESTS.keys() | MONOLITH_NOTIFICATIONS.keys()
_NAMED = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}


def name_the_span(ctx: ServerRequestContext[Any, Any], known: Collection[str]) -> None:
    """Take words of the caller's out of the current span: methods, tools and prompts that there are not, by `known`,
    and ids of requests that are none."""
    span = trace.get_current_span()
    if ctx.request_id is not None:
        span.set_attribute("jsonrpc.request.id", telemetry.caller_chosen(ctx.request_id))
    if ctx.method not in _METHODS:
        span.update_name(UNKNOWN)
        span.set_attribute("mcp.method.name", UNKNOWN)
    elif (ctx.params or {}).get("name") not in known:
        span.update_name(ctx.method)
        if ctx.method in _NAMED:
            span.set_attribute(_NAMED[ctx.method], UNKNOWN)
