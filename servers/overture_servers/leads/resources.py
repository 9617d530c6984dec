"""The resources of the leads server, but for the lists that have pages (pages.py)."""

from __future__ import annotations

import json

from mcp.server.mcpserver import MCPServer

from overture_core.errors import InvalidInput
from overture_core.leads import imports, mappings, service
from overture_core.leads.exporting import rejects_csv, rejects_page
from overture_core.segments import service as segments
from overture_core.storage.store import Work
from overture_core.suppressions import service as suppressions
from overture_core.suppressions.files import part_csv
from overture_core.text import quoted
from overture_servers.runtime import Runtime, told, told_resource

JSON, CSV = "application/json", "text/csv"
MOST_SUPPRESSIONS = 250  # in a part
PART = 60_000  # characters; with what encodes them far below 25,000 tokens


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
        """What an import did, and its state; of one that did not get to its end how far it is and how to go on."""
        with told_resource():
            return await runtime.read(lambda work: _import(work, import_id))

    @server.resource("leads://imports/{import_id}/rejects", title="Rejected rows", mime_type=CSV)
    async def rejected(import_id: str) -> str:
        """Rows that an import could not take: line, reasons, original text; the last row names the next part."""
        with told_resource():
            return await runtime.read(lambda work: _rejects(work, import_id, 0))

    @server.resource(
        "leads://imports/{import_id}/rejects/{after_line}", title="Rejected rows, next part", mime_type=CSV
    )
    async def more_rejected(import_id: str, after_line: str) -> str:
        """Rejected rows behind a line of the file."""
        with told_resource(), told():
            return await runtime.read(lambda work: _rejects(work, import_id, _line(after_line)))

    @server.resource("leads://mappings/{mapping}", title="Saved mapping", mime_type=JSON)
    async def saved_mapping(mapping: str) -> str:
        """What the columns of a kind of file are, all of them. Their names come from outside."""
        with told_resource():
            return (await runtime.read(lambda work: mappings.get(work, mapping))).model_dump_json()

    @server.resource("leads://suppressions", title="Suppressions", mime_type=CSV)
    async def suppressed() -> str:
        """Who is never contacted again, newest first, as a file that an import takes; the last row names the next."""
        with told_resource():
            return await runtime.read(lambda work: _suppressions(work, None))

    @server.resource("leads://suppressions{?cursor}", title="Suppressions, next part", mime_type=CSV)
    async def more_suppressed(cursor: str | None = None) -> str:
        """Suppressions behind a cursor."""
        with told_resource():
            return await runtime.read(lambda work: _suppressions(work, cursor))


def _import(work: Work, import_id: str) -> str:
    found, report = imports.show(work, import_id), imports.report_of(work, import_id)
    told = {} if report is None else report.model_dump(mode="json")
    return json.dumps({**told, **found.model_dump(mode="json")}, ensure_ascii=False)


def _rejects(work: Work, import_id: str, after: int) -> str:
    found = rejects_page(work, import_id, after=after, most=PART)
    more = f"leads://imports/{import_id}/rejects/{found.rows[-1].line}" if found.more else None
    return rejects_csv(found.rows, more=more)


def _suppressions(work: Work, cursor: str | None) -> str:
    found = suppressions.list_(work, limit=MOST_SUPPRESSIONS, cursor=cursor)
    return part_csv(found, more=f"leads://suppressions?cursor={found.next_cursor}" if found.next_cursor else None)


def _line(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        msg = f"{quoted(text)} is no line of a file; the part before names the next one."
        raise InvalidInput(msg)
    return int(text)
