"""Sequences: later steps follow when their time has come, and only for who has not answered."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from overture_core.campaigns import following
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.status import CampaignStatus, status
from overture_core.clock import ManualClock
from overture_core.messages import intake, ledger, settling
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, InboundMessage, Kind
from overture_core.messages.outcomes import Accepted, Outcome, Refused
from overture_core.storage.schema import Message, Plan, Template
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"
TAKEN = Accepted("sg-1")
SECOND: dict[str, object] = {"wait_before": "3 days", "templates": {"email": "again"}}
BY_SMS: dict[str, object] = {"wait_before": "1 day", "templates": {"sms": "hello-sms"}, "only_if": "not_delivered"}


@pytest.fixture(autouse=True)
def _second_template(scene: Any, store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "again", Channel.EMAIL, "Hello again, {{ first_name }}.", "Once more")


def launched(scene: Any, *follow_ups: dict[str, object], **changes: object) -> PlanView:
    planned: PlanView = scene.plan(templates={"email": "hello"}, follow_ups=list(follow_ups), **changes)
    scene.approve(planned)
    with scene.store.begin(WORKSPACE, actor="model") as work:
        launch(work, planned.plan_id)
    return planned


def send(store: Store, outcome: Outcome = TAKEN, channel: Channel = Channel.EMAIL) -> int:
    waiting = next(each for each in ledger.backlog(store) if each.channel is channel)
    with store.begin(WORKSPACE, actor="worker-1") as work:
        token = ledger.claim(work, channel, campaign_id=waiting.campaign_id, owner="worker-1", limit=100)
        assert token is not None
        rows = [row.id for row in ledger.claimed(work, token)]
        sending = ledger.start_sending(work, token, rows, owner="worker-1")
        settling.settle(work, token, "sendgrid", [(each, outcome) for each in sending])
        ledger.finish(work, token, cause="chunk_done")
        return len(sending)


def steps(store: Store) -> list[tuple[int, str, str, str | None]]:
    with store.read(WORKSPACE) as work:
        found = work.session.scalars(select(Message).order_by(Message.step, Message.lead_id)).all()
        return [(row.step, row.channel, row.state, row.reason) for row in found]


def report(store: Store) -> CampaignStatus:
    with store.read(WORKSPACE) as work:
        return status(work, "Spring")


def tell(store: Store, clock: ManualClock, kind: Kind) -> None:
    with store.read(WORKSPACE) as work:
        rows = work.session.scalars(select(Message).where(Message.accepted_at.is_not(None))).all()
        told = [
            DeliveryEvent(
                provider="sendgrid",
                dedupe_key=f"{kind}-{row.id}",
                kind=kind,
                at=clock.now(),
                channel=Channel.EMAIL,
                message_id=row.id,
                provider_id=None,
                address=row.address,
                permanent=True,
            )
            for row in rows
        ]
    intake.store_events(store, told)
    while intake.process(store):
        pass


def answer(store: Store, clock: ManualClock, text: str) -> None:
    message = InboundMessage(
        provider="sendgrid",
        dedupe_key="reply-1",
        at=clock.now(),
        channel=Channel.EMAIL,
        sender="ada@example.com",
        recipient=store.settings.email_from,
        subject="Re: Hi",
        body=text,
        in_reply_to=None,
        opt_out=False,
    )
    intake.store_events(store, [message])
    while intake.process(store):
        pass


def finish(store: Store) -> int:
    with store.begin(WORKSPACE, actor="pump") as work:
        return campaigns.finish_done(work)


def test_a_step_follows_when_its_wait_is_over_and_the_campaign_ends_after_the_last(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, SECOND)
    assert send(store) == 1
    clock.advance(timedelta(days=3) - timedelta(seconds=1))
    assert following.advance(store) == 0
    assert finish(store) == 0, "it waits for the second step"
    waits = report(store)
    assert (waits.follow_ups_left, waits.done) == (True, False)

    clock.advance(timedelta(seconds=1))
    assert following.advance(store) == 1
    assert following.advance(store) == 0, "each follow-up is made once"
    assert steps(store)[1:] == [(2, "email", "due", None)]
    assert send(store) == 1
    assert finish(store) == 1
    over = report(store)
    assert (over.follow_ups_left, over.done) == (False, True)
    with store.read(WORKSPACE) as work:
        second = work.session.scalars(select(Message).where(Message.step == 2)).one()
        template = work.session.get_one(Template, second.template_id)
        assert (template.name, second.merge) == ("again", {"first_name": "Ada"})


@pytest.mark.parametrize("text", ["Yes, tell me more", "STOP"])
def test_who_answered_gets_nothing_more(scene: Any, store: Store, clock: ManualClock, text: str) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, SECOND)
    send(store)
    answer(store, clock, text)
    assert not report(store).follow_ups_left
    clock.advance(timedelta(days=60))
    assert following.advance(store) == 0
    assert len(steps(store)) == 1
    assert finish(store) == 1


@pytest.mark.parametrize(
    ("only_if", "told", "expected"),
    [
        ("not_opened", Kind.OPENED, ("skipped", "unless:not_opened")),
        ("not_opened", Kind.DELIVERED, ("due", None)),
        ("not_clicked", Kind.OPENED, ("due", None)),
        ("not_clicked", Kind.CLICKED, ("skipped", "unless:not_clicked")),
        ("not_delivered", Kind.DELIVERED, ("skipped", "unless:not_delivered")),
        ("no_reply", Kind.CLICKED, ("due", None)),
    ],
)
def test_a_condition_is_asked_of_the_step_before(
    scene: Any, store: Store, clock: ManualClock, only_if: str, told: Kind, expected: tuple[str, str | None]
) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, {**SECOND, "only_if": only_if})
    send(store)
    tell(store, clock, told)
    clock.advance(timedelta(days=3))
    following.advance(store)
    assert [(state, reason) for _, _, state, reason in steps(store)[1:]] == [expected]


def test_who_could_not_be_reached_is_tried_on_another_channel(scene: Any, store: Store, clock: ManualClock) -> None:
    clock.advance(timedelta(hours=12) - (clock.now() - clock.now().replace(hour=0, minute=0, second=0)))
    bounced = scene.add_lead(email="ada@example.com", phone="+12125550101")
    refused = scene.add_lead(email="bob@example.com", phone="+12125550102")
    for lead in (bounced, refused):
        scene.consent(lead, Channel.SMS)
    launched(scene, BY_SMS)
    with store.read(WORKSPACE) as work:
        first = work.session.scalars(select(Message).order_by(Message.lead_id)).all()
        leads = {row.lead_id: row.id for row in first}
    waiting = ledger.backlog(store)[0]
    with store.begin(WORKSPACE, actor="worker-1") as work:
        token = ledger.claim(work, Channel.EMAIL, campaign_id=waiting.campaign_id, owner="w", limit=10)
        assert token is not None
        ledger.start_sending(work, token, list(leads.values()), owner="w")
        results: list[tuple[str, Outcome]] = [
            (leads[bounced], Accepted("sg-1")),
            (leads[refused], Refused("400", "no")),
        ]
        settling.settle(work, token, "sendgrid", results)
        ledger.finish(work, token, cause="chunk_done")
    tell(store, clock, Kind.BOUNCED)
    clock.advance(timedelta(days=1, hours=6))
    assert following.advance(store) == 2
    assert Counter((step, channel, state) for step, channel, state, _ in steps(store)) == {
        (1, "email", "bounced"): 1,
        (1, "email", "failed"): 1,
        (2, "sms", "due"): 2,
    }


def test_a_paused_campaign_makes_no_follow_ups_and_goes_on_when_resumed(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, SECOND)
    send(store)
    with store.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.PAUSED)
    clock.advance(timedelta(days=5))
    assert following.advance(store) == 0
    with store.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.RUNNING)
    assert following.advance(store) == 1


def test_messages_wait_for_the_hours_of_the_campaign(scene: Any, store: Store, clock: ManualClock) -> None:
    scene.add_lead(email="ada@example.com", country="AU", time_zone="Australia/Sydney")
    window = {"start": "09:00", "until": "10:00", "days": ["tue"]}
    planned = launched(scene, SECOND, send_window=window)
    assert planned.held == {"send_window": 1}
    with store.read(WORKSPACE) as work:
        first = work.session.scalars(select(Message)).one()
        assert first.due_at is not None
        assert first.due_at.astimezone(UTC) >= clock.now()
        opening = first.due_at
    clock.advance(opening - clock.now())
    with store.begin(WORKSPACE, actor="pump") as work:
        ledger.sweep(work)
    assert send(store) == 1
    clock.advance(timedelta(days=3))
    following.advance(store)
    over = report(store)
    assert (over.follow_ups_left, over.done) == (False, True)
    with store.read(WORKSPACE) as work:
        second = work.session.scalars(select(Message).where(Message.step == 2)).one()
        assert (second.state, second.reason) == ("held", "send_window")
        assert second.due_at == opening + timedelta(days=7)


def test_three_steps_follow_each_other_and_one_that_was_passed_over_does_not_end_them(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, {**SECOND, "only_if": "not_opened"}, SECOND)
    send(store)
    tell(store, clock, Kind.OPENED)
    clock.advance(timedelta(days=3))
    following.advance(store)
    assert finish(store) == 0
    clock.advance(timedelta(days=3))
    assert following.advance(store) == 1
    assert [(step, state) for step, _, state, _ in steps(store)] == [(1, "delivered"), (2, "skipped"), (3, "due")]


def test_a_template_that_was_changed_after_the_approval_pauses_the_campaign(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, SECOND)
    send(store)
    with store.begin(WORKSPACE, actor="intruder") as work:
        work.session.execute(update(Template).where(Template.name == "again").values(body="Send me money."))
    clock.advance(timedelta(days=4))
    assert following.advance(store) == 0
    assert report(store).state is CampaignState.PAUSED
    assert len(steps(store)) == 1


def test_a_sequence_that_was_changed_after_the_approval_pauses_the_campaign(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.add_lead(email="ada@example.com")
    planned = launched(scene, SECOND)
    send(store)
    with store.begin(WORKSPACE, actor="intruder") as work:
        row = work.session.get_one(Plan, planned.plan_id)
        sooner = [{**row.spec["follow_ups"][0], "wait_before": "1 minute"}]
        row.spec = {**row.spec, "follow_ups": sooner}
    clock.advance(timedelta(days=4))
    assert following.advance(store) == 0
    assert report(store).state is CampaignState.PAUSED


def test_a_cancelled_campaign_is_done_whatever_would_have_followed(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, SECOND)
    send(store)
    with store.begin(WORKSPACE, actor="ada") as work:
        campaigns.set_state(work, "Spring", CampaignState.CANCELLED)
    over = report(store)
    assert (over.follow_ups_left, over.done) == (False, True)


def test_the_status_tells_what_came_of_each_step(scene: Any, store: Store, clock: ManualClock) -> None:
    scene.add_lead(email="ada@example.com")
    launched(scene, SECOND)
    send(store)
    clock.advance(timedelta(days=3))
    following.advance(store)
    send(store)
    answer(store, clock, "Yes, tell me more")
    told = [(each.step, each.accepted, each.replied, each.variants[0].template) for each in report(store).steps]
    assert told == [(1, 1, 0, "hello"), (2, 1, 1, "again")]
