"""SMS whose outcome nobody recorded, settled by what the sandbox's Twilio has. Nothing is sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from overture_core.clock import ManualClock
from overture_core.errors import ProviderUnavailable
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.reconciling import TAKEN_FOR
from overture_core.storage.schema import MessageEvent
from overture_providers.endpoints import sms_endpoint
from overture_providers.sms.client import FoundSms, TwilioClient
from overture_providers.transport import make_http
from overture_worker.reconcile import AT_ONCE, Lookup, Reconciler

pytestmark = pytest.mark.anyio
TEXTERS = "Ada,,+12125550101,US,sms\nBen,,+12125550102,US,sms\n"
MANY = "".join(f"Lead{number},,+121255501{number:02},US,sms\n" for number in range(10, 40))


@dataclass
class InSandboxTime:
    """Twilio's look-up, with the machine's time, which the sandbox keeps, told as the test's."""

    client: TwilioClient
    clock: ManualClock

    async def find(self, to: str, body: str, since: datetime) -> list[FoundSms]:
        ahead = datetime.now(UTC) - self.clock.now()
        found = await self.client.find(to, body, since + ahead)
        return [replace(sms, created_at=sms.created_at - ahead) for sms in found]


@dataclass
class Told:
    """A provider that has one message for everybody who asks, under a sid by the number."""

    clock: ManualClock
    status: str = "sent"
    error_code: int | None = None
    fails: bool = False
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def find(self, to: str, body: str, since: datetime) -> Sequence[FoundSms]:
        assert since <= self.clock.now()
        self.asked.append(to)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await anyio.lowlevel.checkpoint()
        self.at_once -= 1
        if self.fails:
            raise ProviderUnavailable("Twilio could not be asked about a message; try again later.")
        return [FoundSms(f"SM{to[1:]}", self.status, to, body, self.clock.now(), self.error_code)]


@asynccontextmanager
async def through_sandbox(scene: Any, clock: ManualClock) -> AsyncIterator[Reconciler]:
    async with make_http(5, connections=10) as http:
        client = TwilioClient(http, sms_endpoint(scene.store.settings), timeout_s=5)
        yield made(scene, InSandboxTime(client, clock))


def made(scene: Any, lookup: Lookup, **bounds: int) -> Reconciler:
    return Reconciler(scene.store, lookup, owner="worker-1", **bounds)


async def lose_answers(scene: Any, sandbox: Any, leads: str = TEXTERS, *, after_accept: bool = True) -> None:
    """Send to leads, with each connection dropped before or after Twilio took the message."""
    number = leads.count("\n")
    sandbox.fault(provider="twilio", kind="drop", count=number, after_accept=after_accept)
    scene.launched(leads)
    await scene.deliver(Channel.SMS)
    assert scene.states() == ["unknown"] * number


async def test_what_twilio_took_is_accepted_under_its_sid_and_not_sent_again(
    scene: Any, sandbox: Any, clock: ManualClock
) -> None:
    await lose_answers(scene, sandbox)
    async with through_sandbox(scene, clock) as reconciler:
        assert [await reconciler.turn(), await reconciler.turn()] == [2, 0]
    sids = {each["recipient"]: each["provider_id"] for each in sandbox.inbox()}
    assert {row.address: row.provider_id for row in scene.rows()} == sids
    assert {(row.state, row.provider) for row in scene.rows()} == {("accepted", "twilio")}
    assert sandbox.summary()["accepted"] == 2


async def test_what_twilio_never_got_stays_unknown_and_is_not_sent(
    scene: Any, sandbox: Any, clock: ManualClock
) -> None:
    await lose_answers(scene, sandbox, after_accept=False)
    async with through_sandbox(scene, clock) as reconciler:
        for _ in range(5):
            assert await reconciler.turn() == 0
            clock.advance(TAKEN_FOR)
    assert scene.states() == ["unknown", "unknown"]
    assert sandbox.summary()["accepted"] == 0


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        ("queued", None, "accepted"),
        ("sent", None, "accepted"),
        ("delivered", None, "delivered"),
        ("read", None, "delivered"),
        ("undelivered", 30003, "failed"),
        ("failed", 30006, "failed"),
        ("failed", 21610, "delivered"),  # they had opted out: as when Twilio's webhook says so
    ],
)
async def test_what_became_of_it_since_counts_as_if_the_webhook_had_come(
    scene: Any, sandbox: Any, clock: ManualClock, status: str, code: int | None, state: str
) -> None:
    await lose_answers(scene, sandbox)
    assert await made(scene, Told(clock, status, code)).turn() == 2
    while intake.process(scene.store):
        pass
    assert scene.states() == [state, state]


async def test_a_provider_that_is_away_costs_one_line_and_is_asked_again_later(
    scene: Any, sandbox: Any, clock: ManualClock
) -> None:
    await lose_answers(scene, sandbox, MANY)
    told = Told(clock, fails=True)
    reconciler = made(scene, told)
    with capture_logs() as lines:
        assert await reconciler.turn() == 0
    assert [(line["event"], line["error"]) for line in lines] == [("reconciling_stopped", "provider_unavailable")]
    assert len(told.asked) <= AT_ONCE
    told.fails = False
    assert await reconciler.turn() == 0
    clock.advance(TAKEN_FOR)
    assert await reconciler.turn() == 30
    assert set(scene.states()) == {"accepted"}


async def test_a_turn_asks_for_no_more_than_its_bound_and_few_at_once(
    scene: Any, sandbox: Any, clock: ManualClock
) -> None:
    await lose_answers(scene, sandbox, MANY)
    told = Told(clock)
    reconciler = made(scene, told, most=20, at_once=3)
    assert [await reconciler.turn(), await reconciler.turn(), await reconciler.turn()] == [20, 10, 0]
    assert told.most_at_once <= 3
    assert sorted(told.asked) == sorted(row.address for row in scene.rows())


async def test_two_processes_share_the_work(scene: Any, sandbox: Any, clock: ManualClock) -> None:
    await lose_answers(scene, sandbox, MANY)
    told = Told(clock)
    settled: list[int] = []

    async def turn() -> None:
        settled.append(await made(scene, told).turn())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turn)
        tasks.start_soon(turn)
    assert sum(settled) == 30
    assert len(told.asked) == 30
    with scene.store.read("default") as work:
        settlements = work.session.query(MessageEvent).filter(MessageEvent.cause == "lookup")
        assert settlements.count() == 30


async def test_what_a_worker_still_holds_is_not_asked_about(scene: Any, sandbox: Any, clock: ManualClock) -> None:
    scene.launched(TEXTERS)
    scene.claim(Channel.SMS)
    told = Told(clock)
    clock.advance(timedelta(minutes=1))
    assert await made(scene, told).turn() == 0
    assert told.asked == []
