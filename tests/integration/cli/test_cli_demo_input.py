"""What a person can get wrong with the demo's folder and file: one sentence, exit code 2, nothing started."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def assert_refused(overture: Overture, *arguments: str, says: str) -> None:
    for_people = overture("demo", *arguments)
    assert (for_people.returncode, for_people.stdout) == (2, "")
    [sentence] = for_people.stderr.splitlines()
    assert sentence.startswith("overture: ")
    assert says in sentence
    for_programs = overture("demo", "--json", *arguments)
    assert (for_programs.returncode, for_programs.stdout) == (2, "")
    assert says in json.loads(for_programs.stderr)["message"]


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"{",
        b"[]",
        b'{"clock_offset_s": "soon"}',
        b'{"clock_offset_s": 1e300}',
        b'{"clock_offset_s": NaN}',
        b"\xff",
    ],
)
def test_a_damaged_note_of_the_demo_is_refused_and_kept(kept: bytes, overture: Overture, folder: Path) -> None:
    (folder / "place").mkdir()
    (folder / "place" / "demo.json").write_bytes(kept)
    assert_refused(overture, "--folder", "place", says="demo.json is damaged; remove the demo's folder")
    assert (folder / "place" / "demo.json").read_bytes() == kept


def test_a_file_where_the_demos_folder_should_be_is_refused(overture: Overture, folder: Path) -> None:
    assert_refused(overture, "--folder", "good.csv", says="good.csv is not a folder")
    assert_refused(overture, "--folder", "good.csv/deeper", says="is not a folder, or lies in a file")
    (folder / "loop").symlink_to("loop")
    assert_refused(overture, "--folder", "loop/deeper", says="The demo cannot keep its data in loop/deeper")


def test_leads_behind_a_loop_of_links_are_refused(overture: Overture, folder: Path) -> None:
    (folder / "one.csv").symlink_to("two.csv")
    (folder / "two.csv").symlink_to("one.csv")
    assert_refused(overture, "--leads", "one.csv", says="one.csv")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"foo,bar\n1,2\n", "the columns are: foo, bar. Rename the one that holds the addresses to email or phone"),
        (b"email,first_name\n", "leads.csv has a header and no rows; export it again."),
        (b"\n\n", "leads.csv has no header line"),
        (bytes(range(256)) * 20, "leads.csv is not text"),
    ],
    ids=["no address column", "no rows", "no header", "binary"],
)
def test_leads_that_cannot_be_imported_are_refused_before_anything_starts(
    content: bytes, says: str, overture: Overture, folder: Path
) -> None:
    (folder / "leads.csv").write_bytes(content)
    assert_refused(overture, "--leads", "leads.csv", says=says)


@pytest.mark.parametrize(
    ("rows", "says", "counts"),
    [
        ("ada@example.com,Ada,DE,\n", "Of 1 dormant lead all have to be left out (1 gave no consent", (1, 0)),
        (f"ada@example.com,Ada,US,{YESTERDAY}\n", "Of 1 lead none is dormant", (0, 0)),
        ("nobody,Ada,US,\n", "No row of the file became a lead", (0, 0)),
    ],
    ids=["no consent", "not dormant", "all rejected"],
)
def test_a_demo_that_can_write_to_nobody_says_why(
    rows: str, says: str, counts: tuple[int, int], overture: Overture, folder: Path
) -> None:
    (folder / "leads.csv").write_text(f"email,first_name,country,last contact\n{rows}", encoding="utf-8")
    done = overture("demo", "--json", "--leads", "leads.csv", "--folder", "place")
    assert (done.returncode, done.stderr) == (2, "")
    story = json.loads(done.stdout)
    assert story["ending"] == "nobody to write to"
    assert says in story["next_step"]
    assert (story["in_segment"], story["planned"]) == counts
