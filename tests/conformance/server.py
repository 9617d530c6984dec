"""The HTTP application with the conformance suite's fixtures on every server: `python -m tests.conformance.server`.

The application, the servers, their middleware and their error handling are the real ones; the fixtures are added to
what they offer. Its port is the first line on stdout. Overture is stateless; on the server that `--sessions` names,
clients of 2025-11-25 get sessions, in which a server can ask back within a request.
"""

from __future__ import annotations

import argparse
import socket
import sys
import warnings

import uvicorn
from mcp.shared.exceptions import MCPDeprecationWarning
from starlette.applications import Starlette

from overture_core.settings import Settings
from overture_servers.http.app import create_app
from overture_servers.registry import NAMES, Creator, creator
from overture_servers.runtime import Runtime
from overture_servers.tooling import OvertureServer
from tests.conformance.asking import add_asking
from tests.conformance.contents import add_contents
from tests.conformance.events import KeptEvents

RETRY_MS = 100


def grafted_app(settings: Settings, sessions: str) -> Starlette:
    """Return the application with the fixtures; the server named `sessions` keeps sessions."""
    servers: dict[str, OvertureServer] = {}

    def make(name: str) -> Creator:
        def create(runtime: Runtime) -> OvertureServer:
            servers[name] = creator(name)(runtime)
            add_contents(servers[name])
            add_asking(servers[name])
            return servers[name]

        return create

    app = create_app(Runtime(settings), make)
    manager = servers[sessions].session_manager
    manager.stateless, manager.event_store, manager.retry_interval = False, KeptEvents(), RETRY_MS
    return app


def main() -> None:
    """Serve until a signal says stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", choices=NAMES, required=True)
    arguments = parser.parse_args()
    # The suite wants logs and questions within a request, which 2025-11-25 has and 2026-07-28 deprecates.
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    app = grafted_app(Settings(), arguments.sessions)
    with socket.create_server(("127.0.0.1", 0)) as held:
        sys.stdout.write(f"{held.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[held])


if __name__ == "__main__":
    main()
