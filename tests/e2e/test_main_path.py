"""The main job on real processes: MCP > SQLite > Redis > worker > sandbox over HTTP > webhook > MCP."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult

FILE = """First Name,E-mail,Country,Last Contact,Consent
Ada,ada.reply-yes@northwind.example,US,2024-03-01,email
Bob,bob.bounce@fabrikam.example,US,2024-03-01,email
Cleo,cleo.unsub@contoso.example,US,2024-03-01,email
Dan,dan@contoso.example,DE,2024-03-01,
Eve,not an address,US,2024-03-01,email
"""


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    structured: dict[str, Any] | None = result.structured_content
    assert structured is not None
    return structured


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


async def prepare(leads: Client, messaging: Client) -> dict[str, Any]:
    """Import, segment, template, plan."""
    report = await call(leads, "leads_import_file", content=FILE)
    assert (report["created"], report["rejected"]) == (4, 1)
    segment = await call(leads, "leads_save_segment", name="dormant", where="dormant_days >= 90")
    assert segment["count"] == 4
    await call(
        messaging,
        "messaging_save_template",
        name="hello",
        channel="email",
        subject="Hello {{ first_name }}",
        body="Hi {{ first_name }}, are you still interested?",
    )
    plan = await call(
        messaging, "messaging_plan_campaign", name="Spring", segment="dormant", templates={"email": "hello"}
    )
    assert (plan["recipients"], plan["excluded"], plan["sandbox"]) == (3, {"consent_missing": 1}, True)
    text = await refused(messaging, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert f"overture approvals approve {plan['approval']['id']}" in text
    return plan


async def finish(messaging: Client, plan: dict[str, Any]) -> dict[str, Any]:
    """Launch, and wait until every answer has come back."""
    launched = await call(messaging, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert (launched["queued"], launched["dispatch"]) == (3, "queued")
    with anyio.fail_after(30):
        while True:
            found = await call(messaging, "messaging_get_campaign", campaign="Spring")
            if found["replied"] and found["counts"] == {"bounced": 1, "delivered": 2, "skipped": 1}:
                return found
            await anyio.sleep(0.1)


@pytest.mark.anyio
async def test_over_stdio_a_file_of_leads_becomes_delivered_messages_and_a_reply(start: Any) -> None:
    with start() as system:
        async with Client(system.stdio("leads")) as leads, Client(system.stdio("messaging")) as messaging:
            plan = await prepare(leads, messaging)
            await anyio.to_thread.run_sync(system.overture, "approvals", "approve", plan["approval"]["id"])
            found = await finish(messaging, plan)
            assert (found["approval"]["decided_via"], found["accepted"], found["sandbox"]) == ("cli", 3, True)
            replies = await call(messaging, "messaging_list_replies", campaign="Spring")
            assert [(each["lead_name"], each["intent"]) for each in replies["replies"]] == [("Ada", "interested")]
            # The unsubscribe comes after the delivery that the status waited for.
            with anyio.fail_after(30):
                while len((suppressed := await call(leads, "leads_list_suppressions"))["suppressions"]) < 3:
                    await anyio.sleep(0.1)
            # Who unsubscribes is suppressed by address and as a person.
            kinds = {(each["kind"], each["reason"]) for each in suppressed["suppressions"]}
            assert kinds == {("email", "bounce"), ("email", "unsubscribe"), ("person", "unsubscribe")}
        assert system.summary()["accepted_twice"] == []


@pytest.mark.anyio
async def test_over_http_a_client_of_each_protocol_era_does_the_same_job(start: Any) -> None:
    with start() as system:
        async with (
            Client(f"{system.http}/leads/mcp", mode="legacy") as leads,
            Client(f"{system.http}/messaging/mcp", mode="2026-07-28") as messaging,
            Client(f"{system.http}/messaging/mcp", mode="legacy") as older,
        ):
            assert (leads.protocol_version, messaging.protocol_version) == ("2025-11-25", "2026-07-28")
            plan = await prepare(leads, messaging)
            await anyio.to_thread.run_sync(system.overture, "approvals", "approve", plan["approval"]["id"])
            found = await finish(older, plan)
            assert found == await call(messaging, "messaging_get_campaign", campaign="Spring")
        assert system.summary()["accepted_twice"] == []
