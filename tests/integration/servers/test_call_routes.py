"""What Twilio hears from us when somebody picks up a call: the message, or nothing at all."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.content import VOICE_OPT_OUT
from overture_core.messages.stopping import suppress_address
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.settings import Settings
from overture_core.storage.schema import Message
from overture_core.templates import service as templates
from overture_core.workspaces import emergency
from overture_providers.sandbox.keys import load_or_create
from overture_providers.sms.signature import HEADER, sign
from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:8765"
CALLS = "/messaging/webhooks/twilio/calls"
SID = "CA" + "0a" * 16
NUMBER = "+12125550101"
SPOKEN = f"Hi Ada, we have news.\n{VOICE_OPT_OUT}"


class Line:
    """Twilio's side of one call."""

    def __init__(self, runtime: Runtime, message_id: str) -> None:
        self.runtime = runtime
        self.message_id = message_id

    async def post(self, what: str, **fields: str) -> httpx.Response:
        form = {"CallSid": SID, "To": NUMBER, **fields}
        path = f"{CALLS}/{what}?message={self.message_id}&workspace=default"
        token = load_or_create(self.runtime.settings.data_dir).twilio_auth_token
        transport = httpx.ASGITransport(create_app(self.runtime))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            return await http.post(path, data=form, headers={HEADER: sign(BASE + path, form.items(), token)})

    def message(self) -> Message:
        while intake.process(self.runtime.store):
            pass
        with self.runtime.store.read("default") as work:
            return work.session.get_one(Message, self.message_id)


@pytest.fixture
def line(runtime: Runtime) -> Line:
    """A call that Twilio has accepted."""
    store = runtime.store
    leads = f"First Name,Phone,Country,Consent\nAda,{NUMBER},US,voice\n"
    import_leads(store, Source.from_text(leads, "leads.csv"), ImportOptions(), workspace="default", actor="test")
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "call", Channel.VOICE, "Hi {{ first_name }}, we have news.")
        made = plan(work, PlanRequest.model_validate({"name": "C", "segment": "all", "templates": {"voice": "call"}}))
        approvals.decide(work, made.approval.id, approve=True, by="test", via=Via.CLI)
        launch(work, made.plan_id)
    with store.begin("default", actor="test") as work:
        row = work.session.scalars(select(Message)).one()
        row.state, row.provider, row.provider_id = "accepted", "twilio-voice", SID
        message_id = row.id
    return Line(runtime, message_id)


async def test_voicemail_gets_the_message(line: Line) -> None:
    said = await line.post("answer", AnsweredBy="machine_end_beep")
    assert (said.status_code, said.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert f'<Response><Say language="en-US">{SPOKEN}</Say></Response>' in said.text
    assert line.message().state == "delivered"


async def test_a_person_who_presses_the_key_is_called_no_more(line: Line) -> None:
    said = await line.post("answer", AnsweredBy="human")
    assert "<Gather" in said.text
    assert SPOKEN in said.text
    assert "no more calls" in (await line.post("key", Digits="9")).text
    assert line.message().state == "delivered"
    with line.runtime.store.begin("default", actor="test") as work:
        asked = {"name": "Again", "segment": "all", "templates": {"voice": "call"}}
        assert plan(work, PlanRequest.model_validate(asked)).excluded == {"suppressed": 1}


async def test_a_fax_and_a_call_that_nobody_takes_hear_nothing(line: Line) -> None:
    assert (await line.post("answer", AnsweredBy="fax")).text.endswith("<Response><Hangup /></Response>")
    assert line.message().state == "accepted"
    assert (await line.post("status", CallStatus="completed", AnsweredBy="fax")).status_code == 204
    found = line.message()
    assert (found.state, found.reason) == ("failed", "unheard")


async def test_who_asked_to_stop_while_the_call_waited_hears_nothing(line: Line) -> None:
    with line.runtime.store.begin("default", actor="test") as work:
        suppress_address(work, Channel.SMS, NUMBER, reason="opt_out", origin="test")
    assert "<Say" not in (await line.post("answer", AnsweredBy="human")).text


async def test_after_an_emergency_stop_nobody_hears_anything(line: Line) -> None:
    with line.runtime.store.begin("default", actor="test") as work:
        emergency.stop(work)
    assert "<Say" not in (await line.post("answer", AnsweredBy="machine_end_beep")).text
    assert line.message().state == "accepted"


async def test_with_the_database_away_the_call_ends_without_a_word(settings: Settings, line: Line) -> None:
    away = Runtime(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))
    said = await Line(away, line.message_id).post("answer", AnsweredBy="human")
    away.close()
    assert (said.status_code, said.text.endswith("<Response><Hangup /></Response>")) == (200, True)


async def test_nobody_else_learns_what_a_call_says(line: Line) -> None:
    path = f"{CALLS}/answer?message={line.message_id}&workspace=default"
    transport = httpx.ASGITransport(create_app(line.runtime))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        refused = await http.post(path, data={"CallSid": SID, "AnsweredBy": "human"}, headers={HEADER: "bm8="})
    assert refused.status_code == 403
    assert "Ada" not in refused.text
    line.message_id = "msg_unknown"
    assert "<Say" not in (await line.post("answer", AnsweredBy="human")).text
