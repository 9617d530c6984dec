"""Delivery of one chunk against the sandbox, with what can go wrong on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.status import status
from overture_core.clock import ManualClock
from overture_core.errors import Conflict
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress_address
from overture_core.storage.schema import Message, MessageEvent

pytestmark = pytest.mark.anyio
THREE = "Ada,ada@example.com,,US,\nBen,ben@example.com,,US,\nCleo,cleo@example.com,,US,\n"
TEXTERS = "Ada,,+12125550101,US,sms\nBen,,+12125550102,US,sms\n"


async def test_a_chunk_of_mail_is_accepted_and_each_gets_its_own_words(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    assert await scene.deliver() == 3
    assert {(row.state, row.attempt, row.lease_token) for row in scene.rows()} == {("accepted", 1, None)}
    inbox = {each["recipient"]: each for each in sandbox.inbox()}
    assert inbox["ben@example.com"]["subject"] == "Hi Ben"
    assert inbox["ben@example.com"]["body"].startswith("Hi Ben.")
    assert {each["message_id"] for each in inbox.values()} == {row.id for row in scene.rows()}


async def test_a_chunk_of_sms_is_accepted_with_the_opt_out_line(scene: Any, sandbox: Any) -> None:
    scene.launched(TEXTERS)
    assert await scene.deliver(Channel.SMS) == 2
    assert set(scene.states()) == {"accepted"}
    assert all(each["body"].endswith("Reply STOP to opt out.") for each in sandbox.inbox())


async def test_a_job_that_comes_twice_sends_once(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    job = scene.claim()
    async with scene.delivery() as delivery:
        assert [await delivery.deliver(job), await delivery.deliver(job)] == [3, 0]
    assert sandbox.summary()["accepted"] == 3


async def test_who_said_no_since_the_launch_is_left_out_before_sending(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    with scene.store.begin("default", actor="test") as work:
        suppress_address(work, Channel.EMAIL, "BEN@example.com", reason="unsubscribe", origin="test")
    assert await scene.deliver() == 2
    assert scene.states() == ["accepted", "cancelled", "accepted"]
    assert {each["recipient"] for each in sandbox.inbox()} == {"ada@example.com", "cleo@example.com"}


async def test_the_gate_is_asked_again_before_sending(scene: Any, clock: ManualClock) -> None:
    scene.launched(TEXTERS)
    clock.advance(timedelta(hours=12))  # half past eleven at night in New York
    assert await scene.deliver(Channel.SMS) == 0
    assert {(row.state, row.reason) for row in scene.rows()} == {("held", "quiet_hours")}
    assert {row.due_at.isoformat() for row in scene.rows()} == {"2026-11-24T13:00:00+00:00"}


async def test_a_second_campaign_on_the_same_day_waits_for_the_cap(scene: Any) -> None:
    scene.launched(THREE)
    scene.launched(THREE, name="Summer")
    assert await scene.deliver() == 3
    assert sorted(scene.states()) == ["accepted"] * 3 + ["held"] * 3


async def test_a_campaign_paused_after_its_claim_sends_nothing(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    job = scene.claim()
    with scene.store.begin("default", actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.PAUSED)
    async with scene.delivery() as delivery:
        assert await delivery.deliver(job) == 0
    assert sandbox.summary()["accepted"] == 0


async def test_a_provider_that_is_too_busy_is_asked_again_when_it_said(
    scene: Any, sandbox: Any, clock: ManualClock
) -> None:
    scene.launched(THREE)
    sandbox.fault(provider="sendgrid", kind="429", count=1, seconds=30)
    await scene.deliver()
    assert {(row.state, row.reason) for row in scene.rows()} == {("due", "retry:429")}
    assert all(row.due_at > clock.now() for row in scene.rows())
    clock.advance(timedelta(hours=1, minutes=1))
    assert await scene.deliver() == 3
    assert sandbox.summary()["accepted_twice"] == []


async def test_refused_credentials_lose_nothing_and_name_the_setting(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    sandbox.fault(provider="sendgrid", kind="401", count=1)
    await scene.deliver()
    assert {(row.state, row.reason, row.attempt) for row in scene.rows()} == {("due", "retry:unauthorized", 0)}
    with scene.store.read("default") as work:
        details = set(work.session.scalars(select(MessageEvent.detail).where(MessageEvent.cause == "sendgrid")))
        advice = status(work, "Spring").advice
    assert all("OVERTURE_SENDGRID_API_KEY" in detail for detail in [*details, *advice])
    assert advice


@pytest.mark.parametrize("kind", ["500", "drop"])
@pytest.mark.parametrize("after_accept", [False, True])
async def test_an_answer_that_proves_nothing_leaves_the_message_unknown_and_is_not_repeated(
    scene: Any, sandbox: Any, kind: str, after_accept: bool
) -> None:
    scene.launched(THREE)
    sandbox.fault(provider="sendgrid", kind=kind, count=1, after_accept=after_accept)
    await scene.deliver()
    assert set(scene.states()) == {"unknown"}
    assert sandbox.summary()["accepted"] == (3 if after_accept else 0)
    with pytest.raises(AssertionError):  # nothing is due
        scene.claim()


async def test_a_provider_in_trouble_ends_the_chunk_and_gives_the_rest_back(scene: Any, sandbox: Any) -> None:
    scene.configure(wave_size=1)
    scene.launched(THREE)
    sandbox.fault(provider="sendgrid", kind="500", count=1)
    await scene.deliver()
    assert sorted(scene.states()) == ["due", "due", "unknown"]


async def test_one_faulty_message_does_not_keep_the_others_back(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE + "Long,long@example.com,,US,\n")
    with scene.store.begin("default", actor="test") as work:
        row = work.session.scalars(select(Message).order_by(Message.id)).all()[-1]
        row.address = "not an address"
    await scene.deliver()
    assert scene.states() == ["accepted"] * 3 + ["failed"]
    assert sandbox.summary()["accepted"] == 3


async def test_a_worker_that_stops_gives_back_what_has_not_left(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    scene.stopping = True
    assert await scene.deliver() == 0
    assert scene.states() == ["due"] * 3
    assert sandbox.summary()["accepted"] == 0


REAL = {
    "sandbox_only": False,
    "sendgrid_api_key": SecretStr("SG.real"),
    "email_from": "ada@company.example",
    "postal_address": "1 Company Street",
    "public_url": "https://overture.company.example",
}


async def test_what_was_approved_for_the_sandbox_is_held_once_providers_are_real(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    scene.configure(**REAL, sendgrid_base_url=sandbox.url)  # stands where the real host would
    assert await scene.deliver() == 0
    assert {(row.state, row.reason) for row in scene.rows()} == {("held", "approved_for_other_providers")}
    assert sandbox.summary()["accepted"] == 0
    with scene.store.read("default") as work:
        assert status(work, "Spring").sandbox


async def test_a_plan_approved_for_the_sandbox_does_not_launch_for_real(scene: Any) -> None:
    scene.launched(THREE)
    with scene.store.begin("default", actor="test") as work:
        planned = plan(work, PlanRequest(name="Summer", segment="all", templates={Channel.EMAIL: "mail"}))
        approvals.decide(work, planned.approval.id, approve=True, by="test", via=Via.CLI)
    scene.configure(**REAL)
    with scene.store.begin("default", actor="test") as work, pytest.raises(Conflict, match="plan again"):
        launch(work, planned.plan_id)
