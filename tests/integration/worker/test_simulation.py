"""Simulations leave the original alone, and are the same for the same seed, from both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.timeline import Timeline
from overture_core.clock import ManualClock
from overture_core.errors import Conflict, NotFound
from overture_core.health import service as health
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages import ledger, settling
from overture_core.messages.channels import Channel
from overture_core.messages.outcomes import Accepted
from overture_core.messages.states import State, change
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Approval, Base, Message, Reply
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_worker.simulation.engine import simulate

WORKSPACE = "default"
LEADS = 30

pytestmark = pytest.mark.anyio


def planned(store: Store, **more: Any) -> None:
    rows = "".join(f"L{n},l{n}@example{n}.com,+121255501{n:02d},US,email;sms\n" for n in range(LEADS))
    source = Source.from_text("First Name,E-mail,Phone,Country,Consent\n" + rows, "leads.csv")
    import_leads(store, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    with store.begin(WORKSPACE, actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "mail", Channel.EMAIL, "Hi {{ first_name }}", "Hi")
        templates.save(work, "text", Channel.SMS, "Hi {{ first_name }}")
        follow_up = {"wait_before": "3 days", "only_if": "not_opened", "templates": {"sms": "text"}}
        asked = {"name": "Spring", "segment": "all", "templates": {"email": "mail"}, "follow_ups": [follow_up]}
        plan(work, PlanRequest.model_validate({**asked, **more}))


async def run(store: Store, *, seed: int = 1, days: int = 30) -> Timeline:
    return await simulate(store, WORKSPACE, "Spring", seed=seed, days=days, most=1_000, progress=lambda _: None)


def contents(store: Store) -> dict[str, int]:
    with store.look() as connection:
        counted = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in Base.metadata.tables.items()
        }
    with store.read(WORKSPACE) as work:
        assert campaigns.get(work, "Spring").state == CampaignState.PLANNED
    return counted


def seen(found: Timeline) -> list[tuple[Any, ...]]:
    return [(each.at, each.lead_id, each.step, each.channel, each.what, each.reason) for each in found.entries]


async def test_a_simulation_changes_nothing_and_the_same_seed_is_the_same_timeline(store: Store) -> None:
    planned(store)
    before = contents(store)
    first, again, other = await run(store), await run(store), await run(store, seed=2)
    assert contents(store) == before
    assert seen(first) == seen(again) != seen(other)
    assert first.state == CampaignState.FINISHED
    assert {each.step for each in first.entries if each.what == "accepted"} == {1, 2}
    assert first.totals["accepted"] == LEADS + sum(
        each.channel == "sms" and each.what == "accepted" for each in first.entries
    )
    assert first.sms_cost is not None


async def test_days_bound_a_simulation(store: Store) -> None:
    planned(store)
    found = await run(store, days=2)
    assert {each.step for each in found.entries} == {1}
    assert found.state == CampaignState.RUNNING


async def test_what_is_sent_later_is_simulated_at_its_time(store: Store) -> None:
    later = store.clock.now() + timedelta(days=5)
    planned(store, send_at=later.isoformat())
    found = await run(store)
    assert min(each.at for each in found.entries if each.what == "accepted") >= later


async def test_a_rate_spreads_messages_over_time(store: Store) -> None:
    slow = Store(store.settings.model_copy(update={"email_per_second": 1}), store.clock)
    planned(slow)
    found = await run(slow, days=1)
    sent = [each.at for each in found.entries if each.what == "accepted"]
    assert max(sent) - min(sent) >= timedelta(seconds=LEADS - 2)
    slow.close()


async def test_what_has_nothing_to_send_is_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="There is no campaign 'Spring'"):
        await run(store)
    planned(store)
    with store.begin(WORKSPACE, actor="test") as work:
        campaigns.set_state(work, "Spring", CampaignState.CANCELLED)
    with pytest.raises(Conflict, match="was cancelled"):
        await run(store)


async def test_a_plan_for_real_providers_is_simulated_without_reaching_them(store: Store) -> None:
    nobody = "http://127.0.0.1:9"
    keys = {"sendgrid_api_key": SecretStr("SG.key"), "twilio_auth_token": SecretStr("token")}
    ours = {"sandbox_only": False, "sendgrid_base_url": nobody, "twilio_base_url": nobody, "twilio_account_sid": "AC1"}
    real = Store(store.settings.model_copy(update={**keys, **ours}), store.clock)
    assert not real.settings.email_sandboxed
    assert not real.settings.sms_sandboxed
    planned(real)
    found = await run(real)
    assert found.totals["accepted"] >= LEADS
    assert found.state == CampaignState.FINISHED
    real.close()


async def test_a_campaign_that_paused_itself_is_simulated_as_resumed_from_now_on(
    store: Store, clock: ManualClock
) -> None:
    store.settings = store.settings.model_copy(update={"health_least_messages": 20})
    planned(store)
    with store.begin(WORKSPACE, actor="test") as work:
        campaign = campaigns.get(work, "Spring")
        (waiting,) = work.session.scalars(select(Approval)).all()
        approvals.decide(work, waiting.id, approve=True, by="test", via=Via.CLI)
        launch(work, waiting.subject_id)
        token = ledger.claim(work, Channel.EMAIL, campaign_id=campaign.id, owner="w", limit=100)
        assert token is not None
        sent = ledger.start_sending(work, token, [row.id for row in ledger.claimed(work, token)], owner="w")
        settling.settle(work, token, "sendgrid", [(each, Accepted(f"sg-{each}")) for each in sent])
        change(work, State.ACCEPTED, State.BOUNCED, Message.id.in_(sent[:4]), cause="webhook")
        answered = work.session.get_one(Message, sent[5])
        reply = {"id": "rpl_1", "message_id": answered.id, "lead_id": answered.lead_id, "received_at": work.now()}
        work.session.add(Reply(workspace_id=WORKSPACE, channel="email", body="Hi", intent="question", **reply))
        assert [each.campaign for each in health.pause_unhealthy(work)] == ["Spring"]
    clock.advance(timedelta(minutes=1))
    found = await run(store)
    assert found.state == CampaignState.FINISHED
    assert found.totals["accepted"] > 0
    assert min(each.at for each in found.entries) >= clock.now()
