"""A server of one tool on the bare SDK, which the benches of start and of calls measure ours against.

python -m bench.echo speaks stdio, python -m bench.echo PORT is served by uvicorn with the parser that it takes itself,
python -m bench.echo h11 PORT with the one that comes with uvicorn, and with `httptools` the one that ours has.
"""

from __future__ import annotations

import sys
from typing import Literal

from mcp.server.mcpserver import MCPServer


def echo(text: str) -> str:
    """Return the text."""
    return text


server = MCPServer("bare", log_level="WARNING")
server.add_tool(echo)


def run(server: MCPServer) -> None:
    """Serve as the command line says."""
    match sys.argv[1:]:
        case []:
            server.run("stdio")
        case [port]:
            serve(server, "auto", int(port))
        case ["h11" | "httptools" as parser, port]:
            serve(server, parser, int(port))
        case _:
            sys.exit(__doc__)


def serve(server: MCPServer, parser: Literal["auto", "h11", "httptools"], port: int) -> None:
    import uvicorn

    app = server.streamable_http_app(streamable_http_path="/echo/mcp", stateless_http=True)
    uvicorn.run(app, host="127.0.0.1", port=port, http=parser, log_level="warning", access_log=False)


if __name__ == "__main__":
    run(server)
