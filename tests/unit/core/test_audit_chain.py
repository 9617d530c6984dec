"""Whatever is done to a chain of audit entries is found, and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from overture_core.audit.chain import START, Entry, find_break

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Chain = list[tuple[Entry, str]]


def made(details: list[dict[str, Any]]) -> Chain:
    chained: Chain = []
    for number, detail in enumerate(details, 1):
        previous = chained[-1][1] if chained else START
        entry = Entry("default", number, NOON + timedelta(seconds=number), "ada", "test", None, detail, previous)
        chained.append((entry, entry.digest()))
    return chained


def head_of(chained: Chain) -> tuple[int, str]:
    return (len(chained), chained[-1][1]) if chained else (0, START)


details = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers()), min_size=2, max_size=8)


@given(details)
def test_an_untouched_chain_holds(written: list[dict[str, Any]]) -> None:
    chained = made(written)
    assert find_break(chained, head=head_of(chained)) is None


@given(details, st.data())
def test_an_edit_is_found_where_it_was_made(written: list[dict[str, Any]], data: st.DataObject) -> None:
    chained = made(written)
    at = data.draw(st.integers(0, len(chained) - 1))
    entry, stored = chained[at]
    edits: list[dict[str, Any]] = [
        {"at": entry.at + timedelta(microseconds=1)},
        {"actor": "eve"},
        {"action": "other"},
        {"subject": "lead_1"},
        {"detail": {**entry.detail, "more": 1}},
        {"workspace_id": "other"},
    ]
    edited = replace(entry, **data.draw(st.sampled_from(edits)))
    head = head_of(chained)
    chained[at] = (edited, stored)
    assert str(find_break(chained, head=head)).startswith(f"Entry {at + 1} ")
    chained[at] = (edited, edited.digest())  # and its own hash made to fit
    assert find_break(chained, head=head) is not None


@given(details, st.data())
def test_a_removal_is_found_even_at_the_end(written: list[dict[str, Any]], data: st.DataObject) -> None:
    chained = made(written)
    head = head_of(chained)
    at = data.draw(st.integers(0, len(chained) - 1))
    del chained[at]
    assert str(find_break(chained, head=head)).startswith(f"Entry {at + 1} is missing")


@given(details, st.data())
def test_an_insertion_is_found(written: list[dict[str, Any]], data: st.DataObject) -> None:
    chained = made(written)
    head = head_of(chained)
    at = data.draw(st.integers(0, len(chained)))
    previous = chained[at - 1][1] if at else START
    forged = Entry("default", at + 1, NOON, "eve", "test", None, {}, previous)
    after = [(replace(entry, number=entry.number + 1), stored) for entry, stored in chained[at:]]
    assert find_break([*chained[:at], (forged, forged.digest()), *after], head=head) is not None


@given(details, st.data())
def test_an_exchange_is_found(written: list[dict[str, Any]], data: st.DataObject) -> None:
    chained = made(written)
    head = head_of(chained)
    one = data.draw(st.integers(0, len(chained) - 2))
    other = data.draw(st.integers(one + 1, len(chained) - 1))
    (first, first_hash), (second, second_hash) = chained[one], chained[other]
    chained[one] = (replace(second, number=first.number), second_hash)
    chained[other] = (replace(first, number=second.number), first_hash)
    assert str(find_break(chained, head=head)).startswith(f"Entry {one + 1} ")
