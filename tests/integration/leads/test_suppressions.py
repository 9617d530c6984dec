"""Suppressions: normalised, added once, seen by their own workspace alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from overture_core.clock import ManualClock
from overture_core.errors import InvalidInput, NotFound
from overture_core.leads.finding import lead_id_of
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress_address
from overture_core.storage.store import Store
from overture_core.suppressions import service as suppressions


def test_an_address_is_suppressed_once_in_its_normalised_form(store: Store, clock: ManualClock) -> None:
    with store.begin("default", actor="test") as work:
        first = suppressions.add(work, "email", " Ada@Example.com", "unsubscribed", "link")
        clock.advance(timedelta(days=1))
        again = suppressions.add(work, "email", "ada@example.com", "complained", "webhook")
        phone = suppressions.add(work, "phone", "+44 7700 900123", "stop", "sms")
        assert (again.id, again.reason) == (first.id, "unsubscribed")
        assert phone.value == "+447700900123"
        assert suppressions.suppressed(work, "email", ["ada@example.com", "bo@example.com"]) == {"ada@example.com"}
        assert suppressions.suppressed(work, "phone", ["ada@example.com"]) == set()
        assert suppressions.suppressed(work, "phone", []) == set()


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("email", "nobody", "not an e-mail address"),
        ("phone", "07700 900123", "needs a country or a leading"),
        ("email", "a@shut.example;b@shut.example", "not an e-mail address"),
        ("email", "@shut.example", "not an e-mail address"),
        ("email", "ada@shut..example", "not an e-mail address"),
        ("phone", "+12125550101;+12125550102", "not a phone number"),
        ("domain", "com", "not a domain"),
        ("domain", "a.example;b.example", "not a domain"),
        ("domain", "co.uk", "'co.uk' holds the domains of everybody there"),
        ("domain", "公司.cn", "holds the domains of everybody there"),
    ],
)
def test_what_is_no_address_is_refused(store: Store, kind: suppressions.Kind, value: str, why: str) -> None:
    with store.begin("default", actor="test") as work, pytest.raises(InvalidInput, match=why):
        suppressions.add(work, kind, value, "stop", "test")


def test_pages_hold_every_suppression_once(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        ids = {suppressions.add(work, "email", f"p{n}@example.com", "stop", "test").id for n in range(5)}
        first = suppressions.list_(work, limit=3)
        second = suppressions.list_(work, limit=3, cursor=first.next_cursor)
        assert {row.id for row in [*first.suppressions, *second.suppressions]} == ids
        assert (len(first.suppressions), second.next_cursor) == (3, None)


def test_another_workspace_sees_none_of_them(store: Store, other: str) -> None:
    with store.begin("default", actor="test") as work:
        suppressions.add(work, "email", "ada@example.com", "stop", "test")
    with store.begin(other, actor="test") as work:
        assert suppressions.suppressed(work, "email", ["ada@example.com"]) == set()
        assert suppressions.list_(work).suppressions == []
        own = suppressions.add(work, "email", "ada@example.com", "bounced", "test")
        assert own.reason == "bounced"


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("email", "mailto:Ada@shut.example", "ada@shut.example"),
        ("email", "Ada Quill <ada@shut.example>", "ada@shut.example"),
        ("email", "ada@xn--bcher-kva.example", "ada@bücher.example"),
        ("phone", "tel:+1 (212) 555-0101", "+12125550101"),
        ("domain", "@Shut.example.", "shut.example"),
        ("domain", "xn--bcher-kva.example", "bücher.example"),
    ],
)
def test_a_value_is_stored_in_the_form_in_which_leads_have_it(
    store: Store, kind: suppressions.Kind, value: str, stored: str
) -> None:
    with store.begin("default", actor="test") as work:
        assert suppressions.add(work, kind, value, "stop", "test").value == stored


def test_a_person_is_suppressed_by_the_id_of_a_lead_of_this_workspace_alone(
    store: Store, other: str, take: Callable[..., object]
) -> None:
    take("email\nada@example.com\n", workspace=other)
    with store.read(other) as work:
        theirs = lead_id_of(work, "ada@example.com")
    for id_ in (theirs, "lead_x"):
        with store.begin("default", actor="test") as work, pytest.raises(NotFound, match=f"There is no lead '{id_}'"):
            suppressions.add(work, "person", id_, "stop", "test")


def test_whoever_says_no_from_an_address_that_no_import_would_take_is_suppressed(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        suppress_address(work, Channel.EMAIL, "Ada..Quill@example.com", reason="stop", origin="test")
        assert [each.value for each in suppressions.list_(work).suppressions] == ["ada..quill@example.com"]
