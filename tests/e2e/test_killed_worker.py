"""A worker that is killed in the middle of sending: nobody is sent a step twice, nobody is forgotten."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.campaigns.status import CampaignStatus, status
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Lease
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_worker.process import THREADS

LEADS = 300
WAVE = 10


def launch_campaign(store: Store) -> None:
    rows = "".join(f"Lead{number},lead{number}@example.com,US,email\n" for number in range(LEADS))
    source = Source.from_text("First Name,E-mail,Country,Consent\n" + rows, "leads.csv")
    import_leads(store, source, ImportOptions(), workspace="default", actor="test")
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "hello", Channel.EMAIL, "Hi {{ first_name }}.", "Hi")
        planned = plan(work, PlanRequest(name="Spring", segment="all", templates={Channel.EMAIL: "hello"}))
        approvals.decide(work, planned.approval.id, approve=True, by="test", via=Via.CLI)
        assert launch(work, planned.plan_id).queued == LEADS


def look(store: Store) -> CampaignStatus:
    with store.read("default") as work:
        return status(work, "Spring")


def told(system: Any, store: Store) -> bool:
    """The sandbox has no webhook left to send, and all that came is applied."""
    return not system.summary()["webhooks"].get("waiting") and not intake.waiting(store)


@pytest.mark.parametrize("kills", [1, 3])
def test_a_worker_killed_while_sending_sends_nobody_twice_and_forgets_nobody(
    start: Any, wait_for: Any, kills: int
) -> None:
    # Short leases, so that a dead worker's rows move again within the test's patience.
    with start(email_batch_size=WAVE, wave_size=WAVE, chunk_size=50, lease_s=12.0, provider_timeout_s=2.0) as system:
        store = Store(system.settings)
        system.fault(provider="sendgrid", kind="slow", seconds=0.1, count=10_000)
        launch_campaign(store)
        for kill in range(1, kills + 1):
            wait_for(lambda kill=kill: system.summary()["accepted"] >= 40 * kill, deadline=30)
            os.kill(system.running.pid("worker"), signal.SIGKILL)
            wait_for(system.running.revive, deadline=10)
        wait_for(lambda: look(store).done and told(system, store), deadline=60)
        found, judge = look(store), system.summary()
        store.close()
        assert judge["accepted_twice"] == []
        assert sum(found.counts.values()) == LEADS
        # What was in the air when the worker died and never arrived stays `unknown`: not sent again by the
        # machine, and never more than a wave of each thread for every kill.
        unknown = found.counts.get(State.UNKNOWN, 0)
        assert judge["unique_message_ids"] == found.accepted == LEADS - unknown
        assert unknown <= kills * THREADS * WAVE


def test_a_worker_told_to_stop_gives_back_what_it_holds(start: Any, wait_for: Any) -> None:
    with start(email_batch_size=WAVE, wave_size=WAVE, chunk_size=50) as system:
        store = Store(system.settings)
        system.fault(provider="sendgrid", kind="slow", seconds=0.2, count=10_000)
        launch_campaign(store)
        wait_for(lambda: system.summary()["accepted"] >= 40, deadline=30)
        os.kill(system.running.pid("worker"), signal.SIGTERM)
        wait_for(system.running.revive, deadline=20)
        # Nothing was in the air: no row is left to wait for its lease.
        assert not look(store).counts.get(State.SENDING)
        assert not look(store).counts.get(State.UNKNOWN)
        wait_for(lambda: look(store).done, deadline=60)
        store.close()
        assert system.summary()["accepted_twice"] == []
        assert system.summary()["unique_message_ids"] == LEADS


def test_a_killed_child_is_replaced_and_its_rows_move_again_long_before_their_lease(start: Any, wait_for: Any) -> None:
    with start(email_batch_size=WAVE, chunk_size=50, lease_s=120.0, provider_timeout_s=2.0) as system:
        store = Store(system.settings)
        system.fault(provider="sendgrid", kind="slow", seconds=0.1, count=10_000)
        launch_campaign(store)
        wait_for(lambda: system.summary()["accepted"] >= 40, deadline=30)
        with store.read("default") as work:
            holders = set(work.session.scalars(select(Lease.owner)))
        log = [json.loads(line) for line in (system.settings.data_dir / "logs" / "worker.log").read_text().splitlines()]
        ready = {line["owner"]: line["pid"] for line in log if line["event"] == "worker_ready"}
        assert holders <= set(ready)
        for owner in holders:
            os.kill(ready[owner], signal.SIGKILL)
        wait_for(lambda: look(store).done and told(system, store), deadline=30)
        found, judge = look(store), system.summary()
        store.close()
        unknown = found.counts.get(State.UNKNOWN, 0)
        assert judge["accepted_twice"] == []
        assert judge["unique_message_ids"] == found.accepted == LEADS - unknown
        assert unknown <= THREADS * WAVE
