"""Tags on many leads at once, and one lead by its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from overture_core.errors import InvalidInput, NotFound
from overture_core.leads import service, tagging
from overture_core.leads.tagging import Tagged
from overture_core.leads.upserting import upsert
from overture_core.segments.filter import LeadFilter, filter_of
from overture_core.storage.store import Store

LEADS = "First Name,E-mail,Country,Tags\nAda,ada@example.com,US,vip\nBo,bo@example.com,US,\nCleo,cleo@example.com,DE,\n"


@pytest.fixture
def loaded(store: Store, take: Callable[..., Any]) -> Store:
    take(LEADS)
    return store


def test_a_tag_is_put_on_and_taken_off_by_filter_with_counts(loaded: Store) -> None:
    us = filter_of("country = US")
    with loaded.begin("default", actor="test") as work:
        assert tagging.tag(work, " vip ", wanted=us) == Tagged(tag="vip", leads=2, changed=1)
        assert tagging.tag(work, "vip", wanted=us) == Tagged(tag="vip", leads=2, changed=0)
        assert tagging.tag(work, "vip", wanted=LeadFilter(), remove=True) == Tagged(tag="vip", leads=3, changed=2)


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("a;b", {"wanted": LeadFilter()}, "cannot be a tag"),
        (" ", {"wanted": LeadFilter()}, "cannot be a tag"),
        ("a", {}, "Say which leads"),
        ("a", {"wanted": LeadFilter(), "lead_ids": ["lead_1"]}, "Say which leads"),
    ],
)
def test_a_tag_or_choice_that_cannot_be_is_refused(loaded: Store, name: str, asked: Any, said: str) -> None:
    with loaded.begin("default", actor="test") as work, pytest.raises(InvalidInput, match=said):
        tagging.tag(work, name, **asked)


def test_a_files_tags_are_held_to_the_same_and_those_that_say_nothing_are_left_out(
    store: Store, take: Callable[..., Any]
) -> None:
    with pytest.raises(InvalidInput, match="'a,b' cannot be a tag"):
        take(LEADS, tags=["a,b"])
    with pytest.raises(InvalidInput, match="at most 100 long"):
        take(LEADS, tags=["x" * 101])
    take("E-mail,Tags\nada@example.com,one|two;;\n", tags=["\u0000", "", " spring "])
    ada = upsert(store, {"email": "ada@example.com"}, workspace="default", actor="test").lead_id
    with store.read("default") as work:
        assert service.get(work, ada).tags == ["one", "spring", "two"]


def test_leads_of_another_workspace_are_not_found(loaded: Store, other: str) -> None:
    ada = upsert(loaded, {"email": "ada@example.com"}, workspace="default", actor="test").lead_id
    with loaded.begin(other, actor="test") as work:
        with pytest.raises(NotFound):
            tagging.tag(work, "vip", lead_ids=[ada])
        assert tagging.tag(work, "vip", wanted=LeadFilter()).leads == 0
    assert upsert(loaded, {"email": "ada@example.com"}, workspace=other, actor="test").outcome == "created"


def test_a_lead_is_created_filled_and_left_alone_as_by_a_file(loaded: Store) -> None:
    def put(**fields: str) -> Any:
        return upsert(loaded, fields, workspace="default", actor="mcp:desk", default_country="US")

    new = put(email="Dana@Example.com", phone="(212) 555-0101", **{"Company size": "7"})
    merged = put(phone="+1 212 555 0101", first_name="Dana", email="")
    same = put(first_name="Other", phone="+12125550101")
    assert [(each.outcome, each.lead_id) for each in (new, merged, same)] == [
        ("created", new.lead_id),
        ("merged", new.lead_id),
        ("unchanged", new.lead_id),
    ]
    with loaded.read("default") as work:
        dana = service.get(work, new.lead_id)
    assert (dana.first_name, dana.phone, dana.custom) == ("Dana", "+12125550101", {"Company size": "7"})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "nobody"}, "The lead was not taken: e-mail: 'nobody' is not"),
        (
            {"first_name": "Dana"},
            r"No field was recognised as e-mail or phone; give one that is called email or phone\.$",
        ),
        ({"email": "d@example.com", "sms_opt_in": "yes"}, "needs its evidence"),
        (
            {"email": "d@example.com", "newsletter": "no"},
            "'newsletter' says .* leads_record_consent, granted true with .* or granted false if they refuse",
        ),
        (
            {"email": "nobody", "phone": "12"},
            r"The lead was not taken: e-mail: 'nobody' is not an e-mail address \([^.;]*\); phone: '12' .*[^.]\.$",
        ),
        ({}, "No field was recognised"),
        # The two are one column of a file, in which the last one counts.
        ({"email": "d@example.com", "email ": "nobody"}, "The lead was not taken: e-mail: 'nobody' is not"),
        ({"email": "d@example.com", "notes": "x" * 1_000_001}, "is a line of more than 1,000,000 characters"),
    ],
)
def test_fields_that_are_no_lead_are_refused(loaded: Store, fields: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        upsert(loaded, fields, workspace="default", actor="test")
