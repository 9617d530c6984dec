"""A campaign that bounces too much pauses itself, says why, and a person alone lets it go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch
from overture_core.campaigns.states import CampaignState
from overture_core.clock import ManualClock
from overture_core.errors import Conflict, NotFound
from overture_core.health import senders
from overture_core.health import service as health
from overture_core.health.thresholds import Level
from overture_core.messages import ledger, settling
from overture_core.messages.channels import Channel
from overture_core.messages.outcomes import Accepted
from overture_core.messages.states import State, change
from overture_core.storage.schema import Message
from overture_core.storage.store import Store

WORKSPACE = "default"
LEADS = 40


def judge(store: Store) -> list[str]:
    with store.begin(WORKSPACE, actor="pump") as work:
        return [each.campaign for each in health.pause_unhealthy(work)]


def resume(store: Store, *, anyway: bool = False) -> CampaignState:
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        return CampaignState(health.resume(work, "Spring", anyway=anyway).state)


def deliver(store: Store, campaign_id: str, *, bounced: int = 0) -> list[str]:
    """Have a campaign's messages accepted, and some of them bounce; returns the ids of all."""
    with store.begin(WORKSPACE, actor="worker-1") as work:
        token = ledger.claim(work, Channel.EMAIL, campaign_id=campaign_id, owner="worker-1", limit=100)
        assert token is not None
        ids = ledger.start_sending(work, token, [row.id for row in ledger.claimed(work, token)], owner="worker-1")
        settling.settle(work, token, "sendgrid", [(each, Accepted(f"sg-{each}")) for each in ids])
    become(store, sorted(ids)[:bounced], State.BOUNCED)
    return sorted(ids)


@pytest.fixture
def sent(scene: Any, store: Store) -> list[str]:
    """The ids of a running campaign's messages, all of them accepted."""
    store.settings = store.settings.model_copy(update={"health_least_messages": 20})
    for number in range(LEADS):
        scene.add_lead(email=f"lead{number}@example.com")
    return deliver(store, scene.launched().campaign_id)


def become(store: Store, ids: list[str], state: State) -> None:
    with store.begin(WORKSPACE, actor="webhook") as work:
        change(work, State.ACCEPTED, state, Message.id.in_(ids), cause="webhook")


@pytest.mark.parametrize("state", [State.BOUNCED, State.COMPLAINED])
def test_a_campaign_over_a_limit_is_paused_with_a_reason(store: Store, sent: list[str], state: State) -> None:
    become(store, sent[:1], state)
    assert judge(store) == []
    become(store, sent[1:2], state)
    assert (judge(store), judge(store)) == (["Spring"], [])
    with store.read(WORKSPACE) as work:
        found = health.report(work)
        assert [(each.kind, each.accepted, each.level) for each in found.rates] == [
            ("campaign", LEADS, Level.OVER),
            ("sender", LEADS, Level.OVER),
        ]
        assert campaigns.get(work, "Spring").state == CampaignState.PAUSED
    (paused,) = found.paused
    assert paused.reason.startswith(
        f"{'Bounces' if state is State.BOUNCED else 'Complaints'} are 5.000% of 40 messages"
    )


def test_it_is_resumed_only_by_a_person_who_says_anyway_and_counts_afresh(
    store: Store, sent: list[str], clock: ManualClock
) -> None:
    become(store, sent[:4], State.BOUNCED)
    assert judge(store) == ["Spring"]
    with pytest.raises(Conflict, match=r"still over a limit: Bounces are 10\.000%"):
        resume(store)
    assert resume(store, anyway=True) is CampaignState.RUNNING
    assert judge(store) == []


def test_what_was_accepted_before_the_window_does_not_count(store: Store, sent: list[str], clock: ManualClock) -> None:
    become(store, sent[:4], State.BOUNCED)
    assert judge(store) == ["Spring"]
    clock.advance(timedelta(days=8))
    assert resume(store) is CampaignState.RUNNING
    with store.read(WORKSPACE) as work:
        assert health.report(work).rates == []


def test_a_sender_over_a_limit_pauses_what_it_sends_and_a_new_name_does_not_get_round_it(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    store.settings = store.settings.model_copy(update={"health_least_messages": 25})
    for number in range(10):
        scene.add_lead(email=f"lead{number}@example.com")
    clock.advance(timedelta(days=1))
    for name in ("One", "Two", "Three"):
        deliver(store, scene.launched(name).campaign_id, bounced=2)
        clock.advance(timedelta(days=2))
    with store.read(WORKSPACE) as work:
        assert {(each.kind, each.level) for each in health.report(work).rates} == {
            ("campaign", Level.TOO_FEW),
            ("sender", Level.OVER),
        }
        address = store.settings.email_from
    assert judge(store) == ["One", "Three", "Two"]
    with store.read(WORKSPACE) as work:
        reason = campaigns.get(work, "Two").paused_reason
    over = f"The sender {address} is over a limit: Bounces are 20.000% of 30 messages in 7 days, at or over 5.0%."
    assert str(reason).startswith(over)
    planned = scene.plan("Four")
    assert planned.hints[0].startswith(f"It cannot be launched now. {over}")
    scene.approve(planned)
    with (
        store.begin(WORKSPACE, actor="model") as work,
        pytest.raises(Conflict, match=r"--sender .* --anyway`\. Then lau"),
    ):
        launch(work, planned.plan_id)
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        with pytest.raises(Conflict, match=f"^{over}"):
            health.resume(work, "Two")
        with pytest.raises(Conflict, match="resume --sender"):
            senders.resume(work, address, anyway=False)
        with pytest.raises(NotFound, match=f"the senders are: {address}"):
            senders.resume(work, "nobody@example.com", anyway=True)
        senders.resume(work, address, anyway=True)
    with store.begin(WORKSPACE, actor="model") as work:
        assert health.resume(work, "Two").state == CampaignState.RUNNING
        launch(work, planned.plan_id)
    assert judge(store) == []
