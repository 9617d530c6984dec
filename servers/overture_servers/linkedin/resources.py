"""The resources of the LinkedIn server."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

from overture_providers.linkedin.capabilities import capabilities
from overture_servers.operating import own_operation
from overture_servers.runtime import Runtime, told_resource

JSON = "application/json"


def add_resources(server: MCPServer[Runtime], runtime: Runtime) -> None:
    """Declare the resources."""

    @server.resource("linkedin://capabilities", title="Capabilities", mime_type=JSON)
    async def granted() -> str:
        """Who is connected, what LinkedIn granted, and today's calls."""
        with told_resource():
            return (await runtime.read(capabilities)).model_dump_json()

    @server.resource("linkedin://operations/{operation_id}", title="Operation", mime_type=JSON)
    async def operation(operation_id: str) -> str:
        """How something that was asked of LinkedIn stands."""
        with told_resource():
            return (await runtime.read(lambda work: own_operation(work, operation_id, "linkedin"))).model_dump_json()
