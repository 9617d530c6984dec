"""Erasures that are asked for: nobody is erased until a person releases one, and then no request names them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason
from overture_core.errors import Conflict, NotFound
from overture_core.leads import erasure_requests
from overture_core.leads.erasing import erase
from overture_core.leads.finding import lead_id_of
from overture_core.leads.requests import MOST_WAITING, RequestState
from overture_core.leads.undoing import undo_import
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Base, ErasureRequest, Lead
from overture_core.storage.store import Store

LEADS = """First Name,Last Name,E-mail,Phone,Country,Consent
Adalind,Quux,adalind@example.com,+12125550101,US,email
Bo,Reed,bo@example.com,,US,email
"""
TRACES = ("adalind", "quux", "2125550101")


def contents(store: Store) -> str:
    with store.look() as connection:
        rows = [connection.execute(select(table)).all() for table in Base.metadata.tables.values()]
    return repr(rows).lower()


def asked_for(store: Store, address: str = "adalind@example.com") -> erasure_requests.ErasureAsked:
    with store.begin("default", actor="mcp:desk") as work:
        return erasure_requests.ask(work, lead_id_of(work, address))


def test_who_is_asked_for_is_there_until_a_person_releases_it_and_then_nothing_names_them(
    keyed: Store, take: Any
) -> None:
    take(LEADS)
    asked = asked_for(keyed)
    assert asked_for(keyed) == asked
    with keyed.read("default") as work:
        (shown,) = erasure_requests.list_(work)
        assert (shown.state, shown.lead_id, shown.asked_by) == (RequestState.WAITING, asked.lead_id, "mcp:desk")
        assert shown.who == "Adalind Quux, adalind@example.com, +12125550101"
        assert work.session.get_one(Lead, asked.lead_id).erased_at is None
        request = repr(work.session.execute(select(ErasureRequest.__table__)).all()).lower()
    assert [trace for trace in TRACES if trace in request] == []
    with keyed.begin("default", actor="cli:ada") as work:
        assert erasure_requests.release(work, asked.id).lead_id == asked.lead_id
    left = contents(keyed)
    assert [trace for trace in TRACES if trace in left] == []
    with keyed.begin("default", actor="cli:ada") as work:
        (shown,) = erasure_requests.list_(work)
        assert (shown.state, shown.who, shown.decided_by) == (RequestState.RELEASED, "", "cli:ada")
        told = [(each.action, each.subject) for each in audit.list_(work)]
        assert [each for each in told if each[0].startswith(("erasure", "lead.erased"))] == [
            ("erasure.requested", asked.id),
            ("lead.erased", asked.lead_id),
            ("erasure.released", asked.id),
        ]
        assert audit.verify(work).intact
        for again in (erasure_requests.release, erasure_requests.reject):
            with pytest.raises(Conflict, match="was released by cli:ada"):
                again(work, asked.id)
        with pytest.raises(NotFound):
            erasure_requests.ask(work, asked.lead_id)


def test_who_was_erased_on_request_comes_back_in_a_file_and_is_not_written_to(keyed: Store, take: Any) -> None:
    take(LEADS)
    asked = asked_for(keyed)
    with keyed.begin("default", actor="cli:ada") as work:
        erasure_requests.release(work, asked.id)
    take(LEADS)
    with keyed.read("default") as work:
        back = work.session.get_one(Lead, lead_id_of(work, "adalind@example.com"))
        assert back.id != asked.lead_id
        assert contactability(work, back, Channel.EMAIL).reason is Reason.SUPPRESSED


def test_one_that_is_rejected_erases_nobody_and_can_be_asked_for_again(keyed: Store, take: Any) -> None:
    take(LEADS)
    asked = asked_for(keyed)
    with keyed.begin("default", actor="cli:ada") as work:
        assert erasure_requests.reject(work, asked.id).state is RequestState.REJECTED
        with pytest.raises(Conflict, match="was rejected by cli:ada"):
            erasure_requests.release(work, asked.id)
        assert work.session.get_one(Lead, asked.lead_id).first_name == "Adalind"
        assert [each.action for each in audit.list_(work)][-1] == "erasure.requested"
    assert asked_for(keyed).id != asked.id


def test_erasing_somebody_without_a_request_settles_the_one_that_waits(keyed: Store, take: Any) -> None:
    take(LEADS)
    asked, other = asked_for(keyed), asked_for(keyed, "bo@example.com")
    with keyed.begin("default", actor="cli:ada") as work:
        erase(work, asked.lead_id)
        states = {each.id: each.state for each in erasure_requests.list_(work)}
    assert states == {asked.id: RequestState.RELEASED, other.id: RequestState.WAITING}


def test_an_import_that_is_taken_back_leaves_who_is_to_be_erased(store: Store, take: Any) -> None:
    """Without them nothing would keep the same file, taken in again, from getting them written to."""
    report = take(LEADS)
    asked = asked_for(store)
    undone = undo_import(store, report.import_id, workspace="default", actor="test")
    assert (undone.removed, undone.stayed) == (1, {"their erasure was asked for": 1})
    assert undone.left[0].lead_id == asked.lead_id


def test_requests_do_not_pile_up_and_another_workspace_sees_none(store: Store, other: str, take: Any) -> None:
    take("E-mail\n" + "".join(f"p{number}@example.com\n" for number in range(MOST_WAITING + 1)))
    asked = [asked_for(store, f"p{number}@example.com") for number in range(MOST_WAITING)]
    with pytest.raises(Conflict, match="50 erasures wait already; a person decides on them by `overture erasures`"):
        asked_for(store, f"p{MOST_WAITING}@example.com")
    with store.begin(other, actor="cli:ada") as work:
        assert erasure_requests.list_(work) == []
        for deed in (erasure_requests.release, erasure_requests.reject):
            with pytest.raises(NotFound, match="`overture erasures list`"):
                deed(work, asked[0].id)
        with pytest.raises(NotFound):
            erasure_requests.ask(work, asked[0].lead_id)
