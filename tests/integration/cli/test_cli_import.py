"""`overture import`: what it takes, and what it says of a file or an argument that it cannot take."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

BAD_INPUT = 2

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def refused(overture: Overture, *arguments: str) -> str:
    """Run a command that is refused in one line; return that line."""
    failed = overture("import", *arguments)
    assert (failed.returncode, failed.stdout) == (BAD_INPUT, "")
    [line] = failed.stderr.splitlines()
    return line


def test_a_guessed_encoding_is_said_and_can_be_named(overture: Overture, folder: Path) -> None:
    (folder / "polish.csv").write_bytes("email,name\na@example.com,Paweł\nb@example.com,Łukasz\n".encode("cp1250"))
    guessed = overture("import", "polish.csv", "--dry-run")
    assert "Note: The encoding was guessed: cp1250." in guessed.stdout
    assert "--encoding" in guessed.stdout
    named = overture("import", "polish.csv", "--dry-run", "--json", "--encoding", "latin2")
    assert (named.returncode, named.stderr) == (0, "")
    report = json.loads(named.stdout)
    assert (report["encoding"], report["created"]) == ("iso8859-2", 2)
    assert [warning for warning in report["warnings"] if "encoding" in warning] == []


def test_an_encoding_that_is_unknown_or_does_not_fit_is_refused(overture: Overture, folder: Path) -> None:
    (folder / "western.csv").write_bytes(b"email,name\na@example.com,Jos\xe9\n")
    assert refused(overture, "western.csv", "--encoding", "klingon") == (
        "overture: There is no encoding 'klingon'; give one such as utf-8, cp1252, cp1250, cp1251 or shift_jis."
    )
    assert refused(overture, "western.csv", "--encoding", "utf-8") == (
        "overture: western.csv is not in utf-8: byte 28 does not fit; give another encoding, or none to have it found."
    )


def test_a_file_in_a_folder_is_named_from_here_and_followed_through_a_link(overture: Overture, folder: Path) -> None:
    (folder / "lists").mkdir()
    (folder / "good.csv").rename(folder / "lists" / "good.csv")
    (folder / "link.csv").symlink_to("lists/good.csv")
    for name in ("lists/good.csv", "link.csv"):
        taken = overture("import", name, "--dry-run", "--json")
        assert (taken.returncode, json.loads(taken.stdout)["created"]) == (0, 2)


def test_a_path_that_goes_in_a_circle_is_refused(overture: Overture, folder: Path) -> None:
    (folder / "a.csv").symlink_to("b.csv")
    (folder / "b.csv").symlink_to("a.csv")
    for name in ("a.csv", "a.csv/leads.csv"):
        assert refused(overture, name) == f"overture: {name} is a link that leads back to itself; name the file."


def test_noise_is_refused_by_its_name(overture: Overture, folder: Path) -> None:
    (folder / "noise.csv").write_bytes(b"email,name\n" + bytes(range(256)) * 8)
    assert refused(overture, "noise.csv") == ("overture: noise.csv is not text; export it as CSV, XLSX or JSON Lines.")


def test_a_country_that_does_not_exist_is_refused(overture: Overture) -> None:
    for country in ("XX", "ZZ", "Narnia"):
        assert refused(overture, "good.csv", "--country", country) == (
            f"overture: --country takes a country's two letters, e.g. US; there is no country {country!r}."
        )
    assert overture("import", "good.csv", "--country", "uk", "--dry-run").returncode == 0


def test_a_header_that_nobody_can_map_is_refused_with_the_option_that_would(overture: Overture, folder: Path) -> None:
    (folder / "odd.csv").write_text("x,size\nblue,3\n", encoding="utf-8")
    assert refused(overture, "odd.csv") == (
        "overture: No column was recognised as e-mail or phone; the columns are: x, size. "
        'Say which one it is with a mapping such as --map "x=email".'
    )
    assert refused(overture, "odd.csv", "--map", "y=email").startswith("overture: The mapping names the column 'y'")


def test_a_file_of_which_no_row_can_be_taken_is_bad_input(overture: Overture, folder: Path) -> None:
    (folder / "quote.csv").write_text('email,name\n"a@example.com,x\n')
    none = overture("import", "quote.csv")
    assert none.returncode == BAD_INPUT
    assert "a quote opened here is never closed" in none.stdout
    assert "No row could be taken." in none.stdout
    (folder / "mixed.csv").write_text('email,name\n"a@example.com,x\nb@example.com,y\n')
    assert overture("import", "mixed.csv").returncode == 0
