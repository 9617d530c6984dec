"""Events applied many at once end in what one after the other would, whatever they are and however they are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Evidence, InboundMessage, Kind
from overture_core.messages.states import TRANSITIONS, State
from overture_core.storage.schema import (
    Base,
    Lead,
    LeadIdentity,
    Message,
    MessageEvent,
    Reply,
    Suppression,
    Template,
    WebhookEvent,
    Workspace,
)
from overture_core.storage.store import Store

NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
WRITTEN: tuple[type[Base], ...] = (WebhookEvent, Reply, Suppression, MessageEvent, Message)

# Who the messages are for: id, workspace, lead, channel, address, provider id. Two of one batch share the
# provider's id; Cy got one at an address that is Ada's by now; another workspace writes to Ada too.
MESSAGES = [
    ("msg_1", "default", "ada", "email", "ada@example.com", "req-1"),
    ("msg_2", "default", "ben", "email", "ben@example.com", "req-1"),
    ("msg_3", "default", "ada", "sms", "+12125550101", "SM1"),
    ("msg_4", "default", "ben", "sms", "+12125550102", None),
    ("msg_5", "default", "cy", "email", "ada@example.com", "req-2"),
    ("msg_6", "other", "eve", "email", "ada@example.com", "req-3"),
    ("msg_7", "default", "ada", "email", "ada@example.com", None),
    ("msg_8", "default", "cy", "sms", "+12125550103", "SM2"),
]
IDENTITIES = [
    ("default", "ada", "email", "ada@example.com"),
    ("default", "ada", "phone", "+12125550101"),
    ("default", "ben", "email", "ben@example.com"),
    ("default", "ben", "phone", "+12125550102"),
    ("other", "eve", "email", "ada@example.com"),
]
times = st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes))
deliveries = st.builds(
    DeliveryEvent,
    provider=st.sampled_from(["sendgrid", "sendgrid", "twilio"]),
    dedupe_key=st.just(""),
    kind=st.sampled_from(Kind),
    at=times,
    channel=st.sampled_from([Channel.EMAIL, Channel.EMAIL, Channel.SMS]),
    message_id=st.sampled_from([*(each[0] for each in MESSAGES), "msg_nobody", None, None]),
    provider_id=st.sampled_from(["req-1", "req-2", "SM1", "none", None]),
    address=st.sampled_from(["ada@example.com", "ben@example.com", "+12125550101", None]),
    code=st.sampled_from(["550", None]),
    detail=st.sampled_from(["said so", None]),
    permanent=st.booleans(),
)
aimed = st.builds(
    lambda message, event: event.model_copy(update={"message_id": message[0], "channel": Channel(message[3])}),
    st.sampled_from(MESSAGES),
    deliveries,
)
likely = st.sampled_from([State.ACCEPTED, State.DELIVERED, State.SENDING, State.DUE])
replies = st.builds(
    InboundMessage,
    provider=st.just("sendgrid"),
    dedupe_key=st.just(""),
    channel=st.just(Channel.SMS),
    at=times,
    # A sender that is no phone number: a STOP of his cannot be applied.
    sender=st.sampled_from(["+12125550101", "+12125550102", "BANK"]),
    recipient=st.just("+15005550006"),
    body=st.sampled_from(["STOP", "Yes, please!", "I am out of the office."]),
    in_reply_to=st.sampled_from(["msg_1", "msg_3", None]),
)
# Half of them without replies, which end a run of events that are applied together.
numbered = (st.lists(aimed, min_size=8, max_size=24) | st.lists(aimed | deliveries | replies, max_size=16)).map(
    lambda events: [event.model_copy(update={"dedupe_key": f"{n:02}"}) for n, event in enumerate(events)]
)


@dataclass
class World:
    """A few messages of a few people, set up anew for each sequence of events."""

    store: Store

    def after(self, states: Sequence[State], events: Sequence[Evidence], *, at_once: int) -> dict[str, Any]:
        """Return everything that is left after the events, applied in parts."""
        with self.store.begin("default", actor="test") as work:
            for table in WRITTEN:
                work.session.execute(delete(table))
            for state, each in zip(states, MESSAGES, strict=True):
                work.session.execute(insert(Message).values(_row(state, *each)))
        intake.store_events(self.store, events)
        while intake.process(self.store, at_once):
            pass
        return self.seen()

    def seen(self) -> dict[str, Any]:
        with self.store.read("default") as work:

            def rows(*columns: Any) -> list[Any]:
                return [tuple(row) for row in work.session.execute(select(*columns).order_by(*columns))]

            steps: dict[str, list[tuple[str, ...]]] = {each[0]: [] for each in MESSAGES}
            notes = dict.fromkeys(steps, 0)
            for event in work.session.scalars(select(MessageEvent).order_by(MessageEvent.id)):
                if event.from_state == event.to_state:
                    notes[event.message_id] += 1
                else:
                    steps[event.message_id].append((event.to_state, event.cause, event.detail or ""))
            messages = {
                row.id: {name: value for name, value in vars(row).items() if not name.startswith("_")}
                for row in work.session.scalars(select(Message))
            }
            return {
                "messages": messages,
                "steps": steps,
                "notes": notes,
                "suppressions": rows(
                    Suppression.workspace_id,
                    Suppression.kind,
                    Suppression.value,
                    Suppression.reason,
                    Suppression.origin,
                ),
                "outcomes": rows(WebhookEvent.dedupe_key, WebhookEvent.outcome),
                "replies": rows(Reply.received_at, Reply.lead_id, Reply.intent, Reply.body),
            }


def _row(
    state: State, id_: str, workspace: str, lead: str, channel: str, address: str, provider_id: str | None
) -> dict[str, Any]:
    sent = state not in {State.DRAFT, State.DUE, State.HELD, State.CLAIMED, State.SENDING, State.UNKNOWN}
    return {
        "id": id_,
        "workspace_id": workspace,
        "lead_id": lead,
        "channel": channel,
        "address": address,
        "template_id": "tpl_1",
        "state": state,
        "lease_token": "chk_1" if state in {State.CLAIMED, State.SENDING} else None,
        "provider": "sendgrid" if channel == "email" else "twilio",
        "provider_id": provider_id,
        "accepted_at": NOW - timedelta(minutes=1) if sent else None,
        "created_at": NOW,
        "updated_at": NOW,
    }


@pytest.fixture
def world(store: Store) -> World:
    common = {"created_at": NOW, "updated_at": NOW}
    leads = {(each[1], each[2]) for each in MESSAGES}
    with store.begin("default", actor="test") as work:
        execute = work.session.execute
        execute(insert(Workspace).values(id="other", created_at=NOW, policy={}, trusted_clients=[]))
        execute(insert(Lead), [{"id": lead, "workspace_id": at, "custom": {}, **common} for at, lead in sorted(leads)])
        names = ("workspace_id", "lead_id", "kind", "value")
        identities = [dict(zip(names, each, strict=True)) for each in IDENTITIES]
        execute(insert(LeadIdentity), [{"id": f"idn_{n}", **each} for n, each in enumerate(identities)])
        template = {"id": "tpl_1", "workspace_id": "default", "name": "t", "version": 1, "channel": "email"}
        execute(insert(Template).values(**template, subject="s", body="b", created_at=NOW))
    return World(store)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    states=st.tuples(*(likely | st.sampled_from(State) for _ in MESSAGES)),
    events=numbered,
    at_once=st.sampled_from([24, 7, 3]),
)
def test_any_events_in_any_batches_end_in_what_one_by_one_ends_in(
    world: World, states: tuple[State, ...], events: list[Evidence], at_once: int
) -> None:
    one_by_one = world.after(states, events, at_once=1)
    assert world.after(states, events, at_once=at_once) == one_by_one
    for steps, state in zip(one_by_one["steps"].values(), states, strict=True):
        for target, *_ in steps:
            assert target in TRANSITIONS[state]
            state = State(target)


def _event(key: str, kind: Kind, message_id: str, **changes: Any) -> DeliveryEvent:
    values = {"provider": "sendgrid", "at": NOW, "channel": Channel.EMAIL, **changes}
    return DeliveryEvent(dedupe_key=key, kind=kind, message_id=message_id, **values)


def test_the_first_reason_counts_for_a_suppression_and_for_what_it_cancels(world: World) -> None:
    states = [State.ACCEPTED, *(State.DUE for _ in MESSAGES[1:])]
    events = [_event("1", Kind.BOUNCED, "msg_1", code="550"), _event("2", Kind.COMPLAINED, "msg_1")]
    seen = world.after(states, events, at_once=500)
    assert {each: (row["state"], row["reason"]) for each, row in seen["messages"].items()} == {
        "msg_1": ("complained", None),
        "msg_2": ("due", None),
        "msg_3": ("cancelled", "complaint"),
        "msg_4": ("due", None),
        "msg_5": ("due", None),
        "msg_6": ("due", None),
        "msg_7": ("cancelled", "bounce"),
        "msg_8": ("due", None),
    }
    assert seen["suppressions"] == [("default", "email", "ada@example.com", "bounce", "sendgrid:bounced")]
    assert seen["steps"]["msg_1"] == [("bounced", "sendgrid:bounced", "550"), ("complained", "sendgrid:complained", "")]


def test_a_message_takes_its_steps_in_turn_though_another_took_the_second_one_before(world: World) -> None:
    states = [State.DELIVERED, State.ACCEPTED, *(State.FAILED for _ in MESSAGES[2:])]
    events = [
        _event("1", Kind.BOUNCED, "msg_1", code="550"),
        _event("2", Kind.DELIVERED, "msg_2"),
        _event("3", Kind.BOUNCED, "msg_2", code="550"),
    ]
    seen = world.after(states, events, at_once=500)
    assert seen["steps"]["msg_2"] == [("delivered", "sendgrid:delivered", ""), ("bounced", "sendgrid:bounced", "550")]
    assert [seen["messages"][each]["state"] for each in ("msg_1", "msg_2")] == ["bounced", "bounced"]


@pytest.mark.parametrize("at_once", [1, 500])
def test_the_earliest_of_many_opens_is_kept(world: World, at_once: int) -> None:
    states = [State.DELIVERED for _ in MESSAGES]
    minutes = [3, 1, 2]
    opened = [_event(str(n), Kind.OPENED, "msg_1", at=NOW + timedelta(minutes=n)) for n in minutes]
    seen = world.after(states, opened, at_once=at_once)
    assert seen["messages"]["msg_1"]["opened_at"] == NOW + timedelta(minutes=1)


def test_of_hundreds_of_events_one_that_cannot_be_applied_alone_is_kept_as_failed(world: World) -> None:
    bad = InboundMessage(
        provider="twilio",
        dedupe_key="bad",
        channel=Channel.SMS,
        at=NOW,
        sender="BANK",
        recipient="+15005550006",
        body="STOP",
        in_reply_to="msg_3",
    )
    events: list[Evidence] = [_event(f"{n:03}", Kind.OPENED, "msg_1") for n in range(400)]
    seen = world.after([State.ACCEPTED for _ in MESSAGES], [*events[:150], bad, *events[150:]], at_once=500)
    assert seen["outcomes"][-1] == ("bad", "failed:invalid_input")
    assert {outcome for _, outcome in seen["outcomes"][:-1]} == {"applied"}
    assert (seen["messages"]["msg_1"]["state"], seen["notes"]["msg_1"]) == ("delivered", 399)
    assert seen["suppressions"] == []


def test_a_webhook_that_came_twice_changes_nothing_the_second_time(world: World) -> None:
    events = [_event(each[0], kind, each[0]) for each in MESSAGES for kind in (Kind.DELIVERED, Kind.UNSUBSCRIBED)]
    seen = world.after([State.ACCEPTED for _ in MESSAGES], events, at_once=500)
    assert intake.store_events(world.store, list(reversed(events))) == 0
    assert intake.process(world.store) == 0
    assert world.seen() == seen
