"""Each step of the state table works and leaves its event; each other pair of states is refused."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.errors import ForbiddenTransition
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.states import TRANSITIONS, State, change
from overture_core.storage.schema import Lead, Message, MessageEvent
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_core.workspaces.service import ensure_workspace

WORKSPACE = "default"
STEPS = [(source, target) for source in State for target in sorted(TRANSITIONS[source])]
OTHERS = [(source, target) for source, target in product(State, State) if target not in TRANSITIONS[source]]


def named(value: object) -> str:
    return str(value)


def message(store: Store, state: State) -> str:
    with store.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "hello", Channel.EMAIL, "Hello again.", "Hello")
        at = {"created_at": work.now(), "updated_at": work.now()}
        lead = Lead(id=new_id("lead"), workspace_id=WORKSPACE, custom={}, **at)
        work.session.add(lead)
        work.session.flush()
        row = Message(
            id=new_id("msg"),
            workspace_id=WORKSPACE,
            lead_id=lead.id,
            channel=Channel.EMAIL,
            address="ada@example.com",
            template_id=templates.get(work, "hello").id,
            merge={},
            state=state,
            **at,
        )
        work.session.add(row)
        return row.id


def state_of(store: Store, message_id: str) -> str:
    with store.read(WORKSPACE) as work:
        return work.session.get_one(Message, message_id).state


def events_of(store: Store, message_id: str) -> list[tuple[str | None, str, str, str | None]]:
    with store.read(WORKSPACE) as work:
        rows = select(MessageEvent).where(MessageEvent.message_id == message_id)
        return [(row.from_state, row.to_state, row.cause, row.detail) for row in work.session.scalars(rows)]


@pytest.mark.parametrize(("source", "target"), STEPS, ids=named)
def test_a_step_of_the_table_moves_the_row_and_appends_its_event(
    source: State, target: State, store: Store, clock: ManualClock
) -> None:
    moved, other = message(store, source), message(store, source)
    clock.advance(timedelta(minutes=1))
    with store.begin(WORKSPACE, actor="test") as work:
        assert change(work, source, target, Message.id == moved, cause="a cause", detail="a detail") == [moved]
        assert change(work, source, target, Message.id == moved, cause="again") == []
    assert (state_of(store, moved), state_of(store, other)) == (target, source)
    assert (events_of(store, moved), events_of(store, other)) == ([(source, target, "a cause", "a detail")], [])
    with store.read(WORKSPACE) as work:
        assert work.session.get_one(Message, moved).updated_at == clock.now()


@pytest.mark.parametrize(("source", "target"), OTHERS, ids=named)
def test_any_other_step_is_refused_and_changes_nothing(source: State, target: State, sqlite_store: Store) -> None:
    stays = message(sqlite_store, source)
    with (
        sqlite_store.begin(WORKSPACE, actor="test") as work,
        pytest.raises(ForbiddenTransition, match=f"cannot go from {source} to {target}"),
    ):
        change(work, source, target, Message.id == stays, cause="a cause")
    assert (state_of(sqlite_store, stays), events_of(sqlite_store, stays)) == (source, [])


def test_the_table_and_its_complement_are_every_pair() -> None:
    assert (len(STEPS) + len(OTHERS), set(STEPS) & set(OTHERS)) == (len(State) ** 2, set())


def test_a_step_moves_no_row_of_another_workspace(store: Store) -> None:
    ours = message(store, State.DRAFT)
    with store.begin("other", actor="test", check=False) as work:
        ensure_workspace(work)
    with store.begin("other", actor="test") as work:
        assert change(work, State.DRAFT, State.DUE, Message.id == ours, cause="a cause") == []
    assert state_of(store, ours) == State.DRAFT
