"""Nobody waits for somebody else's trouble: a direct message behind a large campaign, SMS beside e-mail that hangs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.ids import new_id
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.messages.states import IN_MOTION, State
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Lead, Message, Sender, Template
from overture_core.storage.store import Store, Work
from overture_core.templates import service as templates
from tests.crewing import noon_zone

MANY = 1_000
LEADS = 120
CHUNK = 20
HANG_S = 12.0


def prepare(store: Store, number: int) -> None:
    zone = noon_zone()
    rows = "".join(f"Lead{each},lead{each}@example.com,+1212555{each:04},US,{zone},sms\n" for each in range(number))
    source = Source.from_text("First Name,E-mail,Phone,Country,Time Zone,Consent\n" + rows, "leads.csv")
    import_leads(store, source, ImportOptions(), workspace="default", actor="test")
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "mail", Channel.EMAIL, "Hi {{ first_name }}.", "Hi")
        templates.save(work, "text", Channel.SMS, "Hi {{ first_name }}.")


def launch_campaign(store: Store, name: str, channel: Channel, template: str) -> None:
    with store.begin("default", actor="test") as work:
        planned = plan(work, PlanRequest(name=name, segment="all", templates={channel: template}))
        approvals.decide(work, planned.approval.id, approve=True, by="test", via=Via.CLI)
        assert launch(work, planned.plan_id).queued > 0


def add_direct(work: Work, lead: Lead) -> str:
    """A message to one lead, due now, that belongs to no campaign."""
    template = work.session.scalars(select(Template).where(Template.name == "mail")).one()
    sender = work.session.scalars(select(Sender).where(Sender.channel == Channel.EMAIL)).one()
    row = Message(
        id=new_id("msg"),
        workspace_id="default",
        lead_id=lead.id,
        idempotency_key="order-1",
        channel=Channel.EMAIL,
        address=lead.email or "",
        sandbox=True,
        sender_id=sender.id,
        template_id=template.id,
        merge={"first_name": "Zoe"},
        state=State.DUE,
        due_at=work.now(),
        created_at=work.now(),
        updated_at=work.now(),
    )
    work.session.add(row)
    return row.id


def count(store: Store, state: State) -> int:
    with store.read("default") as work:
        return work.session.scalar(select(func.count()).where(Message.state == state)) or 0


def test_a_direct_message_passes_a_large_campaign(start: Any, wait_for: Any, database: dict[str, Any]) -> None:
    with start(chunk_size=CHUNK, email_batch_size=CHUNK, wave_size=CHUNK, **database) as system:
        store = Store(system.settings)
        prepare(store, MANY)
        with store.begin("default", actor="test") as work:
            lead = Lead(
                id=new_id("lead"),
                workspace_id="default",
                email="zoe@example.com",
                country="US",
                custom={},
                created_at=work.now(),
                updated_at=work.now(),
            )
        launch_campaign(store, "Spring", Channel.EMAIL, "mail")
        system.fault(provider="sendgrid", kind="slow", seconds=0.3, count=10_000)
        wait_for(lambda: count(store, State.ACCEPTED) > 0, deadline=30)
        with store.begin("default", actor="test") as work:
            work.session.add(lead)
            work.session.flush()
            direct = add_direct(work, lead)

        def state() -> str:
            with store.read("default") as work:
                return work.session.get_one(Message, direct).state

        wait_for(lambda: state() == State.ACCEPTED, deadline=30)
        # It passed what was not in a worker's hands yet: most of the campaign.
        assert count(store, State.DUE) > MANY / 2
        store.close()


def test_a_sendgrid_that_hangs_holds_up_no_sms(start: Any, wait_for: Any, database: dict[str, Any]) -> None:
    hanging = {"provider_timeout_s": HANG_S, "lease_s": 2 * HANG_S}
    with start(chunk_size=10, email_batch_size=10, wave_size=10, **hanging, **database) as system:
        store = Store(system.settings)
        prepare(store, LEADS)
        system.fault(provider="sendgrid", kind="hang", seconds=2 * HANG_S, count=10_000)
        launch_campaign(store, "Mail", Channel.EMAIL, "mail")
        wait_for(lambda: count(store, State.SENDING) > 0, deadline=30)
        launch_campaign(store, "Texts", Channel.SMS, "text")

        def texts(*conditions: ColumnElement[bool]) -> int:
            with store.read("default") as work:
                counted = select(func.count()).where(Message.channel == Channel.SMS, *conditions)
                return work.session.scalar(counted) or 0

        # Those who have an e-mail in some worker's hands wait for it; all others get their SMS meanwhile.
        wait_for(lambda: texts(Message.accepted_at.is_not(None)) >= 20, deadline=HANG_S)
        assert count(store, State.UNKNOWN) == 0
        # Whose e-mail may have left rests until tomorrow; nobody's SMS is lost.
        wait_for(lambda: not texts(Message.state.in_(IN_MOTION)), deadline=3 * HANG_S)
        rests = Message.state == State.HELD
        assert texts(rests) > 0
        assert texts(or_(Message.accepted_at.is_not(None), rests)) == texts() == LEADS
        store.close()


def test_a_twilio_that_hangs_holds_up_no_mail(start: Any, wait_for: Any, database: dict[str, Any]) -> None:
    hanging = {"provider_timeout_s": HANG_S, "lease_s": 2 * HANG_S}
    with start(chunk_size=10, email_batch_size=10, wave_size=10, **hanging, **database) as system:
        store = Store(system.settings)
        prepare(store, LEADS)
        system.fault(provider="twilio", kind="hang", seconds=2 * HANG_S, count=10_000)
        launch_campaign(store, "Texts", Channel.SMS, "text")
        wait_for(lambda: count(store, State.SENDING) >= 20, deadline=30)  # as many as connections, and others waiting
        launch_campaign(store, "Mail", Channel.EMAIL, "mail")

        def mails() -> int:
            with store.read("default") as work:
                accepted = Message.accepted_at.is_not(None)
                return work.session.scalar(select(func.count()).where(Message.channel == Channel.EMAIL, accepted)) or 0

        wait_for(lambda: mails() >= 20, deadline=HANG_S / 2)
        assert count(store, State.UNKNOWN) == 0
        store.close()
