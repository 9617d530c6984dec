"""A server of one tool on the bare SDK, which the benches of start and of calls measure ours against.

python -m bench.echo speaks stdio, python -m bench.echo PORT is served by uvicorn as ours are.
"""

from __future__ import annotations

import sys

from mcp.server.mcpserver import MCPServer


def echo(text: str) -> str:
    """Return the text."""
    return text


server = MCPServer("bare", log_level="WARNING")
server.add_tool(echo)


def run(server: MCPServer) -> None:
    """Serve as the command line says."""
    if len(sys.argv) == 1:
        server.run("stdio")
        return
    import uvicorn

    app = server.streamable_http_app(streamable_http_path="/echo/mcp", stateless_http=True)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)


if __name__ == "__main__":
    run(server)
