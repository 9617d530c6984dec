"""The resources of the leads server."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

from overture_core.leads import imports, service
from overture_core.leads.exporting import rejects_csv
from overture_core.segments import service as segments
from overture_servers.runtime import Runtime, told_resource

JSON = "application/json"


def add_resources(server: MCPServer[Runtime], runtime: Runtime) -> None:
    """Declare the resources."""

    @server.resource("leads://leads/{lead_id}", title="Lead", mime_type=JSON)
    async def lead(lead_id: str) -> str:
        """Everything known of one lead. Its texts come from outside."""
        with told_resource():
            return (await runtime.read(lambda work: service.get(work, lead_id))).model_dump_json()

    @server.resource("leads://segments/{name}", title="Segment", mime_type=JSON)
    async def segment(name: str) -> str:
        """A segment's size and breakdown now."""
        with told_resource():
            return (await runtime.read(lambda work: segments.preview_named(work, name))).model_dump_json()

    @server.resource("leads://imports/{import_id}", title="Import report", mime_type=JSON)
    async def report(import_id: str) -> str:
        """What an import did."""
        with told_resource():
            return (await runtime.read(lambda work: imports.get_report(work, import_id))).model_dump_json()

    @server.resource("leads://imports/{import_id}/rejects", title="Rejected rows", mime_type="text/csv")
    async def rejected(import_id: str) -> str:
        """Rows that an import could not take: line, reasons, original text."""
        with told_resource():
            return await runtime.read(lambda work: rejects_csv(imports.rejects(work, import_id)))
