"""What follows from a reply, on both databases: stops, tasks, absences, and what a model may add."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason, Verdict
from overture_core.errors import NotFound
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.replies import relabelling, service, tasks
from overture_core.replies.intent import Intent
from overture_core.storage.schema import Lead, Message, Suppression
from overture_core.storage.store import Store

WORKSPACE = "default"


@pytest.fixture
def lead(store: Store) -> str:
    source = Source.from_text("First Name,E-mail,Country,Consent\nAda,ada@example.com,US,email\n", "leads.csv")
    import_leads(store, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    with store.read(WORKSPACE) as work:
        return work.session.scalars(select(Lead.id)).one()


def write(store: Store, body: str, **more: Any) -> None:
    whole = {"sender": "ada@example.com", "recipient": store.settings.email_from, **more}
    event = InboundMessage(
        provider="sendgrid",
        dedupe_key=f"{body}{more}",
        channel=Channel.EMAIL,
        at=store.clock.now(),
        body=body,
        **whole,
    )
    intake.store_events(store, [event])
    intake.process(store)


def answer(store: Store, lead: str) -> tuple[Verdict, Reason | None]:
    with store.read(WORKSPACE) as work:
        found = contactability(work, work.session.get_one(Lead, lead), Channel.EMAIL)
        return found.verdict, found.reason


def open_tasks(store: Store) -> list[str]:
    with store.read(WORKSPACE) as work:
        return [each.kind for each in tasks.list_(work).tasks]


def test_who_is_out_of_office_is_written_to_when_they_are_back(store: Store, lead: str, clock: ManualClock) -> None:
    write(store, "I am out of the office until Thursday.")
    assert answer(store, lead) == (Verdict.LATER, Reason.OUT_OF_OFFICE)
    assert open_tasks(store) == []
    clock.advance(timedelta(days=5))
    assert answer(store, lead) == (Verdict.YES, None)


def test_a_machines_answer_is_no_reply_even_if_it_speaks_of_unsubscribing(store: Store, lead: str) -> None:
    write(store, "We got your mail. Click to unsubscribe from our help desk.", automatic=True)
    assert answer(store, lead) == (Verdict.LATER, Reason.OUT_OF_OFFICE)
    write(store, "Undeliverable: your mail could not be delivered", automatic=True)
    with store.read(WORKSPACE) as work:
        assert [each.intent for each in service.list_(work).replies] == [Intent.BOUNCE, Intent.OUT_OF_OFFICE]
    assert open_tasks(store) == []


@pytest.mark.parametrize(
    ("body", "intent"),
    [
        ("Yes, tell me more", Intent.INTERESTED),
        ("What does it cost?", Intent.QUESTION),
        ("Wrong person", Intent.WRONG_PERSON),
        ("Not now", Intent.NOT_NOW),
        ("Hm", Intent.OTHER),
    ],
)
def test_a_persons_answer_ends_writing_and_leaves_a_task(store: Store, lead: str, body: str, intent: Intent) -> None:
    write(store, body)
    assert answer(store, lead) == (Verdict.NEVER, Reason.REPLIED)
    assert open_tasks(store) == [intent]


def test_who_asks_to_stop_is_suppressed_and_leaves_nothing_to_do(store: Store, lead: str) -> None:
    write(store, "Please take me off your list")
    assert answer(store, lead) == (Verdict.NEVER, Reason.SUPPRESSED)
    assert open_tasks(store) == []


def test_a_task_is_done_once(store: Store, lead: str) -> None:
    assert lead
    write(store, "Yes, tell me more")
    with store.begin(WORKSPACE, actor="test") as work:
        (task,) = tasks.list_(work).tasks
        first = tasks.complete(work, task.id, by="ada", note="called")
        again = tasks.complete(work, task.id, by="bob")
        assert (first.done_by, again.done_by) == ("ada", "ada")
        assert tasks.list_(work).open == 0
        assert len(tasks.list_(work, done=True).tasks) == 1
        with pytest.raises(NotFound, match="There is no task 'tsk_nope'"):
            tasks.complete(work, "tsk_nope", by="ada")


def test_a_model_may_label_what_no_rule_knows_once_and_only_by_its_choices(store: Store, lead: str) -> None:
    assert lead
    write(store, "Hm")
    with store.begin(WORKSPACE, actor="test") as work:
        (waiting,) = relabelling.unlabelled(work, 10)
        assert relabelling.relabel(work, waiting.id, Intent.INTERESTED)
        assert not relabelling.relabel(work, waiting.id, Intent.QUESTION)
        assert relabelling.unlabelled(work, 10) == []
    assert open_tasks(store) == [Intent.INTERESTED]


@pytest.mark.parametrize("chosen", [None, Intent.OUT_OF_OFFICE, Intent.BOUNCE])
def test_a_model_cannot_turn_a_person_into_a_machine(store: Store, lead: str, chosen: Intent | None) -> None:
    write(store, "Hm")
    with store.begin(WORKSPACE, actor="test") as work:
        (waiting,) = relabelling.unlabelled(work, 10)
        assert relabelling.relabel(work, waiting.id, chosen)
        assert relabelling.unlabelled(work, 10) == []
    assert answer(store, lead) == (Verdict.NEVER, Reason.REPLIED)
    assert open_tasks(store) == [Intent.OTHER]


def test_a_rules_label_is_not_asked_about(store: Store, lead: str) -> None:
    assert lead
    write(store, "What does it cost?")
    with store.read(WORKSPACE) as work:
        assert relabelling.unlabelled(work, 10) == []
        assert work.session.scalars(select(Suppression)).all() == []


def test_a_stop_that_a_model_heard_suppresses_also_where_no_message_was_answered(store: Store, lead: str) -> None:
    write(store, "Hm")
    with store.begin(WORKSPACE, actor="test") as work:
        (waiting,) = relabelling.unlabelled(work, 10)
        assert relabelling.relabel(work, waiting.id, Intent.STOP)
    assert answer(store, lead) == (Verdict.NEVER, Reason.SUPPRESSED)
    assert open_tasks(store) == []


def test_an_unsubscribe_that_a_mail_program_wrote_counts(store: Store, lead: str) -> None:
    write(store, "This message was generated.", subject="unsubscribe", automatic=True, opt_out=True)
    assert answer(store, lead) == (Verdict.NEVER, Reason.SUPPRESSED)


TO = [
    {"recipient": "reply+msg_nonexistent@overture.example", "in_reply_to": "msg_nonexistent"},
    {"recipient": "Hello@Overture.Example"},
    {"recipient": "sales@overture.example"},
]


@pytest.mark.parametrize("to", TO)
def test_a_stop_counts_whatever_address_of_ours_it_was_written_to(store: Store, lead: str, to: dict[str, str]) -> None:
    write(store, "STOP", **to)
    assert answer(store, lead) == (Verdict.NEVER, Reason.SUPPRESSED)
    with store.read(WORKSPACE) as work:
        assert [(each.lead_id, each.intent) for each in service.list_(work).replies] == [(lead, Intent.STOP)]


@pytest.mark.parametrize("to", TO)
def test_an_answer_of_somebody_known_counts_whatever_address_of_ours_it_was_written_to(
    store: Store, lead: str, to: dict[str, str]
) -> None:
    write(store, "Yes, tell me more", **to)
    assert answer(store, lead) == (Verdict.NEVER, Reason.REPLIED)
    assert open_tasks(store) == [Intent.INTERESTED]


@pytest.mark.parametrize("to", TO)
def test_a_stop_of_somebody_unknown_is_kept_and_nothing_else_of_theirs_is(store: Store, to: dict[str, str]) -> None:
    write(store, "STOP", sender="Zoe@Example.com", **to)
    write(store, "Hello", sender="yan@example.com", **to)
    with store.read(WORKSPACE) as work:
        assert list(work.session.scalars(select(Suppression.value))) == ["zoe@example.com"]
        assert service.list_(work).replies == []


def test_a_reply_address_in_small_letters_finds_its_message(scene: Any, store: Store) -> None:
    scene.add_lead(email="ben@example.com")
    scene.launched()
    with store.read(WORKSPACE) as work:
        message = work.session.scalars(select(Message)).one()
        message_id, written_to = message.id, message.lead_id
    assert message_id != message_id.lower()
    # Somebody else answers for them, from an address that nobody knows.
    write(store, "Yes, tell me more", sender="assistant@example.com", in_reply_to=message_id.lower())
    with store.read(WORKSPACE) as work:
        (reply,) = service.list_(work).replies
        assert (reply.message_id, reply.lead_id) == (message_id, written_to)
