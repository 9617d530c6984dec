"""The gate's form for many leads, held against its form for one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen, remove

from overture_core.contactability.explaining import explain
from overture_core.contactability.gate import contactabilities, contactability, first_usable
from overture_core.contactability.rules import Decision, Reason, Verdict
from overture_core.errors import InvalidInput
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.payments import service as payments
from overture_core.replies.intent import Intent
from overture_core.storage.schema import Lead, LeadIdentity, Message, Reply, Template
from overture_core.storage.store import Store, Work
from overture_core.suppressions import service as suppressions

WORKSPACE = "default"
LEADS = 120
DOMAINS = ["example.com", "mail.example.org"]
PLACES: list[dict[str, Any]] = [
    {"country": "US", "time_zone": "America/New_York"},
    {"country": "DE", "time_zone": "Europe/Berlin"},
    {"country": "AU", "time_zone": "Australia/Sydney"},
    {"country": "US", "time_zone": None},
]


def _suppress_widely(work: Work, chance: Random, ids: list[str]) -> None:
    suppressions.add(work, "domain", "example.org", "manual", "test")
    for lead_id in chance.sample(ids, 6):
        suppressions.add(work, "person", lead_id, "manual", "test")


@pytest.fixture
def crowd(scene: Any, store: Store) -> list[str]:
    """Leads of every kind, with and without something on record; alike, so that facts are shared."""
    chance = Random(3)
    ids = []
    for number in range(LEADS):
        where = chance.choice(PLACES)
        email = chance.choice([f"Lead{number}@{chance.choice(DOMAINS)}", f"no-reply+{number}@example.com", None])
        phone = chance.choice([f"+1212555{number:04}", f"+1305555{number:04}", f"+44207946{number:04}", None])
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
            if chance.random() < 0.2:
                _reply(work, chance, lead.id)
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
        _suppress_widely(work, chance, ids)
        _pay(work, chance, ids)
    return ids


def _reply(work: Work, chance: Random, lead_id: str) -> None:
    intent = chance.choice([*Intent, *(Intent.OUT_OF_OFFICE for _ in range(8))])
    at = work.now() - timedelta(days=chance.choice([1, 40]))
    row = Reply(
        id=new_id("rpl"),
        workspace_id=WORKSPACE,
        lead_id=lead_id,
        channel=Channel.EMAIL,
        body="yes",
        intent=intent,
        received_at=at,
        away_until=at + timedelta(days=7) if intent is Intent.OUT_OF_OFFICE else None,
    )
    work.session.add(row)


def _pay(work: Work, chance: Random, ids: list[str]) -> None:
    for lead_id in chance.sample(ids, len(ids) // 10):
        paid: dict[str, Any] = {"amount": Decimal(1), "currency": "EUR", "reference": lead_id}
        payments.record(work, lead_id, at=work.now() - timedelta(days=chance.choice([1, 40])), **paid)


def test_many_leads_are_decided_as_each_would_be_alone(crowd: list[str], store: Store) -> None:
    with store.read(WORKSPACE) as work:
        leads = work.session.scalars(select(Lead).where(Lead.id.in_(crowd)).order_by(Lead.id)).all()
        together = contactabilities(work, leads, list(Channel), work.now())
        alone = {lead.id: {channel: contactability(work, lead, channel) for channel in Channel} for lead in leads}
    assert together == alone
    seen = {decision.reason for each in together.values() for decision in each.values()}
    of_senders = {Reason.UNVERIFIED_SENDER, Reason.SENDER_WARMS_UP, Reason.SENDER_OVER_LIMIT}
    assert seen == {None, *Reason} - of_senders - {Reason.ZONE_UNKNOWN, Reason.WINDOW_CLOSED}


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


def test_a_domain_stands_for_its_addresses_and_a_person_for_every_channel(scene: Any, store: Store) -> None:
    below = scene.add_lead(
        email="ada@eu.Shut.example", phone="+12125550001", country="US", time_zone="America/New_York"
    )
    beside = scene.add_lead(email="bob@notshut.example", phone="+12125550002", country="US")
    page = "https://www.linkedin.com/in/eve"
    person = scene.add_lead(email="eve@open.example", phone="+12125550003", country="US", linkedin_url=page)
    with store.begin(WORKSPACE, actor="test") as work:
        suppressions.add(work, "domain", "@Shut.Example", "asked by their lawyer", "test")
        suppressions.add(work, "person", person, "manual", "test")
    with store.read(WORKSPACE) as work:
        leads = work.session.scalars(select(Lead).where(Lead.id.in_([below, beside, person]))).all()
        decided = contactabilities(work, leads, list(Channel))
    assert decided[below][Channel.EMAIL].reason is Reason.SUPPRESSED
    assert decided[below][Channel.SMS].reason is Reason.CONSENT_MISSING
    assert decided[beside][Channel.EMAIL].verdict is Verdict.YES
    assert {each.reason for each in decided[person].values()} == {Reason.SUPPRESSED}


@pytest.mark.parametrize(("kind", "value"), [("domain", "localhost"), ("domain", "a b.com"), ("person", "Ada")])
def test_what_is_no_domain_or_lead_is_not_suppressed(kind: suppressions.Kind, value: str, store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work, pytest.raises(InvalidInput):
        suppressions.add(work, kind, value, "manual", "test")


def test_a_further_address_that_is_suppressed_counts_on_linkedin_alone(scene: Any, store: Store) -> None:
    page = {"linkedin_url": "https://www.linkedin.com/in/ada"}
    known = {
        "email": ("email", "ada@further.example"),
        "mailbox": ("email", "bo+news@further.example"),
        "domain": ("email", "cy@shut.example"),
        "phone": ("phone", "+12125550102"),
        "free": ("email", "di@further.example"),
    }
    ids = {name: scene.add_lead(email=f"{name}@own.example", **page) for name in known}
    with store.begin(WORKSPACE, actor="test") as work:
        for name, (kind, value) in known.items():
            row = {"workspace_id": WORKSPACE, "lead_id": ids[name], "kind": kind, "value": value}
            work.session.add(LeadIdentity(id=new_id("idn"), **row))
        for kind, value in (("email", "ada@further.example"), ("email", "bo@further.example"), known["phone"]):
            suppressions.add(work, "phone" if kind == "phone" else "email", value, "manual", "test")
        suppressions.add(work, "domain", "shut.example", "manual", "test")
    with store.read(WORKSPACE) as work:
        leads = work.session.scalars(select(Lead).order_by(Lead.id)).all()
        found = contactabilities(work, leads, [Channel.EMAIL, Channel.LINKEDIN])
        explained = explain(work, ids["domain"], [Channel.LINKEDIN]).channels[0]
    by_hand = {name: found[lead_id][Channel.LINKEDIN].reason for name, lead_id in ids.items()}
    assert by_hand == {**dict.fromkeys(known, Reason.SUPPRESSED), "free": None}
    assert {found[lead_id][Channel.EMAIL].reason for lead_id in ids.values()} == {None}
    assert [each.split(" since")[0] for each in explained.evidence] == ["no consent on record", "suppressed domain"]


def test_a_page_of_leads_costs_the_gate_the_same_statements_however_many_there_are(scene: Any, store: Store) -> None:
    def asked(*ids: str) -> int:
        with store.read(WORKSPACE) as work:
            leads = work.session.scalars(select(Lead).where(Lead.id.in_(ids))).all()
            told: list[str] = []

            def count(*event: Any) -> None:
                told.append(event[2])

            connection = work.session.connection()
            listen(connection, "before_cursor_execute", count)
            contactabilities(work, leads, [Channel.LINKEDIN])
            remove(connection, "before_cursor_execute", count)
            return len(told)

    page = {"linkedin_url": "https://www.linkedin.com/in/ada"}
    ids = [scene.add_lead(email=f"p{number}@own.example", **page) for number in range(20)]
    assert asked(ids[0]) == asked(*ids)
