"""How the dashboard's pages word what is on them: names, reasons, who decided, times."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from overture_core.approvals import policy
from overture_core.approvals.policy import PreApproval
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.storage.schema import Campaign, Lead, Message, Reply
from overture_servers.runtime import Runtime
from tests.integration.servers.dashboard import address, browser, entered, launched

pytestmark = pytest.mark.anyio
TURNED = "Spr\u202eing\u2066\u0007"  # what stands behind an override is read backwards


@pytest.fixture
def desk(runtime: Runtime, make_desk: Callable[[Runtime, str], Any]) -> Any:
    return make_desk(runtime, "auto")


async def test_a_name_turns_nothing_that_stands_beside_it(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    plan = await desk.planned("Spring")
    with runtime.store.begin("default", actor="test") as work:
        work.session.get_one(
            Campaign, plan["campaign_id"]
        ).name = TURNED  # as names could be before they were looked at
        ada = work.session.scalars(select(Lead).where(Lead.first_name == "Ada")).one()
        ada.first_name, lead = "A\u202eda \u0644\u200c\u0627", ada.id
    async with browser(runtime) as http:
        await entered(http, runtime.store)
        for page in (
            "/",
            address(plan),
            f"/page/campaigns/{plan['campaign_id']}",
            "/page/leads",
            f"/page/leads/{lead}",
        ):
            text = (await http.get(page)).text
            assert re.findall("[\u202a-\u202e\u2066-\u2069\x07]", text) == []
        assert "Ada \u0644\u200c\u0627" in text  # a joiner is part of how the name is written
        assert ">Spring</a>" in (await http.get("/")).text


async def test_what_was_refused_is_counted_as_in_the_bar_and_said_in_words(desk: Any, runtime: Runtime) -> None:
    ends = {"Ada": (State.FAILED, "30003"), "Bob": (State.BOUNCED, "5.1.1")}
    async with browser(runtime) as http:
        campaign = await launched(http, desk)
        with runtime.store.begin("default", actor="test") as work:
            for name, (state, reason) in ends.items():
                of_lead = Message.lead_id.in_(select(Lead.id).where(Lead.first_name == name))
                work.session.execute(update(Message).where(of_lead).values(state=state, reason=reason))
        text = (await http.get(campaign)).text
    assert "</span>2 refused</li>" in text
    assert "<h2>Refused for good: 2</h2>" in text
    assert "<td>the handset cannot be reached: off, or without coverage (30003)</td>" in text
    assert "<td>there is no such mailbox (5.1.1)</td>" in text


async def test_a_policy_is_named_once_as_who_decided(desk: Any, runtime: Runtime) -> None:
    with runtime.store.begin("default", actor="ada") as work:
        many: dict[str, Any] = {"max_recipients_per_plan": 10, "max_recipients_per_day": 10, "channels": list(Channel)}
        policy.write(work, PreApproval(note="tests", written_by="ada", written_at=work.now(), **many))
    await desk.filled()
    plan = await desk.planned()
    async with browser(runtime) as http:
        await entered(http, runtime.store)
        for page in (address(plan), f"/page/campaigns/{plan['campaign_id']}", "/page/approvals"):
            text = (await http.get(page)).text
            assert "<bdi>ada (policy)</bdi>" in text
            assert text.count("(policy)") == 1


async def test_what_is_due_later_is_said_to_be_and_senders_that_nobody_asked_about_too(
    desk: Any, runtime: Runtime
) -> None:
    async with browser(runtime) as http:
        await launched(http, desk)
        assert "<td>since <time" in (await http.get("/page/system")).text
        with runtime.store.begin("default", actor="test") as work:
            later = {"state": State.HELD, "due_at": work.now() + timedelta(days=1)}
            work.session.execute(update(Message).where(Message.state == State.DUE).values(later))
        assert '<td>at <time datetime="2026-11-24T16:30:00+00:00">' in (await http.get("/page/system")).text
        assert "<td>assumed</td><td>nobody yet</td>" in (await http.get("/page/senders")).text


async def test_a_lead_who_answered_is_shown_as_resting_until_a_day(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    with runtime.store.begin("default", actor="test") as work:
        ada = work.session.scalars(select(Lead).where(Lead.first_name == "Ada")).one().id
        said = {"channel": "email", "body": "Yes", "intent": "interested", "received_at": work.now()}
        work.session.add(Reply(id="rpl_1", workspace_id="default", lead_id=ada, **said))
    async with browser(runtime) as http:
        await entered(http, runtime.store)
        text = (await http.get(f"/page/leads/{ada}")).text
    rests = "may not be contacted before 2026-12-23 16:30 UTC: answered within the last 30 days"
    assert f'email: <span class="state later">later</span> {rests}' in text
