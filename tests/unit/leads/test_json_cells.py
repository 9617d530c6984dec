"""Objects of JSON: what stands inside them has columns of its own, and what is read as a whole stays whole."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import closing
from typing import Any

import pytest

from overture_core.errors import UnreadableFile
from overture_core.leads.header_names import field_of
from overture_core.leads.mapping import NoAddressColumn, propose, require_address
from overture_core.leads.reading import Row, Source, Table, open_table

EMAIL = "a@example.com"


def opened(objects: list[dict[str, Any]], whole: Collection[str] = ()) -> tuple[Table, list[Row]]:
    source = Source.from_text("\n".join(map(json.dumps, objects)), "leads.jsonl")
    with closing(open_table(source, whole_objects=whole)) as table:
        return table, list(table.rows)


def cells(value: dict[str, Any], whole: Collection[str] = ()) -> dict[str, str] | None:
    _, (row,) = opened([value], whole)
    return row.cells


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"company": {"name": "Acme", "id": 7}}, {"company.name": "Acme", "company.id": "7"}),
        ({"a": {"b": {"c": None}, "d": [1, 2]}}, {"a.b.c": "", "a.d": "1;2"}),
        ({"a": {}}, {"a": ""}),
        ({"tags": [{"name": "vip"}, {"label": "old"}, {"value": "x"}]}, {"tags": "vip;old;x"}),
        ({"person": {"labels": [{"name": "vip"}]}}, {"person.labels": "vip"}),
        ({"tags": [{"id": 3}]}, {"tags": '{"id": 3}'}),
        ({"email": [{"value": EMAIL, "label": "work"}]}, {"email": EMAIL, "email.label": "work"}),
        (
            {"emails": [{"value": "b", "off": [1], "primary": False}, {"value": "a", "primary": True, "x": {"y": 1}}]},
            {"emails": "a", "emails.x.y": "1", "emails (2)": "b", "emails (2).off": "1"},
        ),
        (
            {"phones": [{"phone": "", "type": "fax"}, {"phone": 1}]},
            {"phones": "1", "phones (2)": "", "phones (2).type": "fax"},
        ),
        (
            {"emailAddresses": [{"value": "b"}, {"metadata": {"primary": True}, "value": "a"}]},
            {"emailAddresses": "a", "emailAddresses.metadata.primary": "True", "emailAddresses (2)": "b"},
        ),
        ({"contact": {"phoneNumbers": [{"phoneNumber": "1"}]}}, {"contact.phoneNumbers": "1"}),
        ({"emails": [{"email": None, "opt_out": True}]}, {"emails": '{"email": null, "opt_out": true}'}),
        ({"email": {"address": "a", "opt_out": True}}, {"email": "a", "email.opt_out": "True"}),
        ({"phone": {"mobile": "1", "value": False}}, {"phone.mobile": "1", "phone.value": "False"}),
        ({"emails": [{"value": "b"}, {"value": "a", "primary": True}]}, {"emails": "a", "emails (2)": "b"}),
        ({"company.name": "x", "company": {"name": "y"}}, {"company.name": "x", "company.name (2)": "y"}),
        ({"company": {"name": "y"}, "company.name": "x"}, {"company.name (2)": "y", "company.name": "x"}),
        ({"consent": {"email": False}}, {"consent": '{"email": false}'}),
        ({"meta": {"email_opt_in": {"given": "no"}}}, {"meta.email_opt_in": '{"given": "no"}'}),
        ({"extra": {"name": "Newsletter", "value": "no"}}, {"extra": '{"name": "Newsletter", "value": "no"}'}),
        ({"org_id": {"name": "Acme", "value": 3}}, {"org_id.name": "Acme", "org_id.value": "3"}),
        ({"fields": [{"name": "Newsletter", "value": "no"}]}, {"fields": '{"name": "Newsletter", "value": "no"}'}),
        ({"custom": {"size": 3}}, {"custom": '{"size": 3}'}),
        ({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}, {"a.b.c.d.e": '{"f": 1}'}),
    ],
)
def test_an_object_becomes_columns_named_by_the_way_to_what_it_holds(
    value: dict[str, Any], found: dict[str, str]
) -> None:
    assert cells(value) == found


def test_an_object_that_is_settled_as_a_whole_stays_one_column() -> None:
    assert cells({"meta": {"a": 1}, "more": {"b": 2}}, whole={"meta"}) == {"meta": '{"a": 1}', "more.b": "2"}


def test_a_key_that_is_null_beside_objects_is_no_column_of_its_own() -> None:
    table, _ = opened([{"Email": EMAIL, "Account": None, "Note": None}, {"Email": EMAIL, "Account": {"Name": "Acme"}}])
    assert table.columns == ["Email", "Note", "Account.Name"]
    assert propose(table.columns, []).mapping == {"Email": "email", "Note": "notes", "Account.Name": "company"}


def test_the_widest_objects_stay_whole_where_the_columns_would_be_too_many() -> None:
    rows = [{"email": EMAIL, "answers": {f"q{n}-{m}": m for m in range(40)}, "plan": {"name": "x"}} for n in range(30)]
    table, read = opened(rows)
    assert sorted(table.columns) == ["answers", "email", "plan.name"]
    assert table.notes == (
        "'answers' was kept as one column of objects: their fields would make more than 500 columns.",
    )
    assert {tuple(sorted(row.cells or ())) for row in read} == {("answers", "email", "plan.name")}
    assert json.loads((read[3].cells or {})["answers"]) == rows[3]["answers"]
    with pytest.raises(UnreadableFile, match="objects of over 500 different keys in all"):
        opened([{f"k{n}": 1, "plan": {"name": "x"}} for n in range(500)])


def test_the_widest_object_is_found_by_its_own_path() -> None:
    rows = [
        {
            "id": n,
            "attributes": {"email": EMAIL, "location": {"city": "X"}, "properties": {f"{n}-{m}": m for m in range(40)}},
        }
        for n in range(30)
    ]
    table, _ = opened(rows)
    assert table.columns == ["id", "attributes.email", "attributes.location.city", "attributes.properties"]
    assert table.too_wide == ("attributes.properties",)
    assert "'attributes.properties' was kept as one column of objects" in table.notes[0]


def test_an_address_of_a_list_with_too_many_is_still_found() -> None:
    phones = [{"value": f"{n}", "primary": n == 7, "type": "x", "opt_out": n == 8} for n in range(200)]
    table, read = opened([{"email": {"address": EMAIL}, "phones": phones[:7]}, {"email": EMAIL, "phones": phones}])
    assert table.columns == ["email", "phones", "phones (2)"]
    assert [(row.cells or {})["phones"] for row in read] == ["0", "7"]
    assert '"opt_out": true' in (read[1].cells or {})["phones (2)"]


def test_many_narrow_objects_are_kept_as_the_one_that_they_stand_in() -> None:
    rows = [
        {"email": EMAIL, "a": {"events": {f"e{n}": {"at": n, "by": n}}, "plan": {"x": n, "y": n}}} for n in range(300)
    ]
    table, read = opened(rows)
    assert table.columns == ["email", "a.plan.x", "a.plan.y", "a.events"]
    assert table.too_wide == ("a.events",)
    assert (read[-1].cells or {})["a.events"] == '{"e299": {"at": 299, "by": 299}}'


def test_a_file_whose_address_stands_in_an_object_too_wide_is_refused_with_the_cause() -> None:
    rows = [{"id": n, "fields": {"email": EMAIL, **{f"{n}-{m}": m for m in range(40)}}} for n in range(30)]
    table, _ = opened(rows)
    with pytest.raises(NoAddressColumn, match="What stands inside 'fields' would make too many columns"):
        require_address(table.columns, {}, table.too_wide)


@pytest.mark.parametrize("inside", ["[" * 800 + "]" * 800, '{"a":' * 50_000 + "1" + "}" * 50_000])
def test_what_is_nested_too_deeply_costs_its_own_row(inside: str) -> None:
    text = f'{{"email": "{EMAIL}", "x": {inside}}}\n{{"email": "{EMAIL}"}}\n'
    with closing(open_table(Source.from_text(text, "leads.jsonl"))) as table:
        assert [row.problem for row in table.rows] == ["is nested too deeply", None]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("company.name", "company"),
        ("Account.Name", "company"),
        ("properties.firstname", "first_name"),
        ("data.attributes.email", "email"),
        ("person.phone", "phone"),
        ("contact.name.first", "first_name"),
        ("contact.company.name", "company"),
        ("contact.email (2)", "email"),
        ("address.country", "country"),
        ("node.email", "email"),
        ("merge_fields.FNAME", "first_name"),
        ("merge_fields.LNAME", "last_name"),
        ("merge_fields.PHONE", "phone"),
        ("location.timezone", "time_zone"),
        ("location.time_zone", "time_zone"),
        ("data.attributes.location.timezone", "time_zone"),
        ("company.id", None),
        ("company.phone", None),
        ("owner.email", None),
        ("contact.owner.email", None),
        ("properties.newsletter", None),
        ("properties.unsubscribed", None),
    ],
)
def test_a_name_inside_an_object_is_known_if_what_is_around_it_is_the_lead(name: str, field: str | None) -> None:
    assert field_of(name) == field


def test_a_column_of_its_own_comes_before_what_stands_inside_an_object() -> None:
    columns = ["contact.email", "account.name", "company.name", "email"]
    found = propose(columns, [])
    assert found.mapping == {"email": "email", "account.name": "company"}
    assert found.why["contact.email"] == "its name says email too, which 'email' already is"
    assert found.why["company.name"] == "its name says company too, which 'account.name' already is"
