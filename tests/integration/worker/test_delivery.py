"""Delivery of one chunk against the sandbox, with what can go wrong on the way."""

from __future__ import annotations

import json
import time
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
from overture_core.contactability.gate import contactability
from overture_core.errors import Conflict
from overture_core.messages import breaker, ledger
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress_address
from overture_core.storage.schema import Lead, Message, MessageEvent
from overture_core.workspaces import senders
from overture_queue import jobs
from overture_queue.broker import RedisHandle
from overture_queue.dispatch import dispatch_due
from overture_worker.rates import Rates

pytestmark = pytest.mark.anyio
MANY = "".join(f"Lead{number},lead{number}@example.com,,US,\n" for number in range(10))
THREE = "Ada,ada@example.com,,US,\nBen,ben@example.com,,US,\nCleo,cleo@example.com,,US,\n"
TEXTERS = "Ada,,+12125550101,US,sms\nBen,,+12125550102,US,sms\n"


def taken_from_the_queue(handle: RedisHandle) -> list[jobs.DeliverChunk]:
    """The delivery jobs that wait, as a worker would take them."""
    waiting = handle.client.hgetall(f"{handle.broker.namespace}:{jobs.QUEUE_EMAIL}.msgs")
    handle.client.flushall()
    found = [jobs.decode(json.loads(raw)["args"][0]) for raw in waiting.values()]
    return [job for job in found if isinstance(job, jobs.DeliverChunk)]


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


async def test_a_sender_that_is_refused_sends_nothing_and_loses_nothing(scene: Any, sandbox: Any) -> None:
    scene.launched(THREE)
    with scene.store.begin("default", actor="test") as work:
        address = scene.store.settings.email_from
        senders.take(work, [senders.Answer(Channel.EMAIL, address, False, "not there")])
    assert await scene.deliver() == 0
    assert {(row.state, row.reason) for row in scene.rows()} == {("held", "unverified_sender")}
    with scene.store.begin("default", actor="test") as work:
        ada = work.session.scalars(select(Lead)).first()
        assert contactability(work, ada, Channel.EMAIL).reason == "unverified_sender"
        assert senders.waiting(work, address) == 3
        (mine,) = senders.decide(work, f" {address.upper()} ", verified=True, note="seen in the console")
        senders.take(work, [senders.Answer(Channel.EMAIL, address, False, "not there")])
        assert senders.list_(work)[0].verified is mine.verified is True
        senders.take(work, [senders.Answer(Channel.SMS, scene.store.settings.sms_from, None, "away")])
        assert all(each.verified for each in senders.list_(work))
        ledger.sweep(work)
    assert await scene.deliver() == 3
    assert set(scene.states()) == {"accepted"}


async def test_the_gate_is_asked_again_before_sending(scene: Any, clock: ManualClock) -> None:
    scene.launched(TEXTERS)
    clock.advance(timedelta(hours=12))  # half past eleven at night in New York
    assert await scene.deliver(Channel.SMS) == 0
    assert {(row.state, row.reason) for row in scene.rows()} == {("held", "quiet_hours")}
    assert {row.due_at.isoformat() for row in scene.rows()} == {"2026-11-24T13:00:00+00:00"}


async def test_a_message_that_waited_out_of_the_campaigns_hours_waits_for_the_next_ones(
    scene: Any, clock: ManualClock
) -> None:
    scene.launched(THREE, send_window={"start": "09:00", "until": "17:00", "days": ["mon", "tue"]})
    clock.advance(timedelta(hours=12))  # half past eleven at night in New York; Leads without a phone have no zone
    assert await scene.deliver() == 0
    assert {(row.state, row.reason) for row in scene.rows()} == {("held", "send_window")}
    assert {row.due_at.isoformat() for row in scene.rows()} == {"2026-11-24T09:00:00+00:00"}


async def test_a_second_campaign_on_the_same_day_waits_for_the_cap(scene: Any) -> None:
    scene.launched(THREE)
    scene.launched(THREE, name="Summer")
    assert await scene.deliver() == 3
    assert await scene.deliver() == 0
    assert sorted(scene.states()) == ["accepted"] * 3 + ["held"] * 3


async def test_a_lead_in_one_workers_hands_is_in_no_others(scene: Any) -> None:
    scene.launched(THREE)
    scene.launched(THREE + "Dora,dora@example.com,,US,\n", name="Summer")
    spring = scene.claim()
    async with scene.delivery() as delivery:
        assert await delivery.deliver(scene.claim()) == 1  # Dora alone: the others are being written to
        assert await delivery.deliver(spring) == 3
        assert await delivery.deliver(scene.claim()) == 0
    assert sorted(scene.states()) == ["accepted"] * 4 + ["held"] * 3


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
    scene.configure(email_batch_size=1)
    scene.launched(THREE)
    sandbox.fault(provider="sendgrid", kind="500", count=1)
    await scene.deliver()
    assert sorted(scene.states()) == ["due", "due", "unknown"]


async def test_a_provider_in_trouble_is_tried_with_one_message_and_then_trusted_again(
    scene: Any, sandbox: Any, redis_handle: RedisHandle, clock: ManualClock
) -> None:
    scene.configure(email_batch_size=2)
    scene.launched(MANY)
    sandbox.fault(provider="sendgrid", kind="hang", count=2)
    scene.configure(provider_timeout_s=0.5)

    async def round_of_work() -> list[str]:
        dispatch_due(scene.store, redis_handle.broker, owner="worker-1")
        async with scene.delivery() as delivery:
            for job in taken_from_the_queue(redis_handle):
                await delivery.deliver(job)
        return [f"{state}: {scene.states().count(state)}" for state in sorted(set(scene.states()))]

    assert await round_of_work() == ["due: 8", "unknown: 2"]
    with scene.store.read("default") as work:
        seen = breaker.view(work, "sendgrid")
    assert (seen.state, seen.reason, seen.until) == ("open", "no_answer", clock.now() + breaker.FIRST_REST)
    assert await round_of_work() == ["due: 8", "unknown: 2"]
    clock.advance(breaker.FIRST_REST)
    assert await round_of_work() == ["due: 7", "unknown: 3"]  # the one that was tried
    clock.advance(breaker.FIRST_REST)
    assert await round_of_work() == ["due: 7", "unknown: 3"]  # it rests for longer now
    clock.advance(breaker.FIRST_REST)
    assert await round_of_work() == ["accepted: 1", "due: 6", "unknown: 3"]
    assert await round_of_work() == ["accepted: 7", "unknown: 3"]
    with scene.store.read("default") as work:
        assert breaker.view(work, "sendgrid").state == "closed"


async def test_several_workers_keep_one_rate(scene: Any, sandbox: Any, redis_handle: RedisHandle) -> None:
    settings = scene.store.settings.model_copy(update={"email_per_second": 4})
    began = time.monotonic()
    async with Rates(settings, redis_handle.url) as one, Rates(settings, redis_handle.url) as other:
        granted = [await each.permits(Channel.EMAIL, "hello@overture.example", 3) for each in (one, other) * 3]
    assert sum(granted) <= 4 * (int(time.monotonic() - began) + 2)
    assert all(1 <= each <= 3 for each in granted)


async def test_without_redis_no_rate_is_guessed(scene: Any) -> None:
    settings = scene.store.settings.model_copy(update={"email_per_second": 4})
    async with Rates(settings, "redis://127.0.0.1:9") as rates:
        assert await rates.permits(Channel.EMAIL, "hello@overture.example", 3) == 0


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
