"""A sender that is being warmed up: no day has more than its allowance, whoever sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.contactability.gate import contactabilities
from overture_core.contactability.rules import Reason, Verdict
from overture_core.messages import ledger, warming
from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store
from overture_core.workspaces import emergency

pytestmark = pytest.mark.anyio
LEADS = "".join(f"L{n},l{n}@example.com,,US,email\n" for n in range(10))
RAMP = [3, 5]


def wake(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        ledger.sweep(work)


async def test_each_day_has_its_allowance_and_the_rest_waits_for_the_next(scene: Any) -> None:
    today = scene.store.clock.now().date()
    scene.configure(email_warm_up_from=today, email_warm_up=RAMP)
    scene.launched(LEADS)
    tomorrow = warming.next_day(scene.store.clock.now())
    assert await scene.deliver() == 3
    rows = scene.rows()
    assert sorted(row.state for row in rows) == ["accepted"] * 3 + ["held"] * 7
    assert {(row.reason, row.due_at) for row in rows if row.state == "held"} == {("sender_warms_up", tomorrow)}
    with scene.store.read("default") as work:
        lead = work.session.get_one(Lead, rows[-1].lead_id)
        decision = contactabilities(work, [lead], [Channel.EMAIL])[lead.id][Channel.EMAIL]
    assert (decision.verdict, decision.reason, decision.not_before) == (
        Verdict.LATER,
        Reason.SENDER_WARMS_UP,
        tomorrow,
    )
    scene.store.clock.advance(tomorrow - scene.store.clock.now())
    wake(scene.store)
    assert await scene.deliver() == 5
    scene.store.clock.advance(timedelta(days=1))
    wake(scene.store)
    assert await scene.deliver() == 2, "after the ramp there is no limit"


async def test_what_a_stop_holds_back_takes_nothing_of_the_allowance(scene: Any) -> None:
    scene.configure(email_warm_up_from=scene.store.clock.now().date(), email_warm_up=[4])
    scene.launched(LEADS)
    job = scene.claim()
    with scene.store.begin("default", actor="test") as work:
        emergency.stop(work)
    async with scene.delivery() as delivery:
        assert await delivery.deliver(job) == 0
    with scene.store.begin("default", actor="test") as work:
        emergency.lift(work)
    assert await scene.deliver() == 4


async def test_two_workers_share_one_allowance(scene: Any) -> None:
    scene.configure(email_warm_up_from=scene.store.clock.now().date(), email_warm_up=[4])
    scene.launched(LEADS)
    granted: list[int] = []

    async def take() -> None:
        granted.append(await anyio.to_thread.run_sync(_take, scene.store, 3))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(take)
    assert sum(granted) == 4


def _take(store: Store, wanted: int) -> int:
    with store.begin("default", actor="worker") as work:
        return warming.take(work, Channel.EMAIL, "hello@overture.example", wanted)


async def test_other_channels_and_senders_without_a_ramp_have_no_limit(scene: Any) -> None:
    assert _take(scene.store, 10_000) == 10_000
    scene.configure(email_warm_up_from=scene.store.clock.now().date(), email_warm_up=[1])
    with scene.store.begin("default", actor="worker") as work:
        assert warming.take(work, Channel.SMS, "+15005550006", 10_000) == 10_000


@given(ramp=st.lists(st.integers(1, 10**6), min_size=1, max_size=20), day=st.integers(-30, 60))
def test_the_allowance_follows_the_ramp(ramp: list[int], day: int) -> None:
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    settings = Settings(email_warm_up_from=start.date(), email_warm_up=ramp)
    found = warming.allowance(settings, Channel.EMAIL, start + timedelta(days=day))
    assert found == (ramp[max(day, 0)] if day < len(ramp) else None)
