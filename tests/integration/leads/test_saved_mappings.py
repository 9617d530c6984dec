"""How a person settles what a file leaves open: mappings, saved ones, the order of dates; rejected rows again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from overture_core.errors import InvalidInput, NotFound
from overture_core.leads import mappings
from overture_core.leads.again import source_of_uri
from overture_core.leads.importing import import_leads
from overture_core.leads.imports import ImportReport
from overture_core.leads.options import ImportOptions
from overture_core.leads.records import MAX_ORIGINAL
from overture_core.leads.understanding import SAMPLE
from overture_core.storage.schema import Consent, Lead
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]
FILE = "E-mail,Work Email,Junk,Size,Seen\nada@example.com,a@work.example,x,12,3/4/2024\n"


def test_a_given_mapping_goes_before_a_saved_one_and_that_before_what_names_say(store: Store, take: Import) -> None:
    given = {"Work Email": "email", "Junk": "ignore", "Seen": "last_contact_at"}
    first = take(FILE, mapping=given, save_mapping="crm", dates="month-first")
    saved = {**given, "E-mail": "custom", "Size": "custom"}
    with store.read("default") as work:
        assert [(each.name, each.mapping) for each in mappings.list_(work)] == [("crm", saved)]
        lead = work.session.scalars(select(Lead)).one()
    assert (lead.email, lead.custom, lead.last_contact_at) == (
        "a@work.example",
        {"E-mail": "ada@example.com", "Size": "12"},
        datetime(2024, 3, 4, tzinfo=UTC),
    )
    assert [(each.column, each.field, each.why) for each in first.columns] == [
        ("E-mail", None, "its name says email too, which 'Work Email' already is"),
        ("Work Email", "email", "you said so"),
        ("Junk", "ignore", "you said so"),
        ("Size", None, "no field has such a name or such values"),
        ("Seen", "last_contact_at", "you said so"),
    ]
    assert [each.sample for each in first.columns] == [None] * 5  # what is stored of an import holds nobody's details
    again = take(FILE.replace("Junk", "Other"), mapping_name="crm", mapping={"Seen": "custom"}, dry_run=True)
    assert again.mapping == {"Work Email": "email"}
    assert again.unmapped == ["E-mail", "Other", "Size", "Seen"]
    assert "The saved mapping has 1 column that the file has not: 'Junk'." in again.warnings
    assert again.columns[1].model_dump() == {
        "column": "Work Email",
        "field": "email",
        "why": "the saved mapping",
        "sample": "a@work.example",
    }


@pytest.mark.parametrize("header", ["do not disturb", "Do Not  Disturb", "DO NOT DISTURB "])
def test_a_saved_column_is_known_by_another_case_and_other_blanks(store: Store, take: Import, header: str) -> None:
    text = "email,Do not disturb\nada@example.com,yes\n"
    take(text, mapping={"Do not disturb": "unread"}, save_mapping="crm")
    again = json.dumps([{"email": "bob@example.com", header: "yes"}])
    report = take(again, filename="leads.json", mapping_name="crm", save_mapping="again")
    assert report.warnings == []
    with store.read("default") as work:
        assert work.session.scalars(select(Consent)).all() == []
        assert mappings.get(work, "again").mapping == {"email": "email", report.unmapped[0]: "unread"}


def test_a_saved_column_that_two_of_a_file_could_be_is_reported(take: Import) -> None:
    take("email,Size\nada@example.com,1\n", mapping={"Size": "notes"}, save_mapping="crm")
    report = take("email,SIZE,size\nbob@example.com,10,20\n", mapping_name="crm", dry_run=True)
    assert report.unmapped == ["SIZE", "size"]
    assert report.warnings == ["The saved mapping has 1 column that the file has not: 'Size'."]


def test_the_columns_say_which_are_not_read_and_which_refused(take: Import) -> None:
    text = "email,DSGVO,Zustimmung,Stage,Tags,Size\na@n.example,no,ja,Opted out,vip,1\nb@n.example,,nein,Won,DNC,2\n"
    report = take(text, mapping={"DSGVO": "unread", "Size": "custom"}, dry_run=True)
    assert [(each.column, each.field, each.why) for each in report.columns[1:]] == [
        ("DSGVO", "unread", "you said so"),
        (
            "Zustimmung",
            None,
            "a consent or refusal by its name, which stays a custom field and is read for refusals; what it says "
            "refuses 1 row",
        ),
        ("Stage", None, "no field has such a name or such values; what it says refuses 1 row"),
        ("Tags", "tags", "its name; what it says refuses 1 row"),
        ("Size", None, "you said so"),
    ]
    take(text, mapping={"DSGVO": "unread"}, save_mapping="crm")
    again = take(text, mapping_name="crm", dry_run=True).columns[1]
    assert (again.field, again.why) == ("unread", "the saved mapping")


def test_a_mapping_belongs_to_its_workspace_and_can_be_replaced_and_forgotten(store: Store, other: str) -> None:
    with store.begin("default", actor="test") as work:
        mappings.save(work, "crm", {"A": "email"})
        mappings.save(work, " crm ", {"A": "phone"})
        assert [each.mapping for each in mappings.list_(work)] == [{"A": "phone"}]
    with store.begin(other, actor="test") as work, pytest.raises(NotFound, match="the mappings are: none yet"):
        mappings.get(work, "crm")
    with store.begin("default", actor="test") as work:
        mappings.remove(work, "crm")
        assert mappings.list_(work) == []
        for name, mapping in (("", {"A": "email"}), ("x" * 101, {"A": "email"}), ("x", {"A": "shoe"})):
            with pytest.raises(InvalidInput):
                mappings.save(work, name, mapping)


def test_a_preview_reads_the_first_rows_only_and_stores_nothing(store: Store, take: Import) -> None:
    text = "email\n" + "".join(f"p{n}@example.com\n" for n in range(SAMPLE + 50))
    report = take(text, preview=True)
    assert (report.import_id, report.rows, report.created) == (None, SAMPLE, SAMPLE)
    assert report.warnings == [f"Only the beginning was looked at, {SAMPLE} rows; nothing was stored."]
    with store.read("default") as work:
        assert work.session.scalar(select(func.count()).select_from(Lead)) == 0


@pytest.mark.parametrize(
    ("text", "filename"),
    [
        ('phone;notes\n020 7946 0958;"one; two"\n12;x\n+12125550123;y\n', "a.csv"),
        ('[{"phone": "020 7946 0958", "notes": "one; two"},\n{"phone": "12"}, {"phone": "+12125550123"}]', "a.json"),
    ],
)
def test_rejected_rows_are_imported_again_by_their_uri_with_other_options(
    store: Store, take: Import, text: str, filename: str
) -> None:
    first = take(text, filename=filename)
    assert (first.created, first.rejected) == (1, 2)
    source = source_of_uri(store, "default", f"leads://imports/{first.import_id}/rejects")
    assert source is not None
    options = ImportOptions(default_country="GB")
    again = import_leads(store, source, options, workspace="default", actor="test")
    assert (again.rows, again.created, again.rejected) == (2, 1, 1)
    with store.read("default") as work:
        assert work.session.scalars(select(Lead.notes).where(Lead.phone == "+442079460958")).all() == ["one; two"]


def test_a_rejected_row_that_was_cut_says_so_and_leaves_the_others_to_be_imported_again(
    store: Store, take: Import
) -> None:
    long = f"nobody,{'x' * MAX_ORIGINAL}"
    first = take(f"phone,notes\n+12125550123,\n020 7946 0958,short\n{long}\n")
    uri = f"leads://imports/{first.import_id}/rejects"
    assert [(len(each.original), each.is_whole) for each in first.reject_samples] == [(19, True), (MAX_ORIGINAL, False)]
    assert first.reject_samples[1].reasons[1:] == ["only its first 10,000 characters were kept"]
    source = source_of_uri(store, "default", uri)
    assert source is not None
    again = import_leads(store, source, ImportOptions(default_country="GB"), workspace="default", actor="test")
    assert (again.rows, again.created) == (1, 1)
    assert again.warnings[0] == (
        "1 rejected row of leads.csv (line 4) left out, too long to be kept whole; mend the file and import it again "
        "for them."
    )
    alone = take(f"phone,notes\n+12125550123,\n{long}\n")
    with pytest.raises(InvalidInput, match="are too long to be kept whole"):
        source_of_uri(store, "default", f"leads://imports/{alone.import_id}/rejects")


def test_a_uri_that_names_no_rejected_rows_is_refused_or_none_of_ours(store: Store, take: Import) -> None:
    clean = take("email\nada@example.com\n")
    with pytest.raises(InvalidInput, match="has no rejected rows that could be imported again"):
        source_of_uri(store, "default", f"leads://imports/{clean.import_id}/rejects")
    with pytest.raises(NotFound, match="There is no import"):
        source_of_uri(store, "default", "leads://imports/imp_none/rejects")
    assert source_of_uri(store, "default", "file:///leads.csv") is None
