"""WhatsApp from the plan to the provider: approved templates, answers within a day, and STOP."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest, PlanView
from overture_core.campaigns.planning import plan
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.settings import SANDBOX_WHATSAPP
from overture_core.templates import service as templates

pytestmark = pytest.mark.anyio
SID = "HX" + "0a" * 16
ADA, BEN = "+12125550101", "+12125550102"
LEADS = (
    f"First Name,Phone,Country,Consent\nAda,{ADA},US,whatsapp\nBen,{BEN},US,sms; whatsapp\nCleo,+12125550103,US,sms\n"
)


def planned(scene: Any, names: dict[str, str], **more: Any) -> PlanView:
    with scene.store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "text", Channel.SMS, "Hi {{ first_name }}.")
        templates.save(work, "free", Channel.WHATSAPP, "Glad you wrote, {{ first_name }}.")
        variables = {"1": "{{ first_name }}", "2": "{{ company | default('you') }}"}
        body = "Hi {{ first_name }}, news for you."
        templates.save(work, "approved", Channel.WHATSAPP, body, content_sid=SID, content_variables=variables)
        request = {"name": "Spring", "segment": "all", "templates": names, **more}
        return plan(work, PlanRequest.model_validate(request))


def launched(scene: Any, names: dict[str, str], **more: Any) -> PlanView:
    made = planned(scene, names, **more)
    with scene.store.begin("default", actor="test") as work:
        approvals.decide(work, made.approval.id, approve=True, by="test", via=Via.CLI)
        launch(work, made.plan_id)
    return made


def writes(scene: Any, sender: str, body: str, *, ago: timedelta = timedelta(0)) -> None:
    now = scene.store.clock.now() - ago
    heard = InboundMessage(
        provider="twilio-whatsapp", dedupe_key=f"{sender}:{body}", channel=Channel.WHATSAPP, at=now, sender=sender,
        recipient=SANDBOX_WHATSAPP, body=body, opt_out=body == "STOP",
    )  # fmt: skip
    intake.store_events(scene.store, [heard])
    while intake.process(scene.store):
        pass


@pytest.fixture
def talkers(scene: Any) -> Any:
    import_leads(
        scene.store, Source.from_text(LEADS, "leads.csv"), ImportOptions(), workspace="default", actor="test"
    )  # fmt: skip
    return scene


async def test_an_approved_template_goes_to_who_agreed_to_whatsapp(talkers: Any, sandbox: Any) -> None:
    made = launched(talkers, {"whatsapp": "approved"})
    assert (made.by_channel, made.excluded) == ({Channel.WHATSAPP: 2}, {"consent_missing": 1})
    assert await talkers.deliver(Channel.WHATSAPP) == 2
    inbox = {each["recipient"]: each for each in sandbox.inbox()}
    assert set(inbox) == {f"whatsapp:{ADA}", f"whatsapp:{BEN}"}
    mail = inbox[f"whatsapp:{ADA}"]
    assert (mail["channel"], mail["sender"]) == ("whatsapp", f"whatsapp:{SANDBOX_WHATSAPP}")
    name, _, variables = mail["body"].partition("] ")
    assert (name, json.loads(variables)) == (f"[approved template {SID}", {"1": "Ada", "2": "you"})
    assert {(row.state, row.provider) for row in talkers.rows() if row.channel == "whatsapp" and row.sender_id} >= {
        ("accepted", "twilio-whatsapp")
    }


async def test_free_text_falls_back_where_nobody_wrote(talkers: Any) -> None:
    made = planned(talkers, {"whatsapp": "free", "sms": "text"}, channel_order=["whatsapp", "sms"])
    assert made.by_channel == {Channel.SMS: 2}
    assert made.excluded == {"whatsapp_window_closed": 1}


async def test_who_answered_is_left_out_for_that_and_not_for_want_of_a_template(talkers: Any) -> None:
    writes(talkers, BEN, "Tell me more", ago=timedelta(hours=25))
    made = planned(talkers, {"whatsapp": "free", "sms": "text"}, channel_order=["whatsapp", "sms"])
    assert made.excluded == {"whatsapp_window_closed": 1, "replied": 1}


async def test_free_text_answers_who_wrote_within_a_day(talkers: Any, sandbox: Any) -> None:
    writes(talkers, ADA, "Tell me more")
    writes(talkers, BEN, "Yes", ago=timedelta(hours=25))
    made = launched(talkers, {"whatsapp": "free"})
    assert (made.by_channel, made.excluded["whatsapp_window_closed"]) == ({Channel.WHATSAPP: 1}, 1)
    assert await talkers.deliver(Channel.WHATSAPP) == 1
    (sent,) = sandbox.inbox()
    assert (sent["recipient"], sent["body"]) == (
        f"whatsapp:{ADA}",
        "Glad you wrote, Ada.\nReply STOP to opt out.",
    )


async def test_the_window_is_asked_again_before_sending(talkers: Any, clock: Any) -> None:
    writes(talkers, ADA, "Tell me more")
    launched(talkers, {"whatsapp": "free"})
    clock.advance(timedelta(hours=24))
    assert await talkers.deliver(Channel.WHATSAPP) == 0
    assert [row.reason for row in talkers.rows() if row.address == ADA] == ["whatsapp_window_closed"]


async def test_stop_by_whatsapp_ends_what_waits_on_every_channel(talkers: Any) -> None:
    launched(talkers, {"whatsapp": "approved"})
    writes(talkers, ADA, "STOP")
    assert [row.state for row in talkers.rows() if row.address == ADA] == ["cancelled"]
    assert planned(talkers, {"sms": "text"}, name="Again").excluded["suppressed"] == 1
