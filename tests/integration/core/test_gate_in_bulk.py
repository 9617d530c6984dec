"""The gate's form for many leads, held against its form for one."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.contactability.gate import contactabilities, contactability, first_usable
from overture_core.contactability.rules import Decision, Reason, Verdict
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.replies.intent import Intent
from overture_core.storage.schema import Lead, Message, Reply, Template
from overture_core.storage.store import Store
from overture_core.suppressions import service as suppressions

WORKSPACE = "default"
LEADS = 120
PLACES: list[dict[str, Any]] = [
    {"country": "US", "time_zone": "America/New_York"},
    {"country": "DE", "time_zone": "Europe/Berlin"},
    {"country": "AU", "time_zone": "Australia/Sydney"},
    {"country": "US", "time_zone": None},
]


@pytest.fixture
def crowd(scene: Any, store: Store) -> list[str]:
    """Leads of every kind, with and without something on record; alike, so that facts are shared."""
    chance = Random(3)
    ids = []
    for number in range(LEADS):
        where = chance.choice(PLACES)
        email = chance.choice([f"Lead{number}@example.com", None])
        phone = chance.choice([f"+1212555{number:04}", None])
        ids.append(scene.add_lead(email=email, phone=phone, **where))
    for lead_id in ids:
        for channel in Channel:
            if chance.random() < 0.5:
                scene.consent(lead_id, channel, granted=chance.random() < 0.8)
    with store.begin(WORKSPACE, actor="test") as work:
        template = work.session.scalars(select(Template.id).limit(1)).one()
        for lead in work.session.scalars(select(Lead).order_by(Lead.id)).all():
            if lead.email and chance.random() < 0.1:
                suppressions.add(work, "email", lead.email, "manual", "test")
            if lead.phone and chance.random() < 0.1:
                suppressions.add(work, "phone", lead.phone, "manual", "test")
            if chance.random() < 0.1:
                body = {"channel": Channel.EMAIL, "body": "yes", "intent": chance.choice(list(Intent))}
                at = work.now() - timedelta(days=chance.choice([1, 40]))
                work.session.add(
                    Reply(id=new_id("rpl"), workspace_id=WORKSPACE, lead_id=lead.id, received_at=at, **body)
                )
            if chance.random() < 0.2:
                at = work.now() - timedelta(hours=chance.choice([1, 30, 24 * 8]))
                work.session.add(
                    Message(
                        id=new_id("msg"),
                        workspace_id=WORKSPACE,
                        step=1,
                        lead_id=lead.id,
                        channel=Channel.EMAIL,
                        address="",
                        template_id=template,
                        merge={},
                        state="accepted",
                        attempt=1,
                        accepted_at=at,
                        created_at=at,
                        updated_at=at,
                    )
                )
    return ids


def test_many_leads_are_decided_as_each_would_be_alone(crowd: list[str], store: Store) -> None:
    with store.read(WORKSPACE) as work:
        leads = work.session.scalars(select(Lead).where(Lead.id.in_(crowd)).order_by(Lead.id)).all()
        together = contactabilities(work, leads, list(Channel), work.now())
        alone = {lead.id: {channel: contactability(work, lead, channel) for channel in Channel} for lead in leads}
    assert together == alone
    seen = {decision.reason for each in together.values() for decision in each.values()}
    assert seen == {None, *Reason} - {Reason.UNVERIFIED_SENDER, Reason.ZONE_UNKNOWN, Reason.WINDOW_CLOSED}


def test_asked_in_an_order_a_lead_is_decided_up_to_the_first_channel_that_may_be_used(
    crowd: list[str], store: Store
) -> None:
    order = [Channel.SMS, Channel.EMAIL]
    with store.read(WORKSPACE) as work:
        leads = work.session.scalars(select(Lead).where(Lead.id.in_(crowd)).order_by(Lead.id)).all()
        every = contactabilities(work, leads, order, work.now())
        asked = first_usable(work, leads, order, work.now())
    expected: dict[str, dict[Channel, Decision]] = {}
    for lead_id, decisions in every.items():
        first = decisions[Channel.SMS].verdict is Verdict.YES
        expected[lead_id] = {Channel.SMS: decisions[Channel.SMS]} if first else decisions
    assert asked == expected
