"""Files as the world makes them: each is taken with the counts it deserves, or refused in one sentence."""

from __future__ import annotations

import csv
import gzip
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


def excel(rows: list[list[object]]) -> bytes:
    """Return an Excel file of `rows`."""
    book, saved = Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(saved)
    book.close()
    return saved.getvalue()


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
    "nul_late.csv": (
        b"email,linkedin\n" + b"a@example.com,\n" * 20_000 + b"z@example.com,https://linkedin.com/in/a\x00b\n",
        "utf-8",
        (1, 0, 19_999, 1),
    ),
    "a_wide_line.jsonl": (
        b'{"email": "a@example.com"}\n' + json.dumps({f"c{n}": n for n in range(10_000)}).encode(),
        "utf-8",
        (1, 0, 0, 1),
    ),
    "a_wide_object.json": (
        b'[{"email": "a@example.com"},' + json.dumps({f"c{n}": n for n in range(10_000)}).encode() + b"]",
        "utf-8",
        (1, 0, 0, 1),
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
    "ten_thousand_columns.xlsx": (excel([[f"c{n}" for n in range(10_000)]]), "has 10000 columns, more than the 500"),
    "ten_thousand_fields.jsonl": (json.dumps({f"c{n}": n for n in range(10_000)}).encode(), "of 1 to 500 fields"),
    "many_keys.jsonl": (
        "\n".join(json.dumps({"email": "a@example.com", f"c{n}": n}) for n in range(500)).encode(),
        "objects of over 500 different keys",
    ),
    "bomb.xlsx": (bomb("xl/worksheets/sheet1.xml", 1024 * 2**20), "unpacks to more than can be read"),
    "bomb_of_a_cell.xlsx": (bomb("xl/worksheets/sheet1.xml", 16 * 2**20), "a sheet that unpacks to over 200 times"),
    "bomb_of_texts.xlsx": (bomb("xl/sharedStrings.xml", 100 * 2**20), "unpacks to more than can be read"),
    "bomb.csv.gz": (gzip.compress(b"email\n" + b"a@example.com\n" * 8_000_000, 6), "unpacks to more than can be read"),
    "letter.docx": (bomb("word/document.xml", 0), "is a zip archive, not an Excel file"),
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
    report = import_bytes(store, tmp_path, "table.xlsx", excel(TABLE), default_country="GB")
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
