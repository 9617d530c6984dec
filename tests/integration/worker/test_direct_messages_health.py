"""A direct message that was accepted before its sender went over a limit waits until a person lets the sender go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.clock import ManualClock
from overture_core.health import senders
from overture_core.messages import direct, ledger
from overture_core.messages.channels import Channel
from overture_core.messages.states import State, change
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.storage.schema import Message
from overture_core.templates import service as templates
from overture_worker.preparing import OVER_LIMIT_REST

pytestmark = pytest.mark.anyio
MANY = "".join(f"Lead{number},lead{number}@example.com,,US,\n" for number in range(10))
CAMPAIGN = Message.campaign_id.is_not(None)


async def sent(scene: Any, clock: ManualClock, *, bounced: int) -> None:
    """Have a campaign's messages accepted, and some of them bounce a day later."""
    scene.configure(health_least_messages=10)
    scene.launched(MANY)
    assert await scene.deliver() == 10
    clock.advance(timedelta(days=2))
    with scene.store.begin("default", actor="webhook") as work:
        ids = sorted(row.id for row in scene.rows())[:bounced]
        change(work, State.ACCEPTED, State.BOUNCED, Message.id.in_(ids), cause="webhook")


def written(scene: Any) -> None:
    """Have a person approve a message to the last lead, and put it into the ledger."""
    lead = max(row.lead_id for row in scene.rows())
    with scene.store.begin("default", actor="test") as work:
        templates.save(work, "note", Channel.EMAIL, "One more thing.", "A note")
        asked = operations.propose(work, direct.proposal(work, lead, "note"))
        assert asked.approval_id is not None
        approvals.decide(work, asked.approval_id, approve=True, by="test", via=Via.CLI)
        claim = claims.begin(work, asked.id, sandbox=True)
        assert claim is not None
        assert direct.enqueue(work, claim).state is State.DUE


def direct_message(scene: Any) -> tuple[str, str | None]:
    (row,) = [row for row in scene.rows() if row.campaign_id is None]
    return row.state, row.reason


def wake(scene: Any) -> int:
    with scene.store.begin("default", actor="pump") as work:
        return ledger.sweep(work).woken


async def test_it_is_held_with_the_reason_and_leaves_once_a_person_resumes_the_sender(
    scene: Any, sandbox: Any, clock: ManualClock
) -> None:
    await sent(scene, clock, bounced=0)
    written(scene)
    with scene.store.begin("default", actor="webhook") as work:
        change(work, State.ACCEPTED, State.BOUNCED, CAMPAIGN, cause="webhook")
    for _ in range(2):
        assert await scene.deliver() == 0
        assert direct_message(scene) == ("held", "sender_over_limit")
        assert wake(scene) == 0
        clock.advance(OVER_LIMIT_REST)
        assert wake(scene) == 1
    assert await scene.deliver() == 0
    with scene.store.begin("default", actor="cli:ada") as work:
        senders.resume(work, scene.store.settings.email_from, anyway=True)
    assert (wake(scene), await scene.deliver()) == (1, 1)
    assert direct_message(scene) == ("accepted", None)
    assert [each["subject"] for each in sandbox.inbox()].count("A note") == 1


async def test_below_the_limit_it_leaves(scene: Any, clock: ManualClock) -> None:
    await sent(scene, clock, bounced=1)
    written(scene)
    assert await scene.deliver() == 1
    assert direct_message(scene) == ("accepted", None)
