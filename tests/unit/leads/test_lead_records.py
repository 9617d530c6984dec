"""Delimited text with faults in it: each costs its own row, and nothing after it vanishes."""

from __future__ import annotations

import io
import tracemalloc
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import UnreadableFile
from overture_core.leads.reading import Row, Source, open_table
from overture_core.leads.records import MAX_CELL, MAX_ORIGINAL, MAX_RECORD, MAX_RECORD_LINES, Line, bounded_lines

UNCLOSED = "a quote opened here is never closed"


def rows(text: str, name: str = "leads.csv") -> list[Row]:
    with closing(open_table(Source.from_text(text, name))) as table:
        return list(table.rows)


def good(line: int, email: str, name: str) -> Row:
    return Row(line, f"{email},{name}", {"email": email, "name": name.strip('"')})


def test_an_unclosed_quote_costs_its_own_row_only() -> None:
    assert rows('email,name\na@x.test,A\nb@x.test,"B\nc@x.test,C\nd@x.test,D\n') == [
        good(2, "a@x.test", "A"),
        Row(3, 'b@x.test,"B', None, UNCLOSED),
        good(4, "c@x.test", "C"),
        good(5, "d@x.test", "D"),
    ]


@pytest.mark.parametrize(
    ("later", "why"),
    [
        ('d@x.test,"L, D"', "it is closed by the next opening quote, after which text follows"),
        ('d@x.test,"D"', "the same without a separator in the cell"),
        ('d@x.test,","', "closed in the place of a separator, which gives the wrong width"),
    ],
)
def test_a_quote_that_a_later_rows_quote_closes_swallows_no_row(later: str, why: str) -> None:
    read = rows(f'email,name\nb@x.test,"B\nc@x.test,C\n{later}\ne@x.test,E\n')
    assert [row.line for row in read] == [2, 3, 4, 5], why
    assert read[0] == Row(2, 'b@x.test,"B', None, UNCLOSED)
    assert (read[1], read[3]) == (good(3, "c@x.test", "C"), good(5, "e@x.test", "E"))


def test_two_rows_that_a_stray_quote_each_would_join_stay_two() -> None:
    assert [row.line for row in rows('email,name\nb@x.test,"B\nd@x.test,D"\n')] == [2, 3]


def test_a_quote_closed_at_the_end_of_a_later_row_swallows_no_row_with_an_address() -> None:
    assert rows('email,name\nb@x.test,"B\nc@x.test,C\nd@x.test,D"\n') == [
        Row(2, 'b@x.test,"B', None, UNCLOSED),
        good(3, "c@x.test", "C"),
        Row(4, 'd@x.test,D"', {"email": "d@x.test", "name": 'D"'}),
    ]


def test_cells_of_several_lines_stay_whole() -> None:
    notes = 'Hello, B\r\n\r\nsaid ""call me, please""\nThanks,\nAnn'
    assert rows(f'email,name\na@x.test,"{notes}"\nb@x.test,B\n') == [
        Row(2, f'a@x.test,"{notes}"', {"email": "a@x.test", "name": notes.replace('""', '"')}),
        good(7, "b@x.test", "B"),
    ]


def test_a_row_of_the_wrong_width_with_a_cell_of_several_lines_is_one_row() -> None:
    assert rows('email,name\na@x.test,"one\ntwo",more\nb@x.test,B\n') == [
        Row(
            2,
            'a@x.test,"one\ntwo",more',
            None,
            "has 3 columns where the header has 2",
            either=({"email": "a@x.test", "name": "one\ntwo"}, {"email": "one\ntwo", "name": "more"}),
            beyond=("more",),
        ),
        good(4, "b@x.test", "B"),
    ]


def test_a_quoted_cell_may_run_over_so_many_lines_and_no_more() -> None:
    allowed, more = (f'email,name\na@x.test,"x{chr(10) * breaks}"\nb@x.test,B\n' for breaks in (999, 1000))
    assert MAX_RECORD_LINES == 1000
    assert [row.cells for row in rows(allowed)] == [
        {"email": "a@x.test", "name": "x" + "\n" * 999},
        {"email": "b@x.test", "name": "B"},
    ]
    assert rows(more) == [
        Row(2, 'a@x.test,"x', None, UNCLOSED),
        Row(1002, '"', None, UNCLOSED),
        good(1003, "b@x.test", "B"),
    ]


@pytest.mark.parametrize("cell", ["x" * (MAX_CELL + 1), '"' + "x\n" * (MAX_CELL // 200) + "y" * MAX_CELL + '"'])
def test_a_cell_that_is_too_large_costs_its_row(cell: str) -> None:
    first, second = rows(f"email,name\na@x.test,{cell}\nb@x.test,B\n")
    original = f"a@x.test,{cell}"[:MAX_ORIGINAL]
    assert first == Row(2, original, None, "has a cell of more than 100,000 characters")
    assert second == good(3 + cell.count("\n"), "b@x.test", "B")


def test_a_cell_as_large_as_allowed_is_taken() -> None:
    (row,) = rows(f"email,name\na@x.test,{'x' * MAX_CELL}\n")
    assert row.cells == {"email": "a@x.test", "name": "x" * MAX_CELL}


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("size", [MAX_RECORD - 2, MAX_RECORD - 1, MAX_RECORD, MAX_RECORD + 1, 3 * MAX_RECORD])
def test_a_line_without_end_is_read_past_and_keeps_the_count(ending: str, size: int) -> None:
    text = ending.join(["email,name", "x" * size, "b@x.test,B", ""])
    lines = list(bounded_lines(io.StringIO(text, newline="")))
    long = size + len(ending) >= MAX_RECORD
    assert [line.number for line in lines] == [1, 2, 3]
    assert lines[1] == Line(2, "x" * (MAX_ORIGINAL if long else size) + ("" if long else ending), long=long)
    assert lines[2] == Line(3, f"b@x.test,B{ending}")


def test_a_long_line_of_json_costs_its_row() -> None:
    long = '{"email": "' + "x" * MAX_RECORD + '"}'
    first, second = rows(f'{long}\n{{"email": "b@x.test"}}\n', "leads.jsonl")
    assert first == Row(1, long[:MAX_ORIGINAL], None, "is a line of more than 1,000,000 characters")
    assert second == Row(2, '{"email": "b@x.test"}', {"email": "b@x.test"})


def test_a_header_with_an_unclosed_quote_is_refused_with_its_line() -> None:
    with pytest.raises(UnreadableFile) as raised:
        rows('email,"name\na@x.test,A\n')
    assert raised.value.message == (
        "leads.csv, line 1: the header has a quote that is never closed; mend it, then import again."
    )


def test_careless_quotes_inside_a_row_are_read_as_before() -> None:
    assert rows('email,name\na@x.test,"A" of X\nb@x.test,TV 15"\n') == [
        Row(2, 'a@x.test,"A" of X', {"email": "a@x.test", "name": "A of X"}),
        Row(3, 'b@x.test,TV 15"', {"email": "b@x.test", "name": 'TV 15"'}),
    ]


@given(st.lists(st.sampled_from(['"', ",", "\n", "a", '""', "x@y.test"]), max_size=60))
def test_whatever_the_quotes_every_line_with_text_is_accounted_for(parts: list[str]) -> None:
    text = "".join(parts)
    read = rows(f"email,name\n{text}\n")
    held = [number for row in read for number in range(row.line, row.line + row.original.count("\n") + 1)]
    filled = [number for number, line in enumerate(text.split("\n"), 2) if line.strip(',"')]
    assert set(filled) <= set(held)
    assert len(held) == len(set(held))


def test_memory_does_not_grow_with_a_file_full_of_open_quotes(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("large")
    peaks = []
    for size in (3_000, 30_000):
        path = folder / f"{size}.csv"
        path.write_text("email,name\n" + '"\n' + "a@x.test,A\n" * size, encoding="utf-8")
        tracemalloc.start()
        with closing(open_table(Source.from_path(path, [folder]))) as table:
            assert sum(row.cells is not None for row in table.rows) == size
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_the_last_line_of_a_quoted_cell_is_no_row_though_it_reads_like_one() -> None:
    assert rows('name,email\n"Ada\nB","a@x.test"\n') == [
        Row(2, '"Ada\nB","a@x.test"', {"name": "Ada\nB", "email": "a@x.test"}),
    ]
