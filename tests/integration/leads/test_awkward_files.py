"""Files as the world makes them: each is taken with the counts it deserves, or refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sqlalchemy import func, select

from overture_core.contactability import facts
from overture_core.errors import NotFound, UnreadableFile
from overture_core.leads import service
from overture_core.leads.importing import import_leads
from overture_core.leads.imports import ImportReport
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]
Counts = tuple[int, int, int, int]
TABLE: list[list[object]] = [
    ["E-mail", "Phone", "Last Contact"],
    ["a@example.com", 442079460958.0, datetime(2024, 5, 1)],  # noqa: DTZ001 (Excel's dates have no zone)
    ["b@example.com", None, datetime(2024, 5, 2)],  # noqa: DTZ001
]


def excel(edit: Callable[[str, bytes], bytes] = lambda _, part: part) -> bytes:
    """Return an Excel file of `TABLE`, its parts passed through `edit(name, part)`."""
    book, saved, edited = Workbook(), io.BytesIO(), io.BytesIO()
    assert book.active is not None
    for row in TABLE:
        book.active.append(row)
    book.save(saved)
    book.close()
    with zipfile.ZipFile(saved) as parts, zipfile.ZipFile(edited, "w", zipfile.ZIP_DEFLATED) as written:
        for name in parts.namelist():
            written.writestr(name, edit(name, parts.read(name)))
    return edited.getvalue()


def in_part(which: str, change: Callable[[bytes], bytes]) -> bytes:
    return excel(lambda name, part: change(part) if which in name else part)


def bomb(part: str, size: int) -> bytes:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(part, "w", force_zip64=True) as inside,
    ):
        for _ in range(size // 2**20 + 1):
            inside.write(bytes(2**20))
    return packed.getvalue()


def import_bytes(store: Store, folder: Path, name: str, content: bytes, **options: object) -> ImportReport:
    path = folder / name
    path.write_bytes(content)
    chosen = ImportOptions.model_validate(options)
    return import_leads(store, Source.from_path(path, [folder]), chosen, workspace="default", actor="test")


def counts(report: ImportReport) -> Counts:
    return report.created, report.merged, report.unchanged, report.rejected


TAKEN: dict[str, tuple[bytes, str, Counts]] = {
    "one_column.csv": (b"email\na@example.com\nb@example.com\n", "utf-8", (2, 0, 0, 0)),
    "no_last_line_end.csv": (b"email,name\r\na@example.com,A\r\nb@example.com,B", "utf-8", (2, 0, 0, 0)),
    "old_mac.csv": (b"email,name\ra@example.com,A\rb@example.com,B\r", "utf-8", (2, 0, 0, 0)),
    "bom.csv": ("email;name\na@example.com;Zoë\n".encode("utf-8-sig"), "utf-8-sig", (1, 0, 0, 0)),
    "utf16.txt": ("email\tname\na@example.com\tZoë\n".encode("utf-16"), "utf-16", (1, 0, 0, 0)),
    "japanese.csv": (
        "メール,名前,会社\ntaro@example.com,山田太郎,株式会社山田製作所\nhanako@example.com,鈴木花子,有限会社鈴木商店\n".encode(
            "shift_jis"
        ),
        "cp932",
        (2, 0, 0, 0),
    ),
    "lines_in_quotes.csv": (b'email,notes\na@example.com,"one\r\ntwo, ""three"""\nbad,x\n', "utf-8", (1, 0, 0, 1)),
    "widths.csv": (b"email,name\na@example.com,A\nb@example.com\nc@example.com,C,?\n", "utf-8", (1, 0, 0, 2)),
    "twice.csv": (b"email,name\na@example.com,A\nA@EXAMPLE.com,A\na@example.com,\n", "utf-8", (1, 0, 2, 0)),
    "nul_late.csv": (
        b"email,linkedin\n" + b"a@example.com,\n" * 20_000 + b"z@example.com,https://linkedin.com/in/a\x00b\n",
        "utf-8",
        (2, 0, 19_999, 0),
    ),
    "no_such_day.csv": (
        b"email,last contact\na@example.com,0001-01-01T00:00:00+14:00\nb@example.com,9999-12-31T23:59:59-14:00\n",
        "utf-8",
        (2, 0, 0, 0),
    ),
    "nested.jsonl": (b'{"email": "a@example.com", "x": {"y": [1, null]}}\nnot json\n[]\n', "utf-8", (1, 0, 0, 2)),
    "no_characters.jsonl": (
        b'{"email": "a@example.com", "linkedin": "https://linkedin.com/in/a\\u0000b\\ud800c"}\n'
        b'{"email": "\\ud800"}\n{"email": "\\u0000"}\n',
        "utf-8",
        (1, 0, 0, 2),
    ),
    "a_wide_line.jsonl": (
        b'{"email": "a@example.com"}\n' + json.dumps({f"c{n}": n for n in range(10_000)}).encode(),
        "utf-8",
        (1, 0, 0, 1),
    ),
    "table.xlsx": (excel(), "xlsx", (2, 0, 0, 0)),
    "wrong_size.xlsx": (
        in_part("sheet1", lambda part: part.replace(b'<dimension ref="A1:C3"', b'<dimension ref="A1"')),
        "xlsx",
        (2, 0, 0, 0),
    ),
    "no_styles.xlsx": (
        in_part(
            "styles.xml", lambda _: b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
        ),
        "xlsx",
        (2, 0, 0, 0),
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_an_awkward_file_is_taken_with_every_row_accounted_for(store: Store, tmp_path: Path, name: str) -> None:
    content, encoding, expected = TAKEN[name]
    report = import_bytes(store, tmp_path, name, content)
    assert (report.encoding, counts(report), report.rows) == (encoding, expected, sum(expected))
    created, merged, unchanged, rejected = expected
    again = import_bytes(store, tmp_path, name, content)
    assert counts(again) == (0, 0, created + merged + unchanged, rejected)


REFUSED: dict[str, tuple[bytes, str]] = {
    "ten_thousand_columns.csv": (b"email" + b",x" * 9_999 + b"\n", "has 10000 columns, more than the 500 allowed"),
    "ten_thousand_fields.jsonl": (json.dumps({f"c{n}": n for n in range(10_000)}).encode(), "of 1 to 500 fields"),
    "nul.csv": (b"email\na\x00@example.com\n", "is not text"),
    "no_objects.jsonl": (b"[1]\n2\n", "holds no JSON objects"),
    "half_a_sheet.xlsx": (in_part("sheet1", lambda part: part[: len(part) // 2]), "cannot be read as an Excel file"),
    "no_number.xlsx": (
        in_part("sheet1", lambda part: part.replace(b"442079460958", b"4x")),
        "cannot be read as an Excel file",
    ),
    "no_book.xlsx": (in_part("workbook.xml", lambda _: b"<not"), "cannot be read as an Excel file"),
    "bomb.xlsx": (bomb("xl/worksheets/sheet1.xml", 1024 * 2**20), "unpacks to more than can be read"),
    "bomb_of_texts.xlsx": (bomb("xl/sharedStrings.xml", 100 * 2**20), "unpacks to more than can be read"),
    "letter.docx": (bomb("word/document.xml", 0), "cannot be read as an Excel file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hopeless_file_is_refused_in_one_sentence_and_leaves_nothing(
    sqlite_store: Store, tmp_path: Path, name: str
) -> None:
    content, why = REFUSED[name]
    with pytest.raises(UnreadableFile, match=why) as raised:
        import_bytes(sqlite_store, tmp_path, name, content)
    assert raised.value.message.startswith((name, "The file"))
    assert raised.value.message.endswith(".")
    assert "\n" not in raised.value.message
    with sqlite_store.read("default") as work:
        assert work.session.scalar(select(func.count()).select_from(Lead)) == 0


def test_excels_own_numbers_and_dates_are_understood(store: Store, tmp_path: Path) -> None:
    report = import_bytes(store, tmp_path, "table.xlsx", excel(), default_country="GB")
    assert report.warnings == []
    with store.read("default") as work:
        leads = work.session.scalars(select(Lead).order_by(Lead.email)).all()
        assert [(lead.phone, lead.last_contact_at) for lead in leads] == [
            ("+442079460958", datetime(2024, 5, 1, tzinfo=UTC)),
            (None, datetime(2024, 5, 2, tzinfo=UTC)),
        ]


def test_a_refusal_holds_against_a_consent_of_the_same_moment(store: Store, take: Import) -> None:
    """The clock stands still: only the rows' order says which came first."""
    rows = "".join(f"p{n}@example.com,email\np{n}@example.com,none\n" for n in range(20))
    assert counts(take("email,consent\n" + rows)) == (20, 20, 0, 0)
    with store.read("default") as work:
        known = facts.load(work, work.session.scalars(select(Lead)).all())
        assert [fact.consent for fact in known.values()] == [dict.fromkeys(Channel, False)] * 20
    assert counts(take("email,consent\n" + rows)) == (0, 0, 40, 0)


def test_a_number_and_a_named_segment_of_another_workspace_are_not_found(
    store: Store, take: Import, other: str
) -> None:
    take("phone\n+442079460958\n")
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        assert segments.preview_named(work, "all").count == 1
    with store.begin(other, actor="test") as work:
        assert service.find_by_address(work, Channel.SMS, "+442079460958") is None
        with pytest.raises(NotFound, match="the segments are: none yet"):
            segments.preview_named(work, "all")
        assert segments.save(work, "all", LeadFilter()).count == 0
    with store.read("default") as work:
        assert [view.count for view in segments.list_(work)] == [1]


cells = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(
        ["a@example.com", "A@example.com", "b@example.org", "+442079460958", "020 7946 0958", "none", "5/6/2024"]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.lists(cells, min_size=1, max_size=6), min_size=1, max_size=15))
def test_every_row_is_created_merged_unchanged_or_rejected(sqlite_store: Store, rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    header = ["email", "phone", "consent", "last contact", "notes"]
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([header, ["first@example.com", "", "", "", ""], *rows])
    source = Source.from_text(written.getvalue().replace("\x00", ""), "leads.csv")
    # A dry run leaves nothing, so that every example meets an empty workspace.
    report = import_leads(sqlite_store, source, ImportOptions(dry_run=True), workspace="default", actor="test")
    filled = sum(any(cell.replace("\x00", "").strip() for cell in row) for row in rows)
    assert report.rows == filled + 1 == sum(counts(report))
