"""What tools answer stays within what a client may read at once, in a workspace whose texts are as long as may be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult

from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.messages.inbound import apply_inbound
from overture_core.storage.schema import Message
from overture_servers.registry import creator
from overture_servers.runtime import Runtime
from overture_servers.tooling import MOST_BYTES

pytestmark = pytest.mark.anyio
ROWS = 110
WIDE = "\u8a9e"  # three bytes, and about a token
# With the arguments that they need, and with the most that they may be asked for.
READS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "leads_search": ({}, {"limit": 100}),
    "leads_get_lead": ({}, {}),
    "leads_trace_lead": ({}, {"limit": 100}),
    "leads_explain_contactability": ({}, {}),
    "leads_list_segments": ({}, {}),
    "leads_preview_segment": ({"name": "all"}, {"name": "all"}),
    "leads_list_suppressions": ({}, {"limit": 100}),
    "leads_list": ({"what": "imports"}, {"what": "duplicates"}),
    "leads_score": ({}, {}),
    "messaging_list_templates": ({}, {}),
    "messaging_preview_template": ({"name": "hello-0", "segment": "all"}, {"name": "hello-0", "segment": "all"}),
    "messaging_get_campaign": ({"campaign": "Spring"}, {"campaign": "Spring"}),
    "messaging_list_campaigns": ({}, {}),
    "messaging_get_health": ({}, {}),
    "messaging_list_replies": ({}, {"limit": 100, "detail": True}),
    "messaging_list_tasks": ({}, {"limit": 100}),
}


@pytest.fixture
async def clients(runtime: Runtime) -> dict[str, Any]:
    return {name: creator(name)(runtime) for name in ("leads", "messaging")}


async def call(clients: dict[str, Any], tool: str, arguments: dict[str, Any]) -> CallToolResult:
    async with Client(clients[tool.partition("_")[0]]) as client:
        result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


def lead(number: int) -> dict[str, str]:
    long = dict.fromkeys(("First Name", "Last Name", "Company", "Title"), WIDE * 100)
    own = {f"Column {column}": WIDE * 400 for column in range(12)}
    return {
        **long,
        **own,
        "E-mail": f"lead{number:04}@{'x' * 60}.example",
        "Notes": WIDE * 2_000,
        "Country": "JP",
        "Consent": "email",
    }


async def filled(runtime: Runtime, clients: dict[str, Any]) -> str:
    """Fill the workspace; returns a lead's id."""
    rows = "\n".join(json.dumps(lead(number)) for number in range(ROWS))
    done = await call(clients, "leads_import_file", {"content": rows, "filename": "wide.jsonl"})
    assert done.structured_content is not None, done.content
    assert done.structured_content["created"] == ROWS
    await call(clients, "leads_save_segment", {"name": "all"})
    for number in range(60):
        await call(
            clients, "leads_save_segment", {"name": f"s{number}{WIDE * 95}", "where": f'company ~ "{WIDE * 900}"'}
        )
        name = f"hello-{number}{WIDE * 90 if number else ''}"
        template = {"name": name, "channel": "email", "subject": WIDE * 190, "body": WIDE * 3_000}
        assert not (await call(clients, "messaging_save_template", template)).is_error
        await call(clients, "leads_suppress", {"kind": "email", "value": f"gone{number}@a.example"})
    plan = {"name": "Spring", "segment": "all", "templates": {"email": "hello-0"}}
    planned = await call(clients, "messaging_plan_campaign", plan)
    assert not planned.is_error, planned.content
    with runtime.store.begin("default", actor="webhook") as work:
        for number, row in enumerate(work.session.query(Message).all()):
            event = InboundMessage(
                provider="sendgrid",
                dedupe_key=f"reply-{number}",
                channel=Channel.EMAIL,
                at=work.now(),
                sender=row.address,
                recipient="us@example.com",
                subject=WIDE * 400,
                body=WIDE * 9_000,
                in_reply_to=row.id,
            )
            assert apply_inbound(work, event)
        return work.session.query(Message).first().lead_id  # type: ignore[union-attr]


async def test_what_is_asked_for_plainly_fits_and_what_does_not_fit_says_what_to_do(
    runtime: Runtime, clients: dict[str, Any]
) -> None:
    lead_id = await filled(runtime, clients)
    sizes, refused = {}, {}
    for tool, (plain, most) in READS.items():
        needs_lead = {"lead_id": lead_id} if tool in ONE_LEAD else {}
        result = await call(clients, tool, {**needs_lead, **plain})
        assert not result.is_error, (tool, result.content)
        sizes[tool] = len(result.model_dump_json(include={"content", "structured_content"}).encode())
        result = await call(clients, tool, {**needs_lead, **most})
        if result.is_error:
            refused[tool] = str(result.content)
    assert {tool: size for tool, size in sizes.items() if size > MOST_BYTES} == {}
    assert {tool for tool, said in refused.items() if "ask for less" not in said} == set()


ONE_LEAD = {"leads_get_lead", "leads_trace_lead", "leads_explain_contactability"}
