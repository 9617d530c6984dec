"""A sender that may not be used: the steps that it was to send wait, and nothing follows on what never left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from overture_core.campaigns import following
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanView
from overture_core.clock import ManualClock
from overture_core.messages import ledger
from overture_core.messages.channels import Channel
from overture_core.messages.states import State, change
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_core.workspaces import senders

WORKSPACE = "default"
BY_SMS: dict[str, object] = {"wait_before": "1 day", "templates": {"sms": "hello-sms"}, "only_if": "not_delivered"}


def launched(scene: Any) -> PlanView:
    planned: PlanView = scene.plan(templates={"email": "hello"}, follow_ups=[BY_SMS])
    scene.approve(planned)
    with scene.store.begin(WORKSPACE, actor="model") as work:
        launch(work, planned.plan_id)
    return planned


def steps(store: Store) -> list[tuple[int, str, str, str | None]]:
    with store.read(WORKSPACE) as work:
        found = work.session.scalars(select(Message).order_by(Message.step)).all()
        return [(row.step, row.channel, row.state, row.reason) for row in found]


def test_who_got_no_first_step_for_want_of_a_sender_gets_no_later_one(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.consent(scene.add_lead(email="ada@example.com", phone="+12125550123"), Channel.SMS)
    launched(scene)
    with store.begin(WORKSPACE, actor="worker-1") as work:
        change(work, State.DUE, State.SKIPPED, Message.step == 1, cause="gate", values={"reason": "unverified_sender"})
    clock.advance(timedelta(days=2))
    assert following.advance(store) == 1
    assert [row[2:] for row in steps(store)] == [("skipped", "unverified_sender")] * 2


def test_a_sender_that_was_refused_for_some_days_delays_the_sequence_and_ends_nothing(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.consent(scene.add_lead(email="ada@example.com", phone="+12125550123"), Channel.SMS)
    address = store.settings.email_from
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        senders.decide(work, address, verified=False, note="the domain moves")
    planned = launched(scene)
    assert planned.hints == [
        f"Its messages would wait. The sender {address} is not verified (cli:ada: the domain moves); nothing leaves "
        f"from it until a person says `overture senders accept {address}`."
    ]
    assert steps(store) == [(1, "email", "held", "unverified_sender")]
    clock.advance(timedelta(days=2))
    assert following.advance(store) == 0
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        senders.decide(work, address, verified=True, note="moved")
        ledger.sweep(work)
    assert steps(store) == [(1, "email", "due", None)]
