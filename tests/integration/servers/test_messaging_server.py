"""The messaging server's tools, resources and prompts, through a client of each protocol era."""

from __future__ import annotations

import time
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import TextContent, TextResourceContents

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_queue.broker import RedisHandle
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio


def approve(runtime: Runtime, plan: dict[str, Any]) -> None:
    with runtime.store.begin("default", actor="ada") as work:
        approvals.decide(work, plan["approval"]["id"], approve=True, by="ada", via=Via.CLI)


async def test_templates_are_versioned_listed_and_previewed(desk: Any) -> None:
    await desk.filled()
    async with desk.messaging() as client:
        again = {"name": "hello", "channel": "email", "subject": "Hi", "body": "Hello {{ first_name }}."}
        saved = await desk.call(client, "messaging_save_template", **again)
        assert (saved["version"], saved["fields"]) == (2, ["first_name"])
        assert await desk.call(client, "messaging_save_template", **again) == saved
        listed = await desk.call(client, "messaging_list_templates")
        assert [(each["name"], each["version"]) for each in listed["templates"]] == [("hello", 2), ("hello-sms", 1)]
        seen = await desk.call(client, "messaging_preview_template", name="hello", segment="dormant")
        assert [(each["to"], each["error"]) for each in seen["renderings"]] == [
            ("ada@northwind.example", None),
            ("bob@fabrikam.example", None),
            ("dan@contoso.example", None),
        ]
        assert seen["renderings"][0]["body"].startswith("Hello Ada.")
        (shown,) = (await client.read_resource("messaging://templates/hello")).contents
        assert isinstance(shown, TextResourceContents)
        assert '"version":2' in shown.text


async def test_a_plan_freezes_who_gets_what_and_says_that_nobody_outside_is_contacted(desk: Any) -> None:
    await desk.filled()
    plan = await desk.planned()
    assert (plan["recipients"], plan["by_channel"], plan["excluded"]) == (2, {"email": 2}, {"consent_missing": 1})
    assert (plan["approval"]["state"], plan["sandbox"]) == ("pending", True)
    async with desk.messaging() as client:
        text = await desk.text(
            client, "messaging_plan_campaign", name="Spring", segment="dormant", templates={"email": "hello"}
        )
    assert "2 recipients (email 2), 0 of them later, 1 left out (1 lead: gave no consent, " in text
    assert "Sandbox: nobody outside is contacted." in text


async def test_a_plan_that_reaches_nobody_says_why_and_asks_nobody_for_approval(desk: Any) -> None:
    await desk.filled()
    async with desk.leads() as client:
        await desk.call(client, "leads_save_segment", name="germans", where="country = DE")
        await desk.call(client, "leads_save_segment", name="nobody", where="country = NZ")
    why = {
        "germans": "everybody in the segment is left out (1 lead: gave no consent, which this channel or country needs "
        "first)",
        "nobody": "the segment is empty",
    }
    async with desk.messaging() as client:
        for segment, reason in why.items():
            plan = {"name": segment, "segment": segment, "templates": {"email": "hello"}}
            made = await desk.call(client, "messaging_plan_campaign", **plan)
            text = await desk.text(client, "messaging_plan_campaign", **plan)
            told = f"{reason}; mend that or choose another segment, then plan again."
            assert text.endswith(f" reaches nobody: {told} Nothing waits for approval.")
            assert (made["recipients"], made["approval"]["state"]) == (0, "void")
            again = await desk.call(client, "messaging_plan_campaign", **plan)
            refused = await desk.refused(client, "messaging_launch_campaign", plan_id=again["plan_id"])
            assert refused == f"There is nothing to launch: {told}"


async def test_without_an_approval_nothing_is_launched_and_the_error_says_how_a_person_approves(desk: Any) -> None:
    await desk.filled()
    plan = await desk.planned()
    async with desk.messaging() as client:
        text = await desk.refused(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert f"overture approvals approve {plan['approval']['id']}" in text
        found = await desk.call(client, "messaging_get_campaign", campaign="Spring")
        assert (found["state"], found["counts"]) == ("planned", {"draft": 2, "skipped": 1})


async def test_an_approved_plan_is_launched_once(desk: Any, runtime: Runtime, redis_handle: RedisHandle) -> None:
    await desk.filled()
    plan = await desk.planned()
    approve(runtime, plan)
    async with desk.messaging() as client:
        launched = await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert launched == {
            "campaign_id": plan["campaign_id"],
            "campaign": "Spring",
            "state": "running",
            "queued": 2,
            "held": 0,
            "approved_by": "ada",
            "approved_via": "cli",
            "dispatch": "queued",
        }
        assert await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"]) == launched
        found = await desk.call(client, "messaging_get_campaign", campaign=plan["campaign_id"])
        assert found["counts"] == {"due": 2, "skipped": 1}
        listed = await desk.call(client, "messaging_list_campaigns")
        assert [(each["campaign"], each["state"]) for each in listed["campaigns"]] == [("Spring", "running")]
        (shown,) = (await client.read_resource("messaging://campaigns/Spring")).contents
        assert isinstance(shown, TextResourceContents)
        assert '"state":"running"' in shown.text
    assert redis_handle.client.llen("overture:control") == 2


async def test_with_redis_away_a_launch_says_at_once_that_messages_wait(
    settings: Settings, sqlite_store: Store, make_desk: Any, mode: str
) -> None:
    away = Runtime(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}), sqlite_store)
    desk = make_desk(away, mode)
    await desk.filled()
    plan = await desk.planned()
    approve(away, plan)
    began = time.monotonic()
    async with desk.messaging() as client:
        text = await desk.text(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert time.monotonic() - began < 5
        assert text == (
            "Spring is running: 2 messages due. Redis is away: the messages stay due and go out when it is back."
        )
        launched = await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert (launched["dispatch"], launched["queued"]) == ("waiting", 2)
    away.close()


async def test_a_redis_address_that_cannot_be_read_does_not_hide_that_the_launch_took_effect(
    settings: Settings, sqlite_store: Store, make_desk: Any
) -> None:
    wrong = Runtime(settings.model_copy(update={"redis_url": "nonsense"}), sqlite_store)
    desk = make_desk(wrong, "auto")
    await desk.filled()
    plan = await desk.planned()
    approve(wrong, plan)
    async with desk.messaging() as client:
        launched = await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert (launched["state"], launched["dispatch"]) == ("running", "waiting")
    wrong.close()


async def test_the_next_launch_starts_another_embedded_redis_after_the_first_one_died(
    settings: Settings, sqlite_store: Store, make_desk: Any
) -> None:
    own = Runtime(settings, sqlite_store)
    desk = make_desk(own, "auto")
    await desk.filled()
    plan = await desk.planned()
    approve(own, plan)
    async with desk.messaging() as client:
        launch = {"plan_id": plan["plan_id"]}
        assert (await desk.call(client, "messaging_launch_campaign", **launch))["dispatch"] == "queued"
        own._redis.client.shutdown(nosave=True, now=True, force=True)  # type: ignore[union-attr]
        seen = [(await desk.call(client, "messaging_launch_campaign", **launch))["dispatch"] for _ in range(2)]
        assert seen[-1] == "queued"
    own.close()


async def test_a_campaign_is_paused_resumed_and_cancelled(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    plan = await desk.planned()
    approve(runtime, plan)
    async with desk.messaging() as client:
        await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        states = [
            (await desk.call(client, "messaging_stop_campaign", campaign="Spring", action=action))["state"]
            for action in ("pause", "resume", "cancel")
        ]
        assert states == ["paused", "running", "cancelled"]
        text = await desk.refused(client, "messaging_stop_campaign", campaign="Spring", action="resume")
        assert text == "The campaign 'Spring' is cancelled and cannot become running."
        found = await desk.call(client, "messaging_get_campaign", campaign="Spring")
        assert found["counts"] == {"cancelled": 2, "skipped": 1}
        text = await desk.text(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert text == "Spring is cancelled; this plan was launched before."


async def test_a_launch_into_a_paused_campaign_says_that_nothing_leaves(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    plan = await desk.planned()
    approve(runtime, plan)
    async with desk.messaging() as client:
        await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        await desk.call(client, "messaging_stop_campaign", campaign="Spring", action="pause")
        text = await desk.text(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert text == "Spring is paused: 2 messages due. Nothing leaves until it is resumed."


async def test_a_status_names_the_approval_that_it_waits_for(desk: Any) -> None:
    await desk.filled()
    plan = await desk.planned()
    async with desk.messaging() as client:
        text = await desk.text(client, "messaging_get_campaign", campaign="Spring")
        assert text == (
            f"Spring is planned: draft 2, skipped 1. Approval {plan['approval']['id']} of {plan['plan_id']} is pending."
            " Sandbox: nobody outside is contacted."
        )
        assert await desk.text(client, "messaging_list_campaigns") == "Spring: planned, 2 messages"


async def test_a_campaign_without_replies_lists_none(desk: Any) -> None:
    await desk.filled()
    await desk.planned()
    async with desk.messaging() as client:
        assert await desk.text(client, "messaging_list_replies") == "There are no replies yet."
        found = await desk.call(client, "messaging_list_replies", campaign="Spring")
    assert found == {"replies": [], "next_cursor": None}


PLAN = {"name": "Spring", "segment": "dormant", "templates": {"email": "hello"}}


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (
            "messaging_save_template",
            {"name": "x", "channel": "email", "body": "Hi"},
            "An e-mail template needs a subject.",
        ),
        (
            "messaging_save_template",
            {"name": "x", "channel": "sms", "body": "Hi {{ shoe_size }}"},
            "shoe_size",
        ),
        ("messaging_save_template", {"name": "x", "channel": "sms", "body": "Hi {{ first_name"}, ""),
        (
            "messaging_save_template",
            {"name": "x", "channel": "fax", "body": "Hi"},
            "The arguments do not fit: channel: Input should be 'email', 'sms', 'whatsapp', 'voice' or 'linkedin'.",
        ),
        (
            "messaging_preview_template",
            {"name": "x"},
            "There is no template 'x'; the templates are: hello, hello-sms.",
        ),
        ("messaging_preview_template", {"name": "hello", "lead_ids": ["x"]}, "None of these leads exists"),
        ("messaging_plan_campaign", {**PLAN, "segment": "x"}, "There is no segment 'x'; the segments are: dormant."),
        ("messaging_plan_campaign", {"name": "Spring", "templates": {}}, "segment: Field required"),
        ("messaging_plan_campaign", {**PLAN, "templates": {}}, "The arguments do not fit: templates: "),
        ("messaging_plan_campaign", {**PLAN, "templates": {"email": "x"}}, "There is no template 'x'"),
        ("messaging_plan_campaign", {**PLAN, "templates": {"sms": "hello"}}, "is for email, not for sms"),
        (
            "messaging_plan_campaign",
            {**PLAN, "templates": {"fax": "hello"}},
            "Input should be 'email', 'sms', 'whatsapp', 'voice' or 'linkedin'",
        ),
        ("messaging_plan_campaign", {**PLAN, "channel_order": ["sms"]}, "names no channel that has a template"),
        ("messaging_plan_campaign", {**PLAN, "send_at": "2026-12-01T09:00:00"}, "send_at needs a time zone"),
        (
            "messaging_plan_campaign",
            {**PLAN, "send_at": "tomorrow"},
            "The arguments do not fit: send_at: it is no time such as 2026-12-01T09:00:00+01:00.",
        ),
        (
            "messaging_launch_campaign",
            {"plan_id": "x"},
            "There is no plan 'x'; plan the campaign and use the plan_id that comes back.",
        ),
        ("messaging_launch_campaign", {}, "The arguments do not fit: plan_id: Field required."),
        ("messaging_get_campaign", {"campaign": "x"}, "There is no campaign 'x'; the campaigns are: none yet."),
        ("messaging_list_replies", {"campaign": "x"}, "There is no campaign 'x'; the campaigns are: none yet."),
        ("messaging_list_replies", {"cursor": "x"}, "The cursor is not valid; start again without one."),
        ("messaging_stop_campaign", {"campaign": "x", "action": "pause"}, "There is no campaign 'x'"),
        ("messaging_stop_campaign", {"campaign": "x", "action": "send"}, "Input should be 'pause', 'resume' or"),
    ],
)
async def test_a_wrong_argument_is_answered_with_one_sentence(
    desk: Any, tool: str, arguments: dict[str, Any], said: str
) -> None:
    await desk.filled()
    async with desk.messaging() as client:
        text = await desk.refused(client, tool, **arguments)
    assert said in text
    assert text.endswith(".")
    assert not any(word in text for word in ("http", "pydantic", "validation error", "Error executing", "\n"))


async def test_a_replaced_plan_is_not_launched(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    first = await desk.planned()
    approve(runtime, first)
    await desk.planned()
    async with desk.messaging() as client:
        text = await desk.refused(client, "messaging_launch_campaign", plan_id=first["plan_id"])
    assert text == "This plan was replaced by a newer one; launch that, or plan again."


async def test_what_is_not_there_is_not_found_as_a_resource(desk: Any) -> None:
    async with desk.messaging() as client:
        for uri in ("messaging://campaigns/x", "messaging://templates/x"):
            with pytest.raises(MCPError) as caught:
                await client.read_resource(uri)
            assert caught.value.code == -32602


async def test_the_prompt_says_that_a_person_approves(desk: Any) -> None:
    async with desk.messaging() as client:
        (message,) = (await client.get_prompt("write-campaign", {"segment": "dormant", "offer": "10 %"})).messages
    assert isinstance(message.content, TextContent)
    assert "A person approves; you cannot." in message.content.text


async def test_planning_and_launching_report_progress(desk: Any) -> None:
    await desk.filled()
    seen: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    async with desk.messaging() as client:
        asked = {"name": "Spring", "segment": "dormant", "templates": {"email": "hello"}}
        result = await client.call_tool("messaging_plan_campaign", asked, progress_callback=progress)
        assert result.structured_content is not None
        plan = result.structured_content
        approve(desk.runtime, plan)
        await client.call_tool("messaging_launch_campaign", {"plan_id": plan["plan_id"]}, progress_callback=progress)
    assert seen == [(0, 3, "0 of 3 leads"), (3, 3, "3 of 3 leads"), (2, 2, "2 of 2 messages")]


async def test_a_planned_campaign_is_simulated_and_nothing_of_it_happens(desk: Any) -> None:
    await desk.filled()
    await desk.planned()
    async with desk.messaging() as client:
        result = await client.call_tool("messaging_simulate_campaign", {"campaign": "Spring"})
        found, (said,) = result.structured_content, result.content
        assert (found["totals"]["accepted"], found["state"], found["more"]) == (2, "finished", False)
        assert {each["what"] for each in found["entries"]} >= {"accepted", "delivered"}
        assert said.text.startswith("Spring would be finished in the end: 2 accepted")
        assert (await desk.call(client, "messaging_get_campaign", campaign="Spring"))["state"] == "planned"
        refused = await desk.refused(client, "messaging_simulate_campaign", campaign="Winter")
        assert refused == "There is no campaign 'Winter'; the campaigns are: Spring."
