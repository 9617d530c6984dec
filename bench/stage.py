"""People to write to, and campaigns planned, approved and launched through the product's own services."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch_paged
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan_paged
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Consent, Lead, LeadIdentity, Message, Sender, Template
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_queue.broker import connect, enqueue
from overture_queue.jobs import Dispatch

WORKSPACE = "default"
ACTOR = "bench"
ROWS = 2_000  # of one statement
SUBJECT = "Hi {{ first_name }}"
BODIES = {
    Channel.EMAIL: (
        "Hi {{ first_name }},\n\nit has been a while since we spoke about {{ company }}. Is it still of interest?"
    ),
    Channel.SMS: "Hi {{ first_name }}, are you still interested in {{ company }}?\nReply STOP to opt out.",
}
FIRST_PHONE = {"main": 2_012_000_000, "warm-up": 3_012_000_000}


def prepare(store: Store) -> None:
    """Save the templates and a segment for each group of leads."""
    with store.begin(WORKSPACE, actor=ACTOR) as work:
        templates.save(work, "email", Channel.EMAIL, BODIES[Channel.EMAIL], SUBJECT)
        templates.save(work, "sms", Channel.SMS, BODIES[Channel.SMS])
        for group in FIRST_PHONE:
            segments.save(work, group, LeadFilter(import_id=group))


def add_leads(store: Store, number: int, group: str = "main") -> None:
    """Insert leads that may be written to on both channels at this hour."""
    zone = noon_zone()
    for start in range(0, number, ROWS):
        with store.begin(WORKSPACE, actor=ACTOR) as work:
            now = work.now()
            leads = [_lead(group, n, zone, now) for n in range(start, min(start + ROWS, number))]
            work.session.execute(insert(Lead), leads)
            work.session.execute(insert(LeadIdentity), [i for lead in leads for i in _identities(lead)])
            work.session.execute(insert(Consent), [_consent(lead, now) for lead in leads])


def plan(store: Store, channel: Channel, group: str = "main") -> str:
    """Plan a campaign for a group and approve it as a person would by the CLI; returns the plan's id.

    Raises:
        AssertionError: the plan does not reach everybody at once.
    """
    asked = {"name": f"{group} {channel}", "segment": group, "templates": {channel: channel.value}}
    request = PlanRequest.model_validate({**asked, "channel_order": [channel]})
    made = plan_paged(store, WORKSPACE, request, actor=ACTOR)
    assert not made.excluded, made.excluded
    assert not made.held, made.held
    with store.begin(WORKSPACE, actor=ACTOR) as work:
        approvals.decide(work, made.approval.id, approve=True, by="bench", via=Via.CLI)
    return made.plan_id


def launch(store: Store, plan_id: str) -> None:
    """Launch an approved plan as the servers do: in pages, with a nudge after the first and after the last."""
    with connect(store.settings) as queue:
        told = False

        def progress(done: int, total: int) -> None:
            nonlocal told
            if not told and 0 < done < total:
                enqueue(queue.broker, Dispatch())
                told = True

        launch_paged(store, WORKSPACE, plan_id, actor=ACTOR, progress=progress)
        enqueue(queue.broker, Dispatch())


def add_due_messages(store: Store, channel: Channel, group: str = "main") -> None:
    """Insert a group's messages as due rows, without a campaign: what another worker than ours would be given."""
    with store.begin(WORKSPACE, actor=ACTOR) as work:
        template = work.session.scalars(select(Template.id).where(Template.channel == channel)).one()
        sender = work.session.scalars(select(Sender.id).where(Sender.channel == channel)).one()
        leads = work.session.scalars(select(Lead).where(Lead.import_id == group).order_by(Lead.id)).all()
        now = work.now()
        rows = [
            {
                "id": new_id("msg"),
                "workspace_id": WORKSPACE,
                "lead_id": lead.id,
                "channel": channel,
                "address": lead.email if channel is Channel.EMAIL else lead.phone,
                "sender_id": sender,
                "template_id": template,
                "merge": {"first_name": lead.first_name, "company": lead.company},
                "state": State.DUE,
                "due_at": now,
                "created_at": now,
                "updated_at": now,
            }
            for lead in leads
        ]
        for start in range(0, len(rows), ROWS):
            work.session.execute(insert(Message), rows[start : start + ROWS])


def accepted(store: Store) -> int:
    """Return how many messages a provider has accepted."""
    with store.read(WORKSPACE) as work:
        return work.session.scalar(select(func.count()).where(Message.accepted_at.is_not(None))) or 0


def launched_rows(store: Store) -> int:
    """Return how many messages are more than a draft."""
    with store.read(WORKSPACE) as work:
        return work.session.scalar(select(func.count()).where(Message.state != State.DRAFT)) or 0


def states(store: Store) -> dict[str, int]:
    """Return how many messages stand in each state."""
    with store.read(WORKSPACE) as work:
        rows = work.session.execute(select(Message.state, func.count()).group_by(Message.state))
        return {str(state): int(found) for state, found in rows}


def noon_zone() -> str:
    """Return a time zone in which it is about noon, so that quiet hours never decide a benchmark."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # the sign of these names is the other way round


def _lead(group: str, n: int, zone: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("lead"),
        "workspace_id": WORKSPACE,
        "first_name": f"Ada{n % 977}",
        "last_name": "Lovelace",
        "email": f"{group}{n}@example.com",
        "phone": f"+1{FIRST_PHONE[group] + n}",
        "company": f"Engine Works {n % 1009}",
        "country": "US",
        "time_zone": zone,
        "custom": {},
        "import_id": group,
        "created_at": now,
        "updated_at": now,
    }


def _identities(lead: dict[str, Any]) -> list[dict[str, Any]]:
    common = {"workspace_id": WORKSPACE, "lead_id": lead["id"]}
    return [
        {"id": new_id("idn"), "kind": kind, "value": lead[name], **common}
        for kind, name in (("email", "email"), ("phone", "phone"))
    ]


def _consent(lead: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("cns"),
        "workspace_id": WORKSPACE,
        "lead_id": lead["id"],
        "channel": Channel.SMS,
        "granted": True,
        "source": "bench",
        "recorded_at": now,
    }
