"""Where a file comes from: a path, a URI, bytes in base64; and gzip, whatever its name."""

from __future__ import annotations

import base64
import gzip
from contextlib import closing
from pathlib import Path

import pytest

from overture_core.errors import UnreadableFile
from overture_core.leads.reading import Row, Source, open_table
from overture_core.leads.sources import MAX_INLINE

TEXT = b"email\na@example.com\n"
PACKED, PACKED_LARGE = (gzip.compress(TEXT * times, mtime=0) for times in (1, 1_000))
ROWS = [Row(2, "a@example.com", {"email": "a@example.com"})]


def rows(source: Source) -> list[Row]:
    with closing(open_table(source)) as table:
        return list(table.rows)


def test_a_file_is_taken_by_its_uri_inside_the_roots_only(tmp_path: Path) -> None:
    inside = tmp_path / "in side"
    inside.mkdir()
    for place in (inside / "leads ü.csv", tmp_path / "outside.csv"):
        place.write_bytes(TEXT)
    (inside / "link.csv").symlink_to(tmp_path / "outside.csv")
    (inside / "folder").symlink_to(tmp_path)
    assert rows(Source.from_path((inside / "leads ü.csv").as_uri(), [inside])) == ROWS
    for outside in (tmp_path / "outside.csv", inside / "link.csv", inside / "folder" / "outside.csv"):
        for named in (str(outside), outside.as_uri(), f"file://localhost{outside}"):
            with pytest.raises(UnreadableFile, match="is outside the folders"):
                Source.from_path(named, [inside])
    for foreign in ("file://server/share/leads.csv", "file:leads.csv"):
        with pytest.raises(UnreadableFile, match="names no file of this machine"):
            Source.from_path(foreign, [inside])


@pytest.mark.parametrize("content", [TEXT, PACKED, gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0)])
def test_bytes_are_taken_in_base64_packed_or_not(content: bytes) -> None:
    source = Source.from_base64(base64.b64encode(content).decode(), "blob")
    assert (rows(source), source.size()) == (ROWS, len(content))


@pytest.mark.parametrize(("blob", "why"), [("not base64!", "is not base64"), ("", "The blob is empty")])
def test_what_is_no_base64_is_refused(blob: str, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        Source.from_base64(blob, "blob")


def test_inline_content_has_a_bound() -> None:
    text = "x" * (MAX_INLINE + 1)
    for take, given in ((Source.from_text, text), (Source.from_base64, base64.b64encode(text.encode()).decode())):
        with pytest.raises(UnreadableFile, match="The content has more than 64 MB; give a path instead"):
            take(given, "leads.csv")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PACKED_LARGE[:-4], "leads.csv breaks off before its end, so nothing of it was taken"),
        (PACKED_LARGE[:30], "leads.csv breaks off before its end"),
        (b"\x1f\x8b\x00\x00 no gzip at all", "leads.csv is a damaged gzip file"),
        (PACKED + b"tail", "leads.csv is a damaged gzip file"),
    ],
)
def test_a_gzip_file_that_is_not_whole_is_refused_before_its_rows(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "leads.csv").write_bytes(content)
    with pytest.raises(UnreadableFile) as raised:
        open_table(Source.from_path("leads.csv", [tmp_path]))
    assert raised.value.message.startswith(why)
