"""What a simulation foretells is what the campaign then does: real processes, day after day, on the same seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.campaigns.timeline import Timeline, timeline
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"
MOST = 1_000
# New York, Chicago, Los Angeles: at 15:20 UTC in winter it is 10:20, 9:20 and 7:20 there.
AREA_CODES = ("212", "312", "213")
ENDINGS = ("01", "99", "97", "98")
START = datetime(2027, 1, 12, 15, 20, tzinfo=UTC)  # a Tuesday


def offset(moment: datetime) -> dict[str, float]:
    return {"clock_offset_s": (moment - datetime.now(UTC)).total_seconds()}


def planned(settings: Settings) -> str:
    """Leads in three time zones who react in four ways; an SMS, and an e-mail a day later to who did not answer."""
    rows = "".join(
        f"L{code}{ending},l{code}{ending}@example{code}.com,+1{code}55501{ending},US,email;sms\n"
        for code in AREA_CODES
        for ending in ENDINGS
    )
    store = Store(settings)
    store.prepare()
    source = Source.from_text("First Name,E-mail,Phone,Country,Consent\n" + rows, "leads.csv")
    import_leads(store, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    with store.begin(WORKSPACE, actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "text", Channel.SMS, "Hi {{ first_name }}")
        templates.save(work, "mail", Channel.EMAIL, "Hi {{ first_name }}", "Hi")
        follow_up = {"wait_before": "1 day", "templates": {"email": "mail"}}
        asked = {"name": "Spring", "segment": "all", "templates": {"sms": "text"}, "follow_ups": [follow_up]}
        made = plan(work, PlanRequest.model_validate(asked))
    store.close()
    return made.plan_id


def approve_and_launch(settings: Settings, plan_id: str) -> None:
    store = Store(settings)
    with store.begin(WORKSPACE, actor="test") as work:
        asked = approvals.for_subject(work, plan_id)
        approvals.decide(work, asked.id, approve=True, by="test", via=Via.CLI)
        launch(work, plan_id)
    store.close()


def told(settings: Settings) -> Timeline:
    store = Store(settings)
    with store.read(WORKSPACE) as work:
        found = timeline(work, campaigns.get(work, "Spring"), most=MOST)
    store.close()
    return found


def what_happened(found: Timeline) -> list[tuple[Any, ...]]:
    """Every entry but for its minute: a real clock goes on while people are written to."""
    return sorted(
        (each.lead_id, each.step, each.channel, each.what, each.reason or "", hour(each.at)) for each in found.entries
    )


def hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def has_happened(settings: Settings, expected: set[tuple[Any, ...]]) -> bool:
    return expected <= set(what_happened(told(settings)))


def has_told_all(system: Any) -> bool:
    return "waiting" not in system.summary()["webhooks"]


def later(found: Timeline) -> list[datetime]:
    """When something happens for the first time in each hour after the first, and a little: a clock must be past it."""
    firsts: dict[datetime, datetime] = {}
    for each in found.entries:  # in order of time
        firsts.setdefault(hour(each.at), each.at)
    return [first + timedelta(minutes=5) for first in list(firsts.values())[1:]]


def test_the_real_campaign_keeps_to_the_simulated_timeline(start: Any, wait_for: Any) -> None:
    moments = [START]
    while moments:
        moment = moments.pop(0)
        with start(**offset(moment)) as system:
            if moment == START:
                plan_id = planned(system.settings)
                foretold = Timeline.model_validate(system.overture("simulate", "Spring", "--entries", str(MOST)))
                assert told(system.settings).entries == []
                approve_and_launch(system.settings, plan_id)
                moments = later(foretold)
            expected = {each for each in what_happened(foretold) if each[-1] <= moment}
            wait_for(partial(has_happened, system.settings, expected), deadline=60)
            wait_for(partial(has_told_all, system), deadline=60)
    real = told(system.settings)
    assert what_happened(real) == what_happened(foretold)
    assert (real.totals, real.blocked, real.sms_cost) == (foretold.totals, foretold.blocked, foretold.sms_cost)
    assert {each.reason for each in foretold.entries if each.what == "held"} == {"quiet_hours"}
    assert {"held", "failed", "replied", "cancelled"} >= set(foretold.totals) - {"accepted", "delivered", "bounced"}
    assert foretold.state == "finished"
