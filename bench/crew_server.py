"""The server that the bench of crew calls asks: bench.echo's tool as one that reads and as one that writes."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from bench.echo import echo, run

READ, WRITE = "read", "write"

server = MCPServer("pair", log_level="WARNING")
server.add_tool(echo, name=READ, annotations=ToolAnnotations(read_only_hint=True))
server.add_tool(echo, name=WRITE, annotations=ToolAnnotations(read_only_hint=False, idempotent_hint=False))

if __name__ == "__main__":
    run(server)
