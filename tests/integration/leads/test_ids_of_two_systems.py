"""Lists of two systems that both count their leads from 1: an id alone joins no row to somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason
from overture_core.leads import service
from overture_core.leads.erasing import erase
from overture_core.leads.finding import lead_id_of
from overture_core.leads.importing import import_leads
from overture_core.leads.imports import ImportReport
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.leads.service import LeadView
from overture_core.leads.undoing import undo_import
from overture_core.leads.upserting import upsert
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]

ONE = "id,name,email,phone\n1,Ann Lee,ann@one.example,\n2,Bo Orr,bo@one.example,+12025550102\n"
OTHER = (
    "id,name,email,phone\n1,Cy Fox,cy@two.example,+12025550103\n2,Di Roe,di@two.example,\n3,Ed Poe,ed@two.example,\n"
)
SAID = (
    "2 rows have the external id of a lead of another name and address, such as line 2, and were taken for other "
    "people, with the id kept as the custom field external_id; if two systems number their own, put a prefix before "
    "the ids of one, or map its column to custom"
)


def lead(store: Store, address: str) -> LeadView:
    with store.read("default") as work:
        return service.get(work, lead_id_of(work, address))


def people(store: Store) -> list[tuple[object, ...]]:
    with store.read("default") as work:
        leads = work.session.scalars(select(Lead).order_by(Lead.email)).all()
        return [(each.email, each.phone, each.external_id, each.custom) for each in leads]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.merged, report.unchanged, report.rejected


APART: list[tuple[object, ...]] = [
    ("ann@one.example", None, "1", {}),
    ("bo@one.example", "+12025550102", "2", {}),
    ("cy@two.example", "+12025550103", None, {"external_id": "1"}),
    ("di@two.example", None, None, {"external_id": "2"}),
    ("ed@two.example", None, "3", {}),
]


def test_rows_of_another_name_and_address_become_other_people_who_keep_their_ids(store: Store, take: Import) -> None:
    take(ONE)
    dry, report = take(OTHER, dry_run=True), take(OTHER)
    assert [counts(each) for each in (dry, report)] == [(3, 0, 0, 0)] * 2
    assert [each for each in report.warnings if "external id" in each] == [SAID]
    assert dry.warnings == report.warnings
    assert report.shared == {}
    assert people(store) == APART


def test_the_same_lists_again_change_nothing(store: Store, take: Import) -> None:
    take(ONE)
    take(OTHER)
    assert [counts(take(text)) for text in (OTHER, ONE, OTHER)] == [(0, 0, 3, 0), (0, 0, 2, 0), (0, 0, 3, 0)]
    assert people(store) == APART


def test_both_lists_in_one_file_are_told_apart_too(store: Store, take: Import) -> None:
    text = ONE + OTHER.partition("\n")[2]
    assert counts(take(text)) == (5, 0, 0, 0)
    assert counts(take(text, tags=["again"])) == (0, 5, 0, 0)
    assert people(store) == APART


@pytest.mark.parametrize(
    ("held", "row"),
    [
        ("1,Ann Lee,ann@one.example,", "1,Ann Lee,new@one.example,"),
        ("1,Ann Lee,ann@one.example,", '1,"LEE, Ánn",new@one.example,'),
        ("1,Ann,ann@one.example,", "1,Ann Lee,new@one.example,"),
        ("1,,ann@one.example,", "1,Cy Fox,cy@two.example,"),
        ("1,Ann Lee,ann@one.example,", "1,,cy@two.example,"),
        ("1,Ann Lee,ann@one.example,", "1,Ann Fox,,+12025550103"),
        ("1,Ann Lee,ann@one.example,+12025550101", "1,Ann Fox,cy@two.example,+12025550101"),
        ("1,Ann Lee,ann@one.example,", "1,Ann Fox,ANN@one.example,"),
    ],
    ids=["name", "word order", "part of name", "no name", "row without", "no address in common", "phone", "e-mail"],
)
def test_what_may_be_the_same_person_is_joined_by_the_id(take: Import, held: str, row: str) -> None:
    take(f"id,name,email,phone\n{held}\n")
    report = take(f"id,name,email,phone\n{row}\n")
    assert report.created == 0
    assert not [each for each in report.warnings if "external id" in each]


def test_numbers_tell_people_apart_where_there_are_no_addresses(take: Import) -> None:
    take("id,name,phone\n1,Ann Lee,+12025550101\n")
    assert counts(take("id,name,phone\n1,Cy Fox,+12025550103\n")) == (1, 0, 0, 0)


def test_who_is_known_by_their_address_gets_the_row_and_keeps_what_they_have(store: Store, take: Import) -> None:
    take(ONE)
    take("email,custom.external_id\ncy@two.example,crm-9\n")
    merged = take(OTHER)
    assert counts(merged) == (2, 1, 0, 0)
    assert counts(take(OTHER)) == (0, 0, 3, 0)
    cy = lead(store, "cy@two.example")
    assert (cy.external_id, cy.custom) == (None, {"external_id": "crm-9", "external_id (2)": "1"})
    assert cy.provenance["custom.external_id (2)"].startswith(f"{merged.import_id}, line 2, by test")
    assert lead(store, "ann@one.example").changes == []


def refused(store: Store, address: str) -> set[Channel]:
    return {each.channel for each in lead(store, address).consents if not each.granted}


def test_what_such_a_row_refuses_the_lead_of_its_id_refuses_too(store: Store, take: Import) -> None:
    take(ONE)
    said = take("id,name,email,email_opt_out\n1,Cy Fox,cy@two.example,yes\n2,Di Roe,di@two.example,no\n")
    assert counts(said) == (2, 0, 0, 0)
    assert refused(store, "ann@one.example") == refused(store, "cy@two.example") == {Channel.EMAIL}
    assert refused(store, "bo@one.example") == refused(store, "di@two.example") == set()
    (change,) = lead(store, "ann@one.example").changes
    assert (change.import_id, change.line, change.changed) == (said.import_id, 2, ["consents"])
    take("id,opt_out\n2,yes\n")
    assert refused(store, "bo@one.example") == set(Channel)
    assert refused(store, "di@two.example") == set()


def test_a_grant_of_such_a_row_is_not_the_other_leads(store: Store, take: Import) -> None:
    take(ONE)
    take("id,name,email,consent\n1,Cy Fox,cy@two.example,email\n")
    assert lead(store, "ann@one.example").consents == []
    assert [each.granted for each in lead(store, "cy@two.example").consents] == [True]


def test_taking_it_back_leaves_the_first_list_as_it_was(store: Store, take: Import) -> None:
    take(ONE)
    before = people(store)
    report = take(OTHER)
    assert report.import_id is not None
    undone = undo_import(store, report.import_id, workspace="default", actor="test")
    assert (undone.removed, undone.reverted, undone.stayed) == (3, 0, {})
    assert people(store) == before


def test_the_first_list_taken_back_leaves_the_ids_to_the_other(store: Store, take: Import) -> None:
    first = take(ONE)
    take(OTHER)
    assert first.import_id is not None
    undo_import(store, first.import_id, workspace="default", actor="test")
    assert counts(take(OTHER)) == (0, 2, 1, 0)
    assert lead(store, "cy@two.example").external_id == "1"


def test_a_lead_by_its_fields_is_told_apart_the_same_way(store: Store, take: Import) -> None:
    take(ONE)

    def put() -> Any:
        fields = {"id": "1", "name": "Cy Fox", "email": "cy@two.example"}
        return upsert(store, fields, workspace="default", actor="mcp:desk")

    new, same = put(), put()
    assert [each.outcome for each in (new, same)] == ["created", "unchanged"]
    assert new.lead_id == same.lead_id == lead(store, "cy@two.example").id
    assert any("external id of a lead of another name" in each for each in new.warnings)


def test_the_id_of_somebody_who_was_erased_stays_theirs_whatever_the_name(keyed: Store) -> None:
    def listed(text: str) -> ImportReport:
        source = Source.from_text(text, "leads.csv")
        return import_leads(keyed, source, ImportOptions(), workspace="default", actor="test")

    listed(ONE)
    with keyed.begin("default", actor="test") as work:
        erase(work, lead_id_of(work, "ann@one.example"))
    assert counts(listed("id,name,email\n1,Cy Fox,cy@two.example\n")) == (1, 0, 0, 0)
    assert counts(listed("id,name,email\n1,Di Roe,di@two.example\n")) == (0, 1, 0, 0)
    with keyed.read("default") as work:
        shut = work.session.get_one(Lead, lead_id_of(work, "di@two.example"))
        assert contactability(work, shut, Channel.EMAIL).reason is Reason.SUPPRESSED
