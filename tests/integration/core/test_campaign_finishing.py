"""A campaign that has nothing left to send is finished, and what is told of its messages later still counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import LaunchResult, launch
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.status import status
from overture_core.clock import ManualClock
from overture_core.errors import Conflict
from overture_core.messages import ledger, settling
from overture_core.messages.channels import Channel
from overture_core.messages.outcomes import Accepted, Outcome, Refused, Retryable, Unknown
from overture_core.messages.states import State, change
from overture_core.storage.schema import Campaign, Message
from overture_core.storage.store import Store

WORKSPACE = "default"


def finish(store: Store) -> int:
    with store.begin(WORKSPACE, actor="pump") as work:
        return campaigns.finish_done(work)


def state(store: Store, name: str = "Spring") -> CampaignState:
    with store.read(WORKSPACE) as work:
        return status(work, name).state


def start(store: Store, planned: PlanView) -> LaunchResult:
    with store.begin(WORKSPACE, actor="model") as work:
        return launch(work, planned.plan_id)


def send(store: Store, outcome: Outcome) -> None:
    campaign_id = ledger.backlog(store)[0].campaign_id
    with store.begin(WORKSPACE, actor="worker-1") as work:
        token = ledger.claim(work, Channel.EMAIL, campaign_id=campaign_id, owner="worker-1", limit=100)
        assert token is not None
        rows = [row.id for row in ledger.claimed(work, token)]
        sending = ledger.start_sending(work, token, rows, owner="worker-1")
        settling.settle(work, token, "sendgrid", [(each, outcome) for each in sending])
        ledger.finish(work, token, cause="chunk_done")


@pytest.mark.parametrize(
    "outcome", [Accepted("sg-1"), Refused("400", "no"), Unknown("timeout")], ids=["yes", "no", "?"]
)
def test_it_is_finished_once_every_message_was_handed_over_whatever_came_of_it(
    scene: Any, store: Store, clock: ManualClock, outcome: Outcome
) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.launched()
    assert (finish(store), state(store)) == (0, CampaignState.RUNNING)
    send(store, outcome)
    assert (finish(store), finish(store), state(store)) == (1, 0, CampaignState.FINISHED)
    with store.read(WORKSPACE) as work:
        row = work.session.get_one(Campaign, planned.campaign_id)
        assert (row.finished_at, [each.state for each in campaigns.list_(work)]) == (
            clock.now(),
            [CampaignState.FINISHED],
        )


def test_a_message_that_is_tried_again_or_held_keeps_it_running(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    scene.launched("Retried")
    send(store, Retryable("429", "slow down"))
    asleep = scene.add_lead(phone="+61491570156", country="AU", time_zone="Australia/Sydney")
    scene.consent(asleep, Channel.SMS)
    scene.launched("Held")
    assert (finish(store), state(store, "Retried"), state(store, "Held")) == (
        0,
        CampaignState.RUNNING,
        CampaignState.RUNNING,
    )


def test_evidence_that_comes_after_the_end_still_counts(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    scene.launched()
    send(store, Accepted("sg-1"))
    assert finish(store) == 1
    with store.begin(WORKSPACE, actor="webhook") as work:
        change(work, State.ACCEPTED, State.BOUNCED, Message.provider_id == "sg-1", cause="sendgrid")
    with store.read(WORKSPACE) as work:
        found = status(work, "Spring")
    assert (found.state, found.counts) == (CampaignState.FINISHED, {State.BOUNCED: 1})


def test_launching_the_same_plan_again_leaves_it_finished(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.launched()
    send(store, Accepted("sg-1"))
    finish(store)
    assert start(store, planned).state is CampaignState.FINISHED
    assert state(store) is CampaignState.FINISHED


def test_a_new_plan_for_more_leads_makes_it_run_again_until_they_are_written_to(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.add_lead(email="ada@example.com")
    first = scene.launched()
    send(store, Accepted("sg-1"))
    began = clock.now()
    clock.advance(timedelta(hours=1))
    scene.add_lead(email="ben@example.com")
    again = scene.plan()
    assert (finish(store), state(store)) == (1, CampaignState.FINISHED)  # what waits for approval is not sent yet
    scene.approve(again)
    assert start(store, again).state is CampaignState.RUNNING
    assert finish(store) == 0
    with store.read(WORKSPACE) as work:
        row = work.session.get_one(Campaign, first.campaign_id)
        assert (row.launched_at, row.finished_at) == (began, None)
    send(store, Accepted("sg-2"))
    assert (finish(store), state(store)) == (1, CampaignState.FINISHED)


def test_a_launch_that_is_not_committed_yet_keeps_the_campaign_from_finishing(
    postgresql_store: Store, make_scene: Any
) -> None:
    scene = make_scene(postgresql_store)
    scene.add_lead(email="ada@example.com")
    scene.launched()
    send(postgresql_store, Accepted("sg-1"))
    scene.add_lead(email="ben@example.com")
    again = scene.plan()
    scene.approve(again)
    with postgresql_store.begin(WORKSPACE, actor="model") as work:
        launch(work, again.plan_id)
        work.session.flush()
        assert finish(postgresql_store) == 0
    assert (finish(postgresql_store), state(postgresql_store)) == (0, CampaignState.RUNNING)


def test_a_finished_campaign_can_be_cancelled_and_not_resumed(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    scene.launched()
    send(store, Accepted("sg-1"))
    finish(store)
    with (
        pytest.raises(
            Conflict, match=r"is finished and cannot become running; plan it again to write to more leads\.$"
        ),
        store.begin(WORKSPACE, actor="ada") as work,
    ):
        campaigns.set_state(work, "Spring", CampaignState.RUNNING)
    with store.begin(WORKSPACE, actor="ada") as work:
        assert campaigns.set_state(work, "Spring", CampaignState.CANCELLED).state == CampaignState.CANCELLED
    assert finish(store) == 0


def test_a_paused_or_planned_campaign_is_not_finished(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    scene.launched("Paused")
    scene.plan("Planned")
    send(store, Accepted("sg-1"))
    with store.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Paused", CampaignState.PAUSED)
    assert finish(store) == 0
    with store.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Paused", CampaignState.RUNNING)
    assert (finish(store), state(store, "Paused"), state(store, "Planned")) == (
        1,
        CampaignState.FINISHED,
        CampaignState.PLANNED,
    )


def test_a_plan_of_a_cancelled_campaign_says_so_when_it_is_launched(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan()
    scene.approve(planned)
    with store.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.CANCELLED)
    with pytest.raises(Conflict, match=r"^The campaign 'Spring' was cancelled; plan under another name\.$"):
        start(store, planned)
