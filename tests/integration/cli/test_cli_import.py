"""`overture import`: what it takes, and what it says of a file or an argument that it cannot take."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from overture_core.leads.mapping import CUSTOM, FIELDS, IGNORE

BAD_INPUT = 2
PAGE = Path(__file__).parents[3] / "docs" / "importing.md"
AWKWARD = Path(__file__).parents[2] / "data" / "awkward"

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


@pytest.mark.parametrize("name", ["mixed_encodings.csv", "packed.json.gz", "truncated.csv.gz"])
def test_the_command_line_says_the_same_of_an_awkward_file(overture: Overture, name: str) -> None:
    expected = json.loads((AWKWARD / "expected.json").read_text(encoding="utf-8"))[name]
    ran = overture("import", str(AWKWARD / name), "--dry-run", "--json")
    if "refused" in expected:
        assert (ran.returncode, ran.stdout) == (BAD_INPUT, "")
        assert json.loads(ran.stderr)["message"] == expected["refused"]
    else:
        report = json.loads(ran.stdout)
        shown = {key: report[key] for key in ("encoding", "delimiter", "mapping", "created", "merged", "unchanged")}
        assert (ran.returncode, shown) == (0, {key: expected[key] for key in shown})
        assert {str(each["line"]): each["reasons"] for each in report["reject_samples"]} == expected["rejected"]


def test_a_preview_shows_columns_with_reasons_and_values_and_stores_nothing(overture: Overture, folder: Path) -> None:
    (folder / "leads.csv").write_text("Courriel,Work Email,Seen\nada@example.com,a@work.example,3/4/2024\n" * 1)
    shown = overture("import", "leads.csv", "--preview")
    assert shown.returncode == 0
    assert [
        word
        for word in ("Dry run of leads.csv", "its name", "ada@example.com", "Only the beginning was looked at")
        if word not in shown.stdout
    ] == []
    report = json.loads(overture("import", "leads.csv", "--preview", "--json").stdout)
    assert report["columns"] == [
        {"column": "Courriel", "field": "email", "why": "its name", "sample": "ada@example.com"},
        {
            "column": "Work Email",
            "field": None,
            "why": "its name says email too, which 'Courriel' already is",
            "sample": "a@work.example",
        },
        {
            "column": "Seen",
            "field": None,
            "why": "dates: 1 of 1 look like it; map it to last_contact_at if that is what they tell",
            "sample": "3/4/2024",
        },
    ]


def test_the_pages_commands_do_what_it_says(overture: Overture, folder: Path) -> None:
    (folder / "leads.csv").write_text("Mejl,Ring,Junk\nada@example.com,020 7946 0958,x\n")
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    done = [overture(*shlex.split(line)[1:]) for line in block.splitlines()]
    assert [each.returncode for each in done] == [0] * 6, [each.stderr for each in done]
    assert "Only the beginning was looked at, 1 row; nothing was stored." in done[0].stdout
    assert "crm" in done[4].stdout
    assert done[5].stdout == "The mapping 'crm' is forgotten.\n"


def test_the_page_names_every_field() -> None:
    text = PAGE.read_text()
    assert [field for field in (*FIELDS, CUSTOM, IGNORE) if f"`{field}`" not in text] == []


def test_the_tables_have_no_empty_column_and_of_a_long_row_its_beginning(overture: Overture, folder: Path) -> None:
    (folder / "long.csv").write_text(f"email,name\na@example.com,Ada\nnobody,{'x' * 5_000}\n")
    dry, real = overture("import", "long.csv", "--dry-run").stdout, overture("import", "long.csv").stdout
    assert ("first value" in dry, "first value" in real) == (True, False)
    (folder / "shut.csv").write_text(f"email,note\na@example.com,\n{'y' * 5_000},\n")
    listed = overture("suppressions", "import", "shut.csv").stdout
    assert (real.count("x") < 400, 200 < listed.count("y") < 500) == (True, True)


def test_the_report_says_which_rows_refuse_and_what_was_not_understood(overture: Overture, folder: Path) -> None:
    rows = ("a@example.com,yes,no", "b@example.com,,maybe", "broken,,no")
    (folder / "said.csv").write_text("\n".join(("email,email_opt_in,consent", *rows, "")), encoding="utf-8")
    taken = overture("import", "said.csv")
    assert taken.returncode == 0
    assert "1 row that grant and refuse the same channel (line 2): the refusal was taken" in taken.stdout
    assert "1 consent value not understood, or not wholly, in 'consent' (1), such as 'maybe' in line 3" in taken.stdout
    rejected = overture("import", "said.csv", "--json").stdout
    assert "it refuses to be written to, and no lead was found by it" in rejected
    shown = overture("consent", "list", "a@example.com").stdout
    assert ("email" in shown, "granted" in shown) == (True, False)
