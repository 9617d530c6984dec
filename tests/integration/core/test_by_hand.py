"""A step that a person sends: its delivery is a task, what they say of it moves the message, and follow-ups go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.campaigns import following
from overture_core.campaigns.launching import launch
from overture_core.campaigns.status import status
from overture_core.clock import ManualClock
from overture_core.errors import Conflict, InvalidInput
from overture_core.messages import ledger
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.messages.stopping import stop_lead, suppress
from overture_core.replies import tasks
from overture_core.replies.tasks import Outcome, TaskView
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_queue.jobs import DeliverChunk
from overture_worker.delivery import Delivery

pytestmark = pytest.mark.anyio
WORKSPACE = "default"
PAGE = "https://www.linkedin.com/in/ada-moss"
MAIL_LATER: dict[str, object] = {"wait_before": "3 days", "templates": {"email": "hello"}}


class Unlimited:
    """No limits."""

    async def permits(self, _channel: Channel, _sender: str, wanted: int) -> int:
        return wanted


@pytest.fixture(autouse=True)
def _template(scene: Any, store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "hello-li", Channel.LINKEDIN, "Hi {{ first_name }}, shall we talk?")


async def delivered(store: Store) -> int:
    """Claim what is due by hand, and deliver it as a worker does."""
    with store.begin(WORKSPACE, actor="worker") as work:
        found = next(each for each in ledger.backlog(store) if each.channel is Channel.LINKEDIN)
        token = ledger.claim(work, Channel.LINKEDIN, campaign_id=found.campaign_id, owner="worker", limit=10)
    assert token is not None
    delivery = Delivery(store, {}, rates=Unlimited(), owner="worker", stopping=lambda: False)
    return await delivery.deliver(DeliverChunk(workspace=WORKSPACE, channel=Channel.LINKEDIN, chunk=token))


async def handed_over(scene: Any, *follow_ups: dict[str, object]) -> TaskView:
    """Launch a campaign whose first step is by hand, and return its task."""
    planned = scene.plan(templates={"linkedin": "hello-li"}, follow_ups=list(follow_ups))
    scene.approve(planned)
    with scene.store.begin(WORKSPACE, actor="model") as work:
        launch(work, planned.plan_id)
    assert await delivered(scene.store) == 1
    (task,) = listed(scene.store)
    return task


def listed(store: Store) -> list[TaskView]:
    with store.read(WORKSPACE) as work:
        found = tasks.list_(work)
    assert found.open == len(found.tasks)
    return found.tasks


def complete(store: Store, task: TaskView, outcome: Outcome) -> TaskView:
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        return tasks.complete(work, task.id, by="ada", outcome=outcome)


def messages(store: Store) -> list[tuple[int, str, str, str | None]]:
    with store.read(WORKSPACE) as work:
        rows = work.session.scalars(select(Message).order_by(Message.step)).all()
        return [(row.step, row.channel, row.state, row.reason) for row in rows]


async def test_a_step_by_hand_is_a_task_with_text_and_page_and_done_it_is_followed_up(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    lead = scene.add_lead(email="ada@northwind.example", linkedin_url=PAGE)
    scene.add_lead("Bob", email="bob@northwind.example")  # has no page on record
    task = await handed_over(scene, MAIL_LATER)
    assert (task.kind, task.lead_id, task.text, task.link) == (
        "linkedin_message",
        lead,
        "Hi Ada, shall we talk?",
        PAGE,
    )
    assert task.due_at == clock.now() + timedelta(days=1)
    with store.begin(WORKSPACE, actor="worker") as work:
        ledger.sweep(work)  # nothing takes it up again by itself
    assert {each[2:] for each in messages(store)} == {("held", "waits_for_a_person"), ("skipped", "no_address")}
    done = complete(store, task, Outcome.DONE)
    assert (done.outcome, done.done_by) == (Outcome.DONE, "ada")
    assert complete(store, task, Outcome.SKIPPED) == done
    with store.read(WORKSPACE) as work:
        counts = status(work, "Spring").counts
    assert counts[State.DELIVERED] == 1
    clock.advance(timedelta(days=3, minutes=1))
    following.advance(store)
    assert [each[:3] for each in messages(store) if each[0] == 2] == [(2, "email", "due")]


async def test_a_skipped_task_skips_its_message_and_the_sequence_goes_on(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    scene.add_lead(email="ada@northwind.example", linkedin_url=PAGE)
    complete(store, await handed_over(scene, MAIL_LATER), Outcome.SKIPPED)
    assert messages(store) == [(1, "linkedin", "skipped", "skipped_by_hand")]
    clock.advance(timedelta(days=3, minutes=1))
    following.advance(store)
    assert [each[:3] for each in messages(store)][1:] == [(2, "email", "due")]


async def test_who_answers_meanwhile_leaves_no_task(scene: Any, store: Store) -> None:
    lead = scene.add_lead(email="ada@northwind.example", linkedin_url=PAGE)
    task = await handed_over(scene)
    with store.begin(WORKSPACE, actor="test") as work:
        stop_lead(work, lead, cause="reply")
    assert listed(store) == []
    with pytest.raises(Conflict, match="no task any more"):
        complete(store, task, Outcome.DONE)
    assert messages(store) == [(1, "linkedin", "cancelled", "reply")]


@pytest.mark.parametrize(
    ("lead", "suppressed", "error", "said"),
    [
        ({}, False, InvalidInput, "has no LinkedIn page on record"),
        ({"linkedin_url": PAGE}, True, Conflict, "asked not to be contacted"),
        ({"linkedin_url": PAGE, "country": "DE"}, False, Conflict, "gave no consent"),
    ],
)
def test_a_message_is_prepared_only_for_who_may_be_written_to(
    scene: Any, store: Store, lead: dict[str, str], suppressed: bool, error: type[Exception], said: str
) -> None:
    lead_id = scene.add_lead(email="ada@northwind.example", **lead)
    with store.begin(WORKSPACE, actor="mcp:crew") as work:
        if suppressed:
            suppress(work, "email", "ada@northwind.example", reason="stop", origin="test")
        with pytest.raises(error, match=said):
            tasks.prepare(work, lead_id, tasks.LINKEDIN_INVITATION, "Shall we connect?")
    assert listed(store) == []


def test_an_invitation_is_left_for_a_person(scene: Any, store: Store) -> None:
    lead_id = scene.add_lead(linkedin_url=PAGE)
    with store.begin(WORKSPACE, actor="mcp:crew") as work:
        made = tasks.prepare(work, lead_id, tasks.LINKEDIN_INVITATION, "Shall we connect?")
        for text, has in (("x" * 301, "more"), (" ", "none")):
            with pytest.raises(InvalidInput, match=f"takes 1 to 300 characters for this; this text has {has}"):
                tasks.prepare(work, lead_id, tasks.LINKEDIN_INVITATION, text)
    assert listed(store) == [made]
    assert complete(store, made, Outcome.SKIPPED).outcome is Outcome.SKIPPED


def test_the_same_invitation_is_one_task_while_it_is_open_and_no_time_that_is_over_is_taken(
    scene: Any, store: Store
) -> None:
    lead_id = scene.add_lead(linkedin_url=PAGE)
    with store.begin(WORKSPACE, actor="mcp:crew") as work:
        for off in (timedelta(minutes=-1), timedelta(days=400)):
            with pytest.raises(InvalidInput, match="is over, or more than a year away; give another time, or none"):
                tasks.prepare(work, lead_id, tasks.LINKEDIN_INVITATION, "Hello", work.now() + off)
        made = tasks.prepare(work, lead_id, tasks.LINKEDIN_INVITATION, "Hello")
        assert tasks.prepare(work, lead_id, tasks.LINKEDIN_INVITATION, " Hello ") == made
        other = tasks.prepare(work, lead_id, tasks.LINKEDIN_MESSAGE, "Hello")
    assert {each.id for each in listed(store)} == {made.id, other.id}
    complete(store, made, Outcome.DONE)
    with store.begin(WORKSPACE, actor="mcp:crew") as work:
        assert tasks.prepare(work, lead_id, tasks.LINKEDIN_INVITATION, "Hello").id != made.id
