"""bench.echo's tool as a tool of ours, behind all that stands before our servers: python -m bench.our_echo PORT."""

from __future__ import annotations

import sys

from bench.echo import echo
from overture_core.settings import Settings
from overture_servers.main import serve_http
from overture_servers.registry import Creator, creator
from overture_servers.runtime import Runtime
from overture_servers.scopes import Scope
from overture_servers.tooling import OvertureServer, ToolSpec


def make(name: str) -> Creator:
    """Return what makes a server: the one of leads has the tool and nothing else, the others are as they are."""
    return _create if name == "leads" else creator(name)


def _create(runtime: Runtime) -> OvertureServer:
    return OvertureServer("leads", "Echo", "", [ToolSpec(echo, "Echo", Scope.LEADS_READ)], runtime)


if __name__ == "__main__":
    # The limits that are set for tools by name name none of this server.
    serve_http(Settings(rate_limit_tools={}), "127.0.0.1", int(sys.argv[1]), make)
