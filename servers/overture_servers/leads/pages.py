"""What leads_list shows, as resources: `leads://imports` and its like, each page with the cursor to the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from mcp.server.mcpserver import MCPServer

from overture_servers.leads.listing import What, page
from overture_servers.runtime import Runtime, told_resource

JSON = "application/json"
_TITLES: dict[What, tuple[str, str]] = {
    "imports": ("Imports", "What each import did, newest first; leads_undo takes one back."),
    "duplicates": ("Look-alikes", "Leads of one name at one company or mail domain, in groups; nothing is merged."),
    "mappings": ("Saved mappings", "What the columns of kinds of files are, by name."),
    "signals": ("Signals", "What happened to leads, newest first: a job change, funding, hiring and the like."),
}


def add_pages(server: MCPServer[Runtime], runtime: Runtime) -> None:
    """Declare the resources."""

    async def shown(what: What, id_: str | None = None, cursor: str | None = None) -> str:
        with told_resource():
            return (await runtime.read(lambda work: page(work, what, id_, cursor))).model_dump_json()

    for what, (title, description) in _TITLES.items():
        first, behind = _readers(shown, what)
        declare = partial(server.resource, description=description, mime_type=JSON)
        declare(f"leads://{what}", name=what, title=title)(first)
        declare(f"leads://{what}{{?cursor}}", name=f"more_{what}", title=f"{title}, next page")(behind)

    @server.resource("leads://imports/{import_id}/duplicates{?cursor}", title="Look-alikes", mime_type=JSON)
    async def duplicates_of_import(import_id: str, cursor: str | None = None) -> str:
        """Look-alikes among whom an import created somebody."""
        return await shown("duplicates", import_id, cursor)

    @server.resource("leads://leads/{lead_id}/signals{?cursor}", title="Signals of a lead", mime_type=JSON)
    async def signals_of_lead(lead_id: str, cursor: str | None = None) -> str:
        """What happened to a lead, newest first. Its notes come from outside."""
        return await shown("signals", lead_id, cursor)

    @server.resource("leads://leads/{lead_id}/merges{?cursor}", title="Merges into a lead", mime_type=JSON)
    async def merges_of_lead(lead_id: str, cursor: str | None = None) -> str:
        """What rows of files changed in a lead, before and after, newest first; leads_undo takes one back."""
        return await shown("merges", lead_id, cursor)


def _readers(
    shown: Callable[..., Awaitable[str]], what: What
) -> tuple[Callable[[], Awaitable[str]], Callable[..., Awaitable[str]]]:
    """Return what reads the first page of a list, and what reads the one behind a cursor."""

    async def first() -> str:
        return await shown(what)

    async def behind(cursor: str | None = None) -> str:
        return await shown(what, cursor=cursor)

    return first, behind
