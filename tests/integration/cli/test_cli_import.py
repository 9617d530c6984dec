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
