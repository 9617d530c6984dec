"""JSON documents: whatever their layout, each object is a row of its own, and a bad one costs no other."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import UnreadableFile
from overture_core.leads.reading import Row, Source, open_table
from overture_core.leads.records import MAX_ORIGINAL, MAX_RECORD

ADA = '{"email": "ada@example.com"}'
GOOD = Row(1, ADA, {"email": "ada@example.com"})


def rows(text: str, name: str = "leads.json") -> list[Row]:
    with closing(open_table(Source.from_text(text, name))) as table:
        return list(table.rows)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from(['"', "\\", "]}", ","])
)
objects = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=5), scalars, min_size=1
)


@given(st.lists(objects, min_size=1, max_size=6), st.sampled_from([None, 0, 2]), st.booleans())
def test_a_list_gives_its_objects_with_their_own_text_however_it_is_laid_out(
    written: list[dict[str, Any]], indent: int | None, wrapped: bool
) -> None:
    document: object = {"total": 3, "rows": written, "more": {"next": [1]}} if wrapped else written
    read = rows(json.dumps(document, indent=indent, ensure_ascii=False))
    assert [(row.line, json.loads(row.original)) for row in read] == list(enumerate(written, 1))


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ('{"email": bob}', "is not valid JSON"),
        ('{"email": "b", "x": [1, {"y": ]}', "is not valid JSON"),
        ('{"a": "}]\\"", b: [1]}', "is not valid JSON"),
        ("nothing", "is not valid JSON"),
        ("[" * 100_000 + "]" * 100_000, "is nested too deeply"),
        ("9" * 5_000, "has a number of more than 4,300 digits"),
        ('{"email": "b", "email": "c"}', "has a field twice, and nothing says which one counts"),
        ("12", "is not a JSON object"),
        ("[{}]", "is not a JSON object"),
        ('{"x": "' + "y" * MAX_RECORD + '"}', "is an object of more than 1,000,000 characters"),
    ],
)
def test_a_bad_value_costs_its_own_row_and_nothing_after_it(bad: str, problem: str) -> None:
    assert rows(f"[{ADA}, {bad}, {ADA}]") == [
        GOOD,
        Row(2, bad[:MAX_ORIGINAL], None, problem),
        GOOD.__class__(3, ADA, GOOD.cells),
    ]


@pytest.mark.parametrize("text", ["[" + ADA + ', {"a": ', "[" + ADA, '{"list": [' + ADA + ", "])
def test_a_document_that_breaks_off_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(UnreadableFile, match=r"leads\.json breaks off or is no valid JSON from .* on; mend it"):
        rows(text)


@pytest.mark.parametrize(("separator", "name"), [(",\n", "list.json"), (",", "list.csv"), ("\n", "list.jsonl")])
def test_texts_alone_are_rows_of_one_column(separator: str, name: str) -> None:
    texts = ['"ada@example.com"', '"+49 30 901820"', "4930901820", "null", '"b\\"o"']
    text = separator.join(texts)
    found = rows(text if name.endswith(".jsonl") else f"[{text}]", name)
    assert [row.original for row in found] == texts
    values = [row.cells["value"] if row.cells else row.problem for row in found]
    assert values == ["ada@example.com", "+49 30 901820", "4930901820", "is not a JSON object", 'b"o']


def test_a_text_among_objects_costs_its_own_row() -> None:
    assert rows(f'["b@example.com", {ADA}]')[0] == Row(1, '"b@example.com"', None, "is not a JSON object")


@pytest.mark.parametrize("text", ["[]", "{}", "[1, 2]", "[[1]]"])
def test_a_document_without_objects_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFile, match="holds no JSON objects of 1 to 500 fields"):
        rows(text)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("9" * 6_000, "row 1 has a number of more than 4,300 digits"),
        ("[" * 100_000 + "]" * 100_000, "row 1 is nested too deeply"),
        ("nothing", "row 1 is not valid JSON"),
    ],
)
def test_a_document_whose_only_object_cannot_be_read_is_refused_with_the_cause(value: str, why: str) -> None:
    with pytest.raises(UnreadableFile, match=f"holds no JSON objects of 1 to 500 fields; {why}"):
        rows(f'[{{"email": "a@example.com", "x": {value}}}]')


def test_lines_say_why_they_cannot_be_read() -> None:
    lines = [ADA, '{"x": ' + "9" * 6_000 + "}", '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}", '{"x": 1, "x": 2}']
    assert [row.problem for row in rows("\n".join(lines), "leads.jsonl")] == [
        None,
        "has a number of more than 4,300 digits",
        "is nested too deeply",
        "has a field twice, and nothing says which one counts",
    ]


def test_a_number_that_is_none_is_no_value() -> None:
    (row,) = rows('[{"email": "ada@example.com", "size": NaN, "age": -Infinity}]')
    assert row.cells == {"email": "ada@example.com", "size": "", "age": ""}


def test_what_stands_behind_the_list_is_said() -> None:
    assert [row.problem for row in rows(f"[{ADA}] [{ADA}]")] == [None, "stands behind the end of the list"]
    assert [row.problem for row in rows(f'{{"a": [{ADA}], "b": [{ADA}, {ADA}], "c": 1}}')] == [
        None,
        "names a second list of objects, which was not read; import it by itself",
    ]


@pytest.mark.parametrize(
    ("document", "emails", "place"),
    [
        (
            {"data": {"contacts": [{"email": "a@x"}, {"email": "b@x"}]}, "account": {"email": "me@x"}},
            "a@x b@x",
            "data.contacts",
        ),
        (
            {"account": {"email": "me@x"}, "data": {"contacts": [{"id": 1}, {"email": "b@x"}]}},
            "None b@x",
            "data.contacts",
        ),
        ({"emails": True, "phone": 2, "data": [{"email": "a@x"}]}, "a@x", "data"),
        ({"by": "me@x", "list": [{"phone": "1", "email": ""}]}, "", "list"),
        ({"filters": [{"id": 1}], "rows": [{"email": "a@x"}], "meta": {"links": [{"url": 1}]}}, "a@x lost", "rows"),
        ({"rows": [{"email": "a@x"}], "more": {"rows": [{"email": "b@x"}]}}, "a@x lost", "rows"),
        ({"email": "a@x", "orders": [{"id": 1}], "meta": {"hooks": [{"id": 2}]}}, "a@x", None),
        ({"phone": "1", "email": "a@x", "tags": ["vip"]}, "a@x", None),
        ({"emails": [{"value": "a@x"}], "orders": [{"id": 1}], "email": "a@x"}, "a@x", None),
        ({"id": 1, "email": "a@x", "addresses": {"home": {"email": "b@x"}, "work": {"email": "c@x"}}}, "a@x", None),
    ],
)
def test_the_list_of_the_leads_is_found_however_deep_it_stands(
    document: dict[str, Any], emails: str, place: str | None
) -> None:
    for indent in (None, 1):
        with closing(open_table(Source.from_text(json.dumps(document, indent=indent), "leads.json"))) as table:
            found = [str(row.cells.get("email")) if row.cells else "lost" for row in table.rows]
        assert found == emails.split(" ")
        assert table.notes == (() if place is None else (f"The rows were read from the list '{place}'.",))


def test_edges_of_a_connection_are_rows_of_their_nodes() -> None:
    edges = [{"cursor": n, "node": {"email": f"{n}@x"}} for n in range(2)]
    found = rows(json.dumps({"data": {"customers": {"pageInfo": {"next": True}, "edges": edges}}}))
    assert [row.cells for row in found] == [{"cursor": f"{n}", "node.email": f"{n}@x"} for n in range(2)]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"1": {"email": "a@x"}, "2": {"email": "b@x", "opt_out": True}}, "has several objects with addresses, each"),
        (
            {"ok": True, "by_id": {"1": {"email": "a@x"}, "2": {"email": "b@x"}}},
            "with addresses in 'by_id', each under",
        ),
        (
            {"email": "a@x", "orders": [{"email": "b@x"}]},
            "of its own, 'email', and a list of objects with addresses, 'orders'",
        ),
        (
            {"emails": ["a@x"], "crm": {"notes": [{"by": "b@x"}]}},
            "own, 'emails', and .* addresses, 'crm.notes'; save that",
        ),
    ],
)
def test_an_object_that_may_be_one_lead_and_holds_others_is_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        rows(json.dumps(document))


def test_a_single_object_that_cannot_be_read_is_refused_with_the_cause() -> None:
    with pytest.raises(UnreadableFile, match="row 1 has a field twice, and nothing says which one counts"):
        rows('{"email": "a@x", "email": "b@x"}')


@pytest.mark.parametrize("name", ["leads.json", "leads.jsonl", "pasted.csv", "leads"])
def test_lines_and_lists_are_told_apart_by_what_they_are(name: str) -> None:
    assert rows(f"{ADA}\n{ADA}\n", name) == [GOOD, Row(2, ADA, GOOD.cells)]
    assert rows(f"\n [\n{ADA},{ADA}]", name) == [GOOD, Row(2, ADA, GOOD.cells)]


def test_a_header_in_brackets_is_no_json() -> None:
    with closing(open_table(Source.from_text("[Email],[Name]\na@example.com,A\n", "access.csv"))) as table:
        assert (table.columns, table.delimiter) == (["[Email]", "[Name]"], ",")


def test_progress_is_told_in_bytes_of_the_file_as_it_is_stored(tmp_path: Path) -> None:
    text = json.dumps([{"email": f"p{n}@example.com", "notes": "x" * (n % 97)} for n in range(20_000)]).encode()
    for name, content in (("leads.json", text), ("leads.json.gz", gzip.compress(text))):
        (tmp_path / name).write_bytes(content)
        with closing(open_table(Source.from_path(name, [tmp_path]))) as table:
            seen = [table.position() for _ in table.rows]
        assert (table.size, seen[-1]) == (len(content), len(content))
        assert seen == sorted(seen)
        assert seen[0] < len(content) // 4
