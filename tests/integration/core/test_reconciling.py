"""What settles a message whose outcome is unknown: the provider's records, or a person. Never a guess."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.errors import Conflict, NotFound
from overture_core.messages import reconciling, showing
from overture_core.messages.channels import Channel
from overture_core.messages.reconciling import ASKED_AFTER, TAKEN_FOR, Found, Resolution, Unsettled
from overture_core.messages.states import State, change
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_core.workspaces.service import ensure_workspace

WORKSPACE = "default"
PHONE = "+12125550101"
TEXT = "Hi Ada, still interested?\nReply STOP to opt out."


class Texts:
    """The same SMS to Ada from several campaigns; all begin to be sent in the order of their ids."""

    def __init__(self, scene: Any, store: Store, clock: ManualClock) -> None:
        self.scene, self.store, self.clock = scene, store, clock
        self.lead = scene.add_lead(phone=PHONE)
        scene.consent(self.lead, Channel.SMS)

    def unknown(self, *names: str) -> list[str]:
        """Launch campaigns and lose the answer of each one's message, a second after the other."""
        for name in names:
            self.scene.launched(name)
        return self.lose(*names)

    def lose(self, *names: str) -> list[str]:
        ids = [each.id for name in names for each in self.messages(name)]
        for each in ids:
            self.moves(each, State.DUE, State.CLAIMED)
            self.moves(each, State.CLAIMED, State.SENDING)
            self.moves(each, State.SENDING, State.UNKNOWN)
            self.clock.advance(timedelta(seconds=1))
        return ids

    def moves(self, message_id: str, source: State, target: State) -> None:
        with self.store.begin(WORKSPACE, actor="test") as work:
            assert change(work, source, target, Message.id == message_id, cause="test") == [message_id]

    def messages(self, campaign: str) -> list[showing.MessageView]:
        with self.store.read(WORKSPACE) as work:
            return showing.list_(work, campaign=campaign)

    def take(self, limit: int = 10) -> list[Unsettled]:
        with self.store.begin(WORKSPACE, actor="worker-1") as work:
            return reconciling.take_for_lookup(work, Channel.SMS, limit=limit)

    def look_up(self, message_id: str, *found: Found) -> Found | None:
        with self.store.begin(WORKSPACE, actor="worker-1") as work:
            return reconciling.apply_lookup(work, message_id, found, provider="twilio")

    def resolve(self, message_id: str, outcome: Resolution, note: str | None = None) -> None:
        with self.store.begin(WORKSPACE, actor="ada") as work:
            reconciling.resolve(work, message_id, outcome, by="ada", note=note)

    def row(self, message_id: str) -> Message:
        with self.store.read(WORKSPACE) as work:
            return work.session.get_one(Message, message_id)

    def story(self, message_id: str) -> showing.MessageStory:
        with self.store.read(WORKSPACE) as work:
            return showing.get(work, message_id)

    def found(self, sid: str, seconds: float = 0) -> Found:
        return Found(sid, self.clock.now() + timedelta(seconds=seconds))


@pytest.fixture
def texts(scene: Any, store: Store, clock: ManualClock) -> Texts:
    return Texts(scene, store, clock)


def test_an_unknown_sms_is_looked_up_by_number_text_and_the_time_it_can_have_left(
    texts: Texts, clock: ManualClock
) -> None:
    began = clock.now()
    [lost] = texts.unknown("Spring")
    assert texts.take() == [Unsettled(lost, PHONE, TEXT, began - timedelta(minutes=1))]


def test_what_one_process_took_no_other_takes_until_its_time_is_over(texts: Texts, clock: ManualClock) -> None:
    [lost] = texts.unknown("Spring")
    assert [each.id for each in texts.take()] == [lost]
    assert texts.take() == []
    clock.advance(TAKEN_FOR)
    assert [each.id for each in texts.take()] == [lost]


def test_a_round_takes_no_more_than_its_limit(texts: Texts) -> None:
    ids = texts.unknown("Spring", "Summer", "Autumn")
    assert [len(texts.take(2)), len(texts.take(2))] == [2, 1]
    assert len(ids) == 3


def test_what_the_provider_has_was_accepted_under_its_id(texts: Texts) -> None:
    [lost] = texts.unknown("Spring")
    found = texts.found("SM1")
    assert texts.look_up(lost, found) == found
    row = texts.row(lost)
    assert (row.state, row.reason, row.provider, row.provider_id, row.accepted_at) == (
        "accepted",
        None,
        "twilio",
        "SM1",
        found.created_at,
    )
    last = texts.story(lost).events[-1]
    assert (last.from_state, last.to_state, last.cause, last.detail) == (
        "unknown",
        "accepted",
        "lookup",
        "twilio has it as SM1.",
    )


def test_a_message_from_before_the_sending_began_is_no_evidence(texts: Texts) -> None:
    [lost] = texts.unknown("Spring")
    assert texts.look_up(lost, texts.found("SM1", seconds=-120)) is None
    assert texts.row(lost).state == "unknown"


def test_an_id_that_settled_another_row_is_no_evidence(texts: Texts) -> None:
    first, second = texts.unknown("Spring", "Summer")
    one, two = texts.found("SM1"), texts.found("SM2", seconds=1)
    assert texts.look_up(first, one, two) == one
    assert texts.look_up(second, one) is None
    assert texts.look_up(second, two, one) == two
    assert [texts.row(each).provider_id for each in (first, second)] == ["SM1", "SM2"]


def test_one_message_at_the_provider_does_not_choose_between_two_of_ours(texts: Texts) -> None:
    ids = texts.unknown("Spring", "Summer")
    assert [texts.look_up(each, texts.found("SM1")) for each in ids] == [None, None]
    assert {texts.row(each).state for each in ids} == {"unknown"}


def test_a_message_that_is_still_being_sent_may_be_the_one_that_was_found(texts: Texts) -> None:
    texts.scene.launched("Spring")
    texts.scene.launched("Summer")
    [lost] = texts.lose("Spring")
    [other] = [each.id for each in texts.messages("Summer")]
    texts.moves(other, State.DUE, State.CLAIMED)
    texts.moves(other, State.CLAIMED, State.SENDING)
    with texts.store.begin(WORKSPACE, actor="test") as work:
        work.session.get_one(Message, other).lease_token = "chk_1"
    assert texts.look_up(lost, texts.found("SM1")) is None


def test_one_that_a_person_settled_as_accepted_may_be_the_one_that_was_found(texts: Texts) -> None:
    first, second = texts.unknown("Spring", "Summer")
    texts.resolve(first, Resolution.ACCEPTED)
    assert texts.look_up(second, texts.found("SM1")) is None
    texts.clock.advance(timedelta(minutes=10))
    assert texts.look_up(second, texts.found("SM1"), texts.found("SM2")) == texts.found("SM2")


def test_what_is_not_found_is_asked_for_ever_more_rarely_and_at_last_no_more(texts: Texts, clock: ManualClock) -> None:
    began = clock.now()
    [lost] = texts.unknown("Spring")
    asked: list[datetime] = []
    for _ in range(2 * 24 * 60):
        for each in texts.take():
            asked.append(clock.now())
            assert texts.look_up(each.id) is None
        clock.advance(timedelta(minutes=1))
    wanted = [timedelta(seconds=1), *(after + timedelta(seconds=1) for after in ASKED_AFTER)]
    assert [at - began for at in asked] == wanted
    row, last = texts.row(lost), texts.story(lost).events[-1]
    assert (row.state, row.reason, row.due_at) == ("unknown", "not_found_at_provider", None)
    assert (last.from_state, last.to_state, last.cause) == ("unknown", "unknown", "lookup")


def test_what_was_settled_meanwhile_stays_as_it_is(texts: Texts) -> None:
    [lost] = texts.unknown("Spring")
    texts.resolve(lost, Resolution.FAILED)
    assert texts.look_up(lost, texts.found("SM1")) is None
    assert texts.row(lost).state == "failed"


def test_what_went_to_the_sandbox_is_not_looked_up_at_a_real_provider(texts: Texts) -> None:
    texts.unknown("Spring")
    real = texts.store.settings.model_copy(
        update={"sandbox_only": False, "twilio_account_sid": "AC1", "twilio_auth_token": "hush"}
    )
    other = Store(real, texts.clock)
    with other.begin(WORKSPACE, actor="worker-1") as work:
        assert reconciling.take_for_lookup(work, Channel.SMS, limit=10) == []
    other.close()


@pytest.mark.parametrize(
    ("outcome", "state", "counts"), [(Resolution.ACCEPTED, "accepted", True), (Resolution.FAILED, "failed", False)]
)
def test_a_person_settles_and_their_name_is_kept(
    texts: Texts, clock: ManualClock, outcome: Resolution, state: str, counts: bool
) -> None:
    began = clock.now()
    [lost] = texts.unknown("Spring")
    clock.advance(timedelta(days=3))
    texts.resolve(lost, outcome, "seen in the console")
    row, last = texts.row(lost), texts.story(lost).events[-1]
    assert (row.state, row.reason, row.accepted_at) == (state, "settled_by_person", began if counts else None)
    assert (last.at, last.from_state, last.to_state, last.cause, last.detail) == (
        clock.now(),
        "unknown",
        state,
        "person",
        "ada: seen in the console",
    )


@pytest.mark.parametrize("outcome", Resolution)
def test_a_person_cannot_settle_what_is_not_unknown(texts: Texts, outcome: Resolution) -> None:
    texts.scene.launched("Spring")
    [due] = [each.id for each in texts.messages("Spring")]
    with pytest.raises(Conflict, match="is due, so there is nothing to settle"):
        texts.resolve(due, outcome)
    with pytest.raises(NotFound, match="There is no message 'msg_x'"):
        texts.resolve("msg_x", outcome)
    assert texts.row(due).state == "due"


def test_another_workspace_sees_and_settles_nothing_of_ours(texts: Texts) -> None:
    [lost] = texts.unknown("Spring")
    with texts.store.begin("other", actor="test", check=False) as work:
        ensure_workspace(work)
    with texts.store.begin("other", actor="eve") as work:
        assert reconciling.take_for_lookup(work, Channel.SMS, limit=10) == []
        assert reconciling.apply_lookup(work, lost, [texts.found("SM1")], provider="twilio") is None
        assert reconciling.resolve_all(work, [lost], Resolution.FAILED, by="eve") == []
        assert showing.list_(work) == []
        for refused in (
            lambda: reconciling.resolve(work, lost, Resolution.FAILED, by="eve"),
            lambda: showing.get(work, lost),
        ):
            with pytest.raises(NotFound):
                refused()
    assert texts.row(lost).state == "unknown"


def test_messages_are_listed_by_state_and_campaign(texts: Texts) -> None:
    texts.scene.launched("Spring")
    texts.scene.launched("Summer")
    lost = texts.lose("Spring")
    with texts.store.read(WORKSPACE) as work:
        assert [each.id for each in showing.list_(work, state=State.UNKNOWN)] == lost
        assert [each.campaign for each in showing.list_(work)] == ["Spring", "Summer"]
        assert [each.campaign for each in showing.list_(work, limit=1)] == ["Spring"]
        assert (showing.count(work), showing.count(work, campaign="Summer", state=State.DUE)) == (2, 1)
        assert list(work.session.scalars(select(Message.state).order_by(Message.id))) == ["unknown", "due"]
