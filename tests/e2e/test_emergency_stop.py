"""`overture stop` while a worker sends: two seconds later no provider takes anything, and nobody is lost."""

from __future__ import annotations

import time
from typing import Any

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.templates import service as templates

LEADS = 400
WITHIN_S = 2.0
SLOW = {"email_per_second": 40, "email_batch_size": 10, "chunk_size": 100}


def launched(settings: Settings) -> None:
    store = Store(settings)
    store.prepare()
    rows = "".join(f"L{n},l{n}@example{n % 50}.com,US,email\n" for n in range(LEADS))
    source = Source.from_text("First Name,E-mail,Country,Consent\n" + rows, "leads.csv")
    import_leads(store, source, ImportOptions(), workspace="default", actor="test")
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "mail", Channel.EMAIL, "Hi {{ first_name }}.", "Hi")
        made = plan(work, PlanRequest(name="Spring", segment="all", templates={Channel.EMAIL: "mail"}))
        approvals.decide(work, made.approval.id, approve=True, by="test", via=Via.CLI)
        launch(work, made.plan_id)
    store.close()


def test_nothing_leaves_two_seconds_after_a_stop_and_all_goes_out_once_it_is_lifted(
    start: Any, wait_for: Any, database: dict[str, Any]
) -> None:
    with start(**SLOW, **database) as system:
        launched(system.settings)
        wait_for(lambda: system.summary()["accepted"] > 0, deadline=30)
        standing = system.overture("stop", "--reason", "wrong text")
        stopped_at = time.monotonic()
        assert (standing["stopped"], standing["reason"]) == (True, "wrong text")
        wait_for(lambda: time.monotonic() - stopped_at > WITHIN_S)
        left = system.summary()["accepted"]
        assert left < LEADS
        wait_for(lambda: time.monotonic() - stopped_at > 3 * WITHIN_S)
        assert system.summary()["accepted"] == left
        (advice,) = system.overture("campaigns", "Spring")["advice"]
        assert "wrong text" in advice
        assert "overture stop --lift" in advice
        system.overture("stop", "--lift", "--yes")
        wait_for(lambda: system.summary()["accepted"] == LEADS, deadline=60)
        assert system.summary()["accepted_twice"] == []
