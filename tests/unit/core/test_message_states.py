"""The state table itself: what must never be in it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.messages.states import IN_MOTION, PENDING, TRANSITIONS, State

HANDED_OVER = {State.SENDING, State.UNKNOWN, State.ACCEPTED, State.DELIVERED, State.BOUNCED, State.COMPLAINED}
FINAL = {State.COMPLAINED, State.FAILED, State.SKIPPED, State.CANCELLED}


def test_every_state_has_a_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


def test_final_states_lead_nowhere() -> None:
    assert {state for state in State if not TRANSITIONS[state]} == FINAL


def test_only_a_claimed_message_can_be_sent() -> None:
    assert {state for state in State if State.SENDING in TRANSITIONS[state]} == {State.CLAIMED}


@pytest.mark.parametrize("state", [State.UNKNOWN, State.ACCEPTED, State.DELIVERED, State.BOUNCED])
def test_what_may_have_been_accepted_never_becomes_sendable_again(state: State) -> None:
    reachable, frontier = set(), {state}
    while frontier:
        reachable |= frontier
        frontier = {target for each in frontier for target in TRANSITIONS[each]} - reachable
    assert not reachable & {State.DRAFT, State.DUE, State.HELD, State.CLAIMED, State.SENDING}


def test_everything_pending_can_be_cancelled_and_nothing_else_can() -> None:
    assert {state for state in State if State.CANCELLED in TRANSITIONS[state]} == set(PENDING)


def test_what_is_in_motion_has_not_ended() -> None:
    assert not set(IN_MOTION) & FINAL


@given(st.data())
def test_any_walk_through_the_table_sends_again_only_after_proof_of_refusal(data: st.DataObject) -> None:
    walk = [State.DRAFT]
    while TRANSITIONS[walk[-1]] and len(walk) < 30:
        walk.append(data.draw(st.sampled_from(sorted(TRANSITIONS[walk[-1]]))))
    sends = [index for index, state in enumerate(walk) if state is State.SENDING]
    for first, second in pairwise(sends):
        assert walk[first + 1] is State.DUE
        assert not set(walk[first + 1 : second]) & (HANDED_OVER - {State.SENDING})
