"""The trace of a lead has everything that happened to them, in the order of time, and nothing of anybody else."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.clock import ManualClock
from overture_core.errors import NotFound
from overture_core.leads.tracing import trace
from overture_core.messages import direct
from overture_core.messages.apply import apply_deliveries
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.messages.states import State, change, record
from overture_core.messages.stopping import suppress
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.storage.schema import Message
from overture_core.templates import service as templates
from tests.integration.core.conftest import WORKSPACE, Scene


def test_everything_is_there_in_the_order_of_time(scene: Scene, clock: ManualClock) -> None:
    lead = scene.add_lead(email="Ada@example.com")
    scene.add_lead("Bob", email="bob@example.com")
    scene.consent(lead, Channel.EMAIL)
    clock.advance(timedelta(minutes=1))
    scene.launched()
    clock.advance(timedelta(minutes=1))
    with scene.store.begin(WORKSPACE, actor="ada") as work:
        suppress(work, "email", "ada@example.com", reason="manual", origin="told\x1b us")
    with scene.store.read(WORKSPACE) as work:
        found = trace(work, lead)
        assert trace(work, lead, limit=1).entries == found.entries[-1:]
    told = [(each.what, each.campaign, each.cause, each.text) for each in found.entries]
    assert told[:3] == [
        ("created", None, None, None),
        ("email consent given", None, None, "test"),
        ("email step 1 planned", "Spring", None, None),
    ]
    assert ("email draft > due", "Spring", "launch", None) in told
    assert ("email due > cancelled", "Spring", "manual", "manual") in told
    assert ("email suppressed", None, "manual", "told us") in told
    assert [each.at for each in found.entries] == sorted(each.at for each in found.entries)
    assert found.total == len(found.entries)


def test_whoever_a_plan_left_out_has_the_reason(scene: Scene) -> None:
    lead = scene.add_lead(email="ada@example.com")
    scene.consent(lead, Channel.EMAIL, granted=False)
    scene.add_lead("Bob", email="bob@example.com")
    scene.plan()
    with scene.store.read(WORKSPACE) as work:
        told = [(each.what, each.campaign, each.cause) for each in trace(work, lead).entries]
    assert ("email step 1 left out of the plan", "Spring", "consent_denied") in told


def test_a_time_in_whole_seconds_stands_behind_what_came_before_it(scene: Scene, clock: ManualClock) -> None:
    lead = scene.add_lead(email="ada@example.com")
    clock.advance(timedelta(milliseconds=700))
    scene.launched()
    with scene.store.begin(WORKSPACE, actor="webhook") as work:
        (message,) = work.session.scalars(select(Message.id))
        for source, target in pairwise([State.DUE, State.CLAIMED, State.SENDING]):
            change(work, source, target, Message.id == message, cause="worker")
        said_at = work.now().replace(microsecond=0)  # as a provider does
        record(work, [message], State.SENDING, State.ACCEPTED, cause="sendgrid", at=said_at)
    with scene.store.read(WORKSPACE) as work:
        told = [each.what for each in trace(work, lead).entries]
    assert told[-2:] == ["email claimed > sending", "email sending > accepted"]


def test_what_a_provider_told_goes_by_its_own_name(scene: Scene, clock: ManualClock) -> None:
    lead = scene.add_lead(email="ada@example.com")
    scene.launched()
    with scene.store.begin(WORKSPACE, actor="webhook") as work:
        (message,) = work.session.scalars(select(Message.id))
        for source, target in pairwise([State.DUE, State.CLAIMED, State.SENDING, State.ACCEPTED]):
            change(work, source, target, Message.id == message, cause="worker")
        told = [
            DeliveryEvent(
                provider="sendgrid", dedupe_key=f"{number}", kind=kind, at=clock.now(), channel=Channel.EMAIL,
                message_id=message, provider_id=None, address="ada@example.com",
            )
            for number, kind in enumerate((Kind.OPENED, Kind.DELIVERED, Kind.CLICKED))
        ]  # fmt: skip
        apply_deliveries(work, told)
    with scene.store.read(WORKSPACE) as work:
        found = [(each.what, each.cause) for each in trace(work, lead).entries]
    assert found[-3:] == [
        ("email opened (accepted > delivered)", "sendgrid:opened"),
        ("email delivered", "sendgrid:delivered"),
        ("email clicked", "sendgrid:clicked"),
    ]


def test_a_direct_message_is_no_step_of_a_plan(scene: Scene) -> None:
    lead = scene.add_lead(email="ada@example.com")
    with scene.store.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "hello", Channel.EMAIL, "Hello.", "Hello")
        asked = operations.propose(work, direct.proposal(work, lead, "hello"))
        approvals.decide(work, str(asked.approval_id), approve=True, by="ada", via=Via.CLI)
        claim = claims.begin(work, asked.id, sandbox=True)
        assert claim is not None
        direct.enqueue(work, claim)
    with scene.store.read(WORKSPACE) as work:
        told = [(each.what, each.campaign) for each in trace(work, lead).entries]
    assert ("email message to them alone asked for", None) in told
    assert not [what for what, _ in told if "step" in what or "plan" in what]


def test_a_lead_of_nobody_is_told_with_what_to_do(scene: Scene) -> None:
    with scene.store.read(WORKSPACE) as work, pytest.raises(NotFound, match="leads_search finds"):
        trace(work, "lead_x")
