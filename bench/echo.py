"""A server of one tool on the bare SDK, which the benches of start and of calls measure ours against.

python -m bench.echo speaks stdio, python -m bench.echo PARSER PORT is served by uvicorn: with the parser `h11` as ours
are, with `httptools`, or with `auto`, the one that uvicorn takes by itself.
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


def serve(parser: Literal["auto", "h11", "httptools"], port: int) -> None:
    import uvicorn

    app = server.streamable_http_app(streamable_http_path="/echo/mcp", stateless_http=True)
    uvicorn.run(app, host="127.0.0.1", port=port, http=parser, log_level="warning", access_log=False)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["h11" | "httptools" | "auto" as parser, port]:
            serve(parser, int(port))
        case []:
            server.run("stdio")
        case _:
            sys.exit(__doc__)
