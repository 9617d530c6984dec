"""Opening files: what is found by itself, and the sentence that a bad one gets."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from overture_core.errors import UnreadableFile
from overture_core.leads import reading
from overture_core.leads.reading import Row, Source, open_table
from overture_core.leads.spreadsheets import plain

Read = tuple[list[str], str, str | None, list[Row]]


def read(source: Source) -> Read:
    with closing(open_table(source)) as table:
        return table.columns, table.encoding, table.delimiter, list(table.rows)


def read_bytes(folder: Path, name: str, content: bytes) -> Read:
    path = folder / name
    path.write_bytes(content)
    return read(Source.from_path(path, [folder]))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_the_lines_agree_on(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(("E-mail", "Notes")) + "\n" + delimiter.join(("a@example.com", '"a, b; c | d"')) + "\n"
    row = Row(2, text.splitlines()[1], {"E-mail": "a@example.com", "Notes": "a, b; c | d"})
    assert read_bytes(tmp_path, "leads.csv", text.encode()) == (["E-mail", "Notes"], "utf-8", delimiter, [row])


@pytest.mark.parametrize(
    ("written", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp1252", "cp1252")],
)
def test_the_encoding_is_found_and_named(tmp_path: Path, written: str, found: str) -> None:
    text = "Vorname;E-Mail;Ort\nJürgen;j@example.com;Köln\nKäthe;k@example.com;Düsseldorf\nSören;s@example.com;Füssen\n"
    columns, encoding, _, rows = read_bytes(tmp_path, "leads.csv", text.encode(written))
    assert (columns, encoding) == (["Vorname", "E-Mail", "Ort"], found)
    assert [row.cells and row.cells["Vorname"] for row in rows] == ["Jürgen", "Käthe", "Sören"]


def test_a_row_of_the_wrong_width_is_kept_with_its_problem(tmp_path: Path) -> None:
    content = b"E-mail,Name\na@example.com,A\nb@example.com,B,extra\n\nc@example.com\n"
    assert read_bytes(tmp_path, "leads.csv", content)[3] == [
        Row(2, "a@example.com,A", {"E-mail": "a@example.com", "Name": "A"}),
        Row(
            3,
            "b@example.com,B,extra",
            None,
            "has 3 columns where the header has 2",
            either=({"E-mail": "b@example.com", "Name": "B"}, {"E-mail": "B", "Name": "extra"}),
            beyond=("extra",),
        ),
        Row(
            5,
            "c@example.com",
            None,
            "has 1 column where the header has 2",
            either=({"E-mail": "c@example.com"}, {"Name": "c@example.com"}),
        ),
    ]


def test_json_lines_give_a_row_an_object_and_a_problem_for_anything_else(tmp_path: Path) -> None:
    content = b'{"email": "a@example.com", "tags": ["x", "y"], "age": 41.0}\n\n[1]\n{"email": null}\n{broken\n'
    assert read_bytes(tmp_path, "leads.jsonl", content) == (
        ["email", "tags", "age"],
        "utf-8",
        None,
        [
            Row(
                1,
                '{"email": "a@example.com", "tags": ["x", "y"], "age": 41.0}',
                {"email": "a@example.com", "tags": "x;y", "age": "41"},
                shapes={"tags": list},
            ),
            Row(3, "[1]", None, "is not a JSON object"),
            Row(4, '{"email": null}', {"email": ""}),
            Row(5, "{broken", None, "is not a JSON object"),
        ],
    )


def test_an_excel_file_gives_its_first_sheet_with_the_sheets_own_line_numbers(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    for cells in ([None, None], ["E-mail", "Phone"], ["a@example.com", 442071838750.0], ["b@example.com"]):
        book.active.append(cells)
    book.active.append(["c@example.com", None, "beside the table"])
    content = io.BytesIO()
    book.save(content)
    book.close()
    assert read_bytes(tmp_path, "leads.xlsx", content.getvalue()) == (
        ["E-mail", "Phone"],
        "xlsx",
        None,
        [
            Row(3, "a@example.com\t442071838750", {"E-mail": "a@example.com", "Phone": "442071838750"}),
            Row(4, "b@example.com", {"E-mail": "b@example.com", "Phone": ""}),
            Row(
                5,
                "c@example.com\t\tbeside the table",
                None,
                "has 3 columns where the header has 2",
                either=({"E-mail": "c@example.com", "Phone": ""}, {"E-mail": "", "Phone": "beside the table"}),
                beyond=("beside the table",),
            ),
        ],
    )


def test_a_text_is_read_like_a_file() -> None:
    assert read(Source.from_text("email\na@example.com\n", "pasted"))[3] == [
        Row(2, "a@example.com", {"email": "a@example.com"})
    ]


def bad_files(folder: Path) -> Iterator[tuple[Path, str]]:
    outside = folder / "outside.csv"
    outside.write_text("email\na@example.com\n")
    inside = folder / "inside"
    inside.mkdir()
    (inside / "link.csv").symlink_to(outside)
    (inside / "loop.csv").symlink_to("loop.csv")
    (inside / "empty.csv").touch()
    (inside / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    (inside / "broken.xlsx").write_bytes(b"PK\x03\x04 and then nothing")
    (inside / "blank.csv").write_text("\n\n  \n")
    (inside / "half.csv").write_bytes("name\n".encode("utf-16") + b"x")
    os.mkfifo(inside / "pipe.csv")
    yield inside / "missing.csv", "There is no file"
    yield inside / "pipe.csv", "is no file but a pipe"
    yield inside, "is a folder"
    yield outside, "is outside the folders"
    yield inside / "link.csv", "is outside the folders"
    yield inside / ".." / "outside.csv", "is outside the folders"
    (inside / ".env").write_text("OVERTURE_SECRET_KEY=x\n")
    (inside / "settings.csv").symlink_to(".env")
    (inside / ".overture").mkdir()
    (inside / ".overture" / "leads.csv").write_text("email\na@example.com\n")
    (inside / "tls.PEM").write_text("email\na@example.com\n")
    for secret in (".env", "settings.csv", ".overture/leads.csv", "tls.PEM"):
        yield inside / secret, "is hidden, or of a kind that holds settings, keys"
    yield inside / "loop.csv", "is a link that leads back to itself"
    yield Path("loop.csv"), "is a link that leads back to itself"
    yield inside / "empty.csv", "is empty"
    yield inside / "picture.csv", "is not text"
    yield inside / "broken.xlsx", "cannot be read as an Excel file"
    yield inside / "blank.csv", "has no header line"
    yield inside / "half.csv", "does not fit"
    yield Path("in\x00side.csv"), "is not a path"
    yield Path("x" * 300 + ".csv"), "cannot be read .File name too long."


def test_a_file_that_cannot_be_used_gets_one_sentence_saying_why(tmp_path: Path) -> None:
    for path, why in bad_files(tmp_path):
        with pytest.raises(UnreadableFile, match=why) as raised:
            read(Source.from_path(path, [tmp_path / "inside"]))
        assert "\n" not in raised.value.message


def test_a_file_above_the_bound_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(reading.MAX_BYTES + 1)  # sparse: it takes no room
    with pytest.raises(UnreadableFile, match="more than the 2048 MB allowed"):
        Source.from_path(path, [tmp_path])


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFile, match="The content is empty"):
        Source.from_text(text, "leads.csv")


cell_texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@given(st.lists(st.tuples(cell_texts, cell_texts), min_size=1, max_size=20))
def test_whatever_csv_writes_is_read_back_cell_by_cell(pairs: list[tuple[str, str]]) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerows([("email", "notes"), *pairs])
    rows = read(Source.from_text(written.getvalue(), "leads.csv"))[3]
    assert [row.cells for row in rows] == [
        {"email": plain(email), "notes": plain(notes)} for email, notes in pairs if email.strip() or notes.strip()
    ]


def test_a_short_western_file_is_not_taken_for_an_asian_one(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_bytes("Name;E-post\nÅsa;asa@example.com\nJosé;jose@example.org\n".encode("cp1252"))
    table = open_table(Source.from_path("leads.csv", [tmp_path]))
    assert (table.encoding, [row.cells and row.cells["Name"] for row in table.rows]) == ("cp1252", ["Åsa", "José"])
    table.close()
