"""What the rules draft for the golden set's briefs, rendered by the messaging server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult

from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_crew.slots import slots
from overture_crew.wordings import draft
from overture_queue.broker import RedisHandle
from overture_servers.leads import server as leads
from overture_servers.messaging import server as messaging
from overture_servers.runtime import Runtime
from tests.golden import every_brief

FILE = """First Name,Last Name,E-mail,Phone,Country,Company,Title
Ada,Moss,ada@northwind.example,+12125550101,US,Northwind,Director
,,bob@fabrikam.example,+12125550102,US,,
"""
UNRESOLVED = re.compile(r"\{\{|\}\}|\{%|%\}|\bNone\b|\bundefined\b|\[[A-Za-z ]+\]", re.IGNORECASE)


@pytest.fixture
def runtime(settings: Settings, sqlite_store: Store, redis_handle: RedisHandle) -> Iterator[Runtime]:
    """What the servers run on."""
    opened = Runtime(settings.model_copy(update={"redis_url": redis_handle.url}), sqlite_store)
    yield opened
    opened.close()


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    return dict(result.structured_content or {})


@pytest.mark.anyio
async def test_no_field_of_any_draft_stays_unresolved(runtime: Runtime) -> None:
    async with Client(leads.create(runtime)) as client:
        assert (await call(client, "leads_import_file", content=FILE))["created"] == 2
    rendered = 0
    async with Client(messaging.create(runtime)) as client:
        for which, brief in every_brief():
            for template in (draft(brief, slot) for slot in slots(brief)):
                fields = template.model_dump(include={"name", "channel", "subject", "body"}, exclude_none=True)
                await call(client, "messaging_save_template", **fields)
                shown = (await call(client, "messaging_preview_template", name=template.name))["renderings"]
                assert [each["error"] for each in shown] == [None, None], which
                texts = [f"{each['subject'] or ''}\n{each['body']}" for each in shown]
                assert not [text for text in texts if UNRESOLVED.search(text)], which
                assert all(brief.sender_name in each["body"] for each in shown), which
                rendered += len(shown)
    assert rendered == 2 * sum(len(slots(brief)) for _, brief in every_brief())
