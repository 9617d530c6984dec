"""The MCP App: what a host is given of it, in each protocol era, and what everybody else is not."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent, TextResourceContents

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.settings import Settings
from overture_servers.apps.showing import KEY
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
URI = "ui://overture/campaign"
EXTENSION = "io.modelcontextprotocol/ui"
MIME = "text/html;profile=mcp-app"


@pytest.fixture
async def unserved(desk: Any) -> AsyncIterator[Runtime]:
    """A runtime with leads and templates, at whose address no dashboard is; nothing else comes to listen there."""
    await desk.filled()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        settings: Settings = desk.runtime.settings.model_copy(update={"http_port": held.getsockname()[1]})
        runtime = Runtime(settings, desk.runtime.store)
        desk.runtime = runtime
        yield runtime


async def plan(client: Client) -> CallToolResult:
    return await called(
        client, "messaging_plan_campaign", name="Spring", segment="dormant", templates={"email": "hello"}
    )


async def called(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    return result


def shown(result: CallToolResult) -> dict[str, Any]:
    assert result.meta is not None
    found: dict[str, Any] = result.meta[KEY]
    return found


async def test_three_tools_name_a_document_that_needs_nothing_from_elsewhere(desk: Any) -> None:
    async with desk.messaging(shows=True) as client:
        named = {tool.name: tool.meta for tool in (await client.list_tools()).tools if tool.meta}
        (content,) = (await client.read_resource(URI)).contents
    of_campaigns = ("plan_campaign", "launch_campaign", "get_campaign")
    assert named == {f"messaging_{name}": {"ui": {"resourceUri": URI}} for name in of_campaigns}
    assert isinstance(content, TextResourceContents)
    # No policy of its own: a host then allows what is in it, and nothing else.
    assert (content.uri, content.mime_type, content.meta) == (URI, MIME, {"ui": {"prefersBorder": True}})
    assert content.text.startswith("<!doctype html>")
    assert (
        re.findall(r"(?:src|href)=|@import|url\(|fetch\(|XMLHttp|innerHTML|insertAdjacent|eval\(", content.text) == []
    )
    # A namespace, which nothing fetches.
    assert re.findall(r"https?://[^\"`\s]+", content.text) == ["http://www.w3.org/2000/svg"]


async def test_a_server_says_that_it_has_an_app_where_its_era_has_a_word_for_it(desk: Any) -> None:
    async with desk.messaging(shows=True) as client:
        said = client.server_capabilities.extensions
    assert said == ({EXTENSION: {}} if desk.mode == "auto" else None)


async def test_a_client_that_shows_no_apps_gets_the_same_answers_without_what_they_draw(
    desk: Any, unserved: Runtime
) -> None:
    answers = {}
    for shows in (False, True):
        async with desk.messaging(shows=shows) as client:
            await plan(client)
            answers[shows] = await called(client, "messaging_get_campaign", campaign="Spring")
    assert KEY not in (answers[False].meta or {})
    assert shown(answers[True])["title"] == "Spring"
    for field in ("plan_id", "approval"):  # planned anew
        for each in answers.values():
            (each.structured_content or {}).pop(field)
    texts = []
    for each in answers.values():
        (block,) = each.content
        assert isinstance(block, TextContent)
        texts.append(re.sub("(apr|pln|plan)_[0-9A-Z]+", "ID", block.text))
    assert texts[0] == texts[1]
    assert answers[False].structured_content == answers[True].structured_content


async def test_a_plan_is_drawn_in_the_words_of_the_dashboard(desk: Any, unserved: Runtime) -> None:
    unserved.has_page()
    async with desk.messaging(shows=True) as client:
        made = await plan(client)
    structured = made.structured_content
    assert structured is not None
    drawn = shown(made)
    assert drawn["figures"] == [[2, "recipients"], [2, "by email"], [1, "left out"], [0, "later"]]
    assert drawn["lines"][:2] == ["Audience: the segment dormant.", "When: as soon as it is launched."]
    assert drawn["groups"] == [
        {
            "title": "Left out",
            "of": "Leads",
            "rows": [["gave no consent, which this channel or country needs first", 1]],
        }
    ]
    assert [structured["samples"][at]["subject"] for at in drawn["samples"]] == ["Hello Ada"]
    assert (drawn["approval"], drawn["planned"], drawn["ended"]) == ("pending", True, False)
    base = unserved.settings.page_url
    assert drawn["page"] == {
        "url": f"{base}/page/approvals/{structured['approval']['id']}",
        "label": "Approve or reject it on the page",
        "how": "It wants a session of yours: `overture dashboard` prints a link that opens one.",
    }


async def test_without_a_dashboard_there_is_no_address_but_the_commands(desk: Any, unserved: Runtime) -> None:
    async with desk.messaging(shows=True) as client:
        made = await plan(client)
        with unserved.store.begin("default", actor="ada") as work:
            approval_id = (made.structured_content or {})["approval"]["id"]
            approvals.decide(work, approval_id, approve=False, by="ada", via=Via.CLI, reason="too soon")
        rejected = await called(client, "messaging_get_campaign", campaign="Spring")
    page = shown(made)["page"]
    away = f"The page is not up: nothing answers at {unserved.settings.page_url}. Run `overture up` there."
    assert (page["url"], page["how"]) == (None, f"{away} Or approve it by `overture approvals approve {approval_id}`.")
    drawn = shown(rejected)
    assert (drawn["approval"], drawn["ended"], drawn["page"]["how"]) == ("rejected", True, away)


async def test_a_dashboard_of_another_process_is_found_where_it_listens(desk: Any, unserved: Runtime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        desk.runtime = Runtime(unserved.settings.model_copy(update={"http_port": port}), unserved.store)
        async with desk.messaging(shows=True) as client:
            made = await plan(client)
    assert shown(made)["page"]["url"].startswith(f"http://127.0.0.1:{port}/page/approvals/apr_")


async def test_a_plan_for_more_leads_waits_beside_what_the_campaign_sends(desk: Any, unserved: Runtime) -> None:
    unserved.has_page()
    async with desk.messaging(shows=True) as client:
        first = await plan(client)
        with unserved.store.begin("default", actor="ada") as work:
            approval_id = (first.structured_content or {})["approval"]["id"]
            approvals.decide(work, approval_id, approve=True, by="ada", via=Via.CLI)
        await called(client, "messaging_launch_campaign", plan_id=(first.structured_content or {})["plan_id"])
        running = shown(await called(client, "messaging_get_campaign", campaign="Spring"))
        async with desk.leads() as leads:
            more = "First Name,E-mail,Country,Last Contact,Consent\nKim,kim@wingtip.example,US,2024-03-01,email\n"
            await called(leads, "leads_import_file", content=more)
        second = await plan(client)
        both = shown(await called(client, "messaging_get_campaign", campaign="Spring"))
    assert [(each["state"], each["planned"], each["ended"]) for each in (running, both)] == [
        ("running", False, False),
        ("running", True, False),
    ]
    assert (running["page"]["label"], both["may_pause"]) == ("See it on the page", True)
    assert both["page"] == shown(second)["page"]
