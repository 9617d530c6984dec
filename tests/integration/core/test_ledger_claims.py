"""Claims, leases and write-backs: what makes a job that runs twice, late or never harmless."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.campaigns import service as campaigns
from overture_core.campaigns.states import CampaignState
from overture_core.clock import ManualClock
from overture_core.messages import ledger, settling
from overture_core.messages.channels import Channel
from overture_core.messages.ledger import Swept
from overture_core.messages.outcomes import Accepted, Outcome, Refused, Retryable, Unknown
from overture_core.messages.states import State
from overture_core.storage.schema import Message, MessageEvent
from overture_core.storage.store import Store

WORKSPACE = "default"


def states(store: Store) -> dict[str, int]:
    with store.read(WORKSPACE) as work:
        found: dict[str, int] = {}
        for state in work.session.scalars(select(Message.state)):
            found[state] = found.get(state, 0) + 1
        return found


def claim(store: Store, owner: str = "worker-1", limit: int = 100) -> str | None:
    waiting = ledger.backlog(store)
    if not waiting:
        return None
    with store.begin(WORKSPACE, actor=owner) as work:
        campaign_id = waiting[0].campaign_id
        return ledger.claim(work, Channel.EMAIL, campaign_id=campaign_id, owner=owner, limit=limit)


def begin_sending(store: Store, token: str) -> list[str]:
    with store.begin(WORKSPACE, actor="worker-1") as work:
        rows = ledger.claimed(work, token)
        return ledger.start_sending(work, token, [row.id for row in rows], owner="worker-1")


def settle(store: Store, token: str, ids: list[str], outcome: Outcome) -> None:
    with store.begin(WORKSPACE, actor="worker-1") as work:
        settling.settle(work, token, "sendgrid", [(each, outcome) for each in ids])


def sweep(store: Store) -> Swept:
    with store.begin(WORKSPACE, actor="pump") as work:
        return ledger.sweep(work)


@pytest.fixture
def launched(scene: Any, store: Store) -> Store:
    for number in range(3):
        scene.add_lead(email=f"lead{number}@example.com")
    scene.launched()
    return store


def test_a_claim_takes_what_is_due_once(launched: Store) -> None:
    assert claim(launched, limit=2) is not None
    assert states(launched) == {"claimed": 2, "due": 1}
    assert claim(launched) is not None
    assert claim(launched) is None
    assert states(launched) == {"claimed": 3}


def test_a_message_is_due_only_when_its_time_has_come(launched: Store, clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=-1))
    assert claim(launched) is None
    assert ledger.backlog(launched) == []
    clock.advance(timedelta(minutes=1))
    (waiting,) = ledger.backlog(launched)
    assert (waiting.workspace, waiting.channel) == (WORKSPACE, Channel.EMAIL)


def test_an_accepted_message_keeps_the_providers_id_and_loses_its_lease(launched: Store) -> None:
    token = claim(launched)
    assert token is not None
    settle(launched, token, begin_sending(launched, token), Accepted("req-1"))
    with launched.read(WORKSPACE) as work:
        rows = work.session.scalars(select(Message)).all()
        assert {(row.state, row.provider, row.provider_id, row.lease_token, row.attempt) for row in rows} == {
            ("accepted", "sendgrid", "req-1", None, 1)
        }


def test_every_change_appends_an_event_with_its_cause(launched: Store) -> None:
    token = claim(launched, limit=1)
    assert token is not None
    ids = begin_sending(launched, token)
    settle(launched, token, ids, Accepted("req-1"))
    with launched.read(WORKSPACE) as work:
        events = select(MessageEvent).where(MessageEvent.message_id == ids[0]).order_by(MessageEvent.id)
        assert [(event.from_state, event.to_state, event.cause) for event in work.session.scalars(events)] == [
            (None, "draft", "plan"),
            ("draft", "due", "launch"),
            ("due", "claimed", "dispatch"),
            ("claimed", "sending", "worker"),
            ("sending", "accepted", "sendgrid"),
        ]


def test_a_lease_that_ran_out_before_sending_makes_the_rows_due_again(launched: Store, clock: ManualClock) -> None:
    claim(launched)
    clock.advance(timedelta(seconds=launched.settings.lease_s + 1))
    assert sweep(launched) == Swept(released=3, unknown=0, woken=0)
    assert states(launched) == {"due": 3}


def test_a_lease_that_ran_out_while_sending_leaves_the_outcome_unknown(launched: Store, clock: ManualClock) -> None:
    token = claim(launched)
    assert token is not None
    begin_sending(launched, token)
    clock.advance(timedelta(seconds=launched.settings.lease_s + 1))
    assert sweep(launched) == Swept(released=0, unknown=3, woken=0)
    assert claim(launched) is None


def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(launched: Store, clock: ManualClock) -> None:
    old = claim(launched)
    assert old is not None
    clock.advance(timedelta(seconds=launched.settings.lease_s + 1))
    sweep(launched)
    new = claim(launched, "worker-2")
    assert new is not None
    assert begin_sending(launched, old) == []
    ids = begin_sending(launched, new)
    settle(launched, old, ids, Refused("400", "late"))
    assert states(launched) == {"sending": 3}


def test_a_job_that_runs_twice_sends_once(launched: Store) -> None:
    token = claim(launched)
    assert token is not None
    assert len(begin_sending(launched, token)) == 3
    assert begin_sending(launched, token) == []


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Refused("400", "bad address"), "failed", "400"),
        (Unknown("timed out"), "unknown", "no_clear_answer"),
        (Retryable("429", "slow down"), "due", "retry:429"),
    ],
)
def test_an_outcome_decides_what_comes_next(launched: Store, outcome: Outcome, state: str, reason: str) -> None:
    token = claim(launched)
    assert token is not None
    settle(launched, token, begin_sending(launched, token), outcome)
    with launched.read(WORKSPACE) as work:
        assert {(row.state, row.reason) for row in work.session.scalars(select(Message))} == {(state, reason)}


def test_a_retry_waits_until_the_provider_said(launched: Store, clock: ManualClock) -> None:
    reset = clock.now() + timedelta(minutes=7)
    token = claim(launched)
    assert token is not None
    settle(launched, token, begin_sending(launched, token), Retryable("429", "slow down", reset))
    clock.advance(timedelta(minutes=6))
    assert claim(launched) is None
    clock.advance(timedelta(minutes=1))
    assert claim(launched) is not None


def test_a_message_that_is_never_accepted_fails_after_the_last_attempt(launched: Store, clock: ManualClock) -> None:
    for _ in range(launched.settings.max_attempts):
        clock.advance(timedelta(hours=2))
        token = claim(launched)
        assert token is not None
        settle(launched, token, begin_sending(launched, token), Retryable("429", "slow down"))
    assert states(launched) == {"failed": 3}


def test_refused_credentials_cost_no_attempt(launched: Store, clock: ManualClock) -> None:
    for _ in range(launched.settings.max_attempts + 2):
        clock.advance(timedelta(hours=2))
        token = claim(launched)
        assert token is not None
        settle(launched, token, begin_sending(launched, token), Retryable("unauthorized", "check the key"))
    assert states(launched) == {"due": 3}


def test_a_paused_campaign_stops_before_the_next_message_leaves(launched: Store) -> None:
    token = claim(launched, limit=1)
    assert token is not None
    with launched.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.PAUSED)
    assert begin_sending(launched, token) == []
    assert claim(launched) is None
    with launched.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.RUNNING)
    assert claim(launched) is not None


def test_a_cancelled_campaign_ends_what_is_pending(launched: Store) -> None:
    with launched.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.CANCELLED)
    assert states(launched) == {"cancelled": 3}


def test_a_given_back_chunk_is_due_at_the_time_it_was_given_back_for(launched: Store, clock: ManualClock) -> None:
    token = claim(launched)
    assert token is not None
    with launched.begin(WORKSPACE, actor="worker-1") as work:
        assert ledger.finish(work, token, cause="test", due_at=clock.now() + timedelta(minutes=1)) == 3
    assert claim(launched) is None
    clock.advance(timedelta(minutes=1))
    assert claim(launched) is not None


def test_another_workspace_claims_nothing_of_ours(launched: Store, scene: Any) -> None:
    from overture_core.workspaces.service import ensure_workspace

    with launched.begin("other", actor="test", check=False) as work:
        ensure_workspace(work)
    (waiting,) = ledger.backlog(launched)
    with launched.begin("other", actor="worker-1") as work:
        stolen = ledger.claim(work, Channel.EMAIL, campaign_id=waiting.campaign_id, owner="worker-1", limit=10)
        assert stolen is None
        assert ledger.sweep(work) == Swept(0, 0, 0)
    assert states(launched) == {State.DUE: 3}
