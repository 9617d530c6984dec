"""The resources of the messaging server."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

from overture_core.campaigns.status import status
from overture_core.templates import service as templates
from overture_servers.runtime import Runtime, told_resource

JSON = "application/json"


def add_resources(server: MCPServer[Runtime], runtime: Runtime) -> None:
    """Declare the resources."""

    @server.resource("messaging://campaigns/{name}", title="Campaign", mime_type=JSON)
    async def campaign(name: str) -> str:
        """What became of a campaign."""
        with told_resource():
            return (await runtime.read(lambda work: status(work, name))).model_dump_json()

    @server.resource("messaging://templates/{name}", title="Template", mime_type=JSON)
    async def template(name: str) -> str:
        """A template's newest version."""
        with told_resource():
            return (await runtime.read(lambda work: templates.view(templates.get(work, name)))).model_dump_json()
