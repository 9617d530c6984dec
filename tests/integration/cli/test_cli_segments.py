"""`overture search`, `overture segments`, and the examples of docs/segments.md."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from overture_core.errors import InvalidInput
from overture_core.segments.conditions import FIELDS, check

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
PAGE = Path(__file__).parents[3] / "docs" / "segments.md"
LEADS = """First Name,E-mail,Country,Company,Title,Last Contact,Consent
Ada,ada@a.example,US,Northwind,Chief Buyer,2024-01-01,email
Bo,bo@b.example,DE,Quill,Head of Sales,2026-10-01,
"""


@pytest.fixture
def listed(overture: Overture, tmp_path: Path) -> Overture:
    (tmp_path / "list.csv").write_text(LEADS)
    assert overture("import", str(tmp_path / "list.csv")).returncode == 0
    return overture


def test_the_pages_commands_do_what_it_says(listed: Overture) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    done = [listed(*shlex.split(line)[1:]) for line in block.splitlines()]
    assert [each.returncode for each in done] == [0] * 5, [each.stderr for each in done]
    assert "1 lead, 1 shown" in done[0].stdout
    assert "The segment Silent chiefs has 1 lead." in done[2].stdout
    segments = json.loads(listed("segments", "list", "--json").stdout)
    assert [(each["name"], each["count"], each["frozen_at"] is None) for each in segments] == [
        ("Silent chiefs", 1, True),
        ("This spring", 1, False),
    ]
    assert json.loads(listed("segments", "show", "This spring", "--json").stdout)["by_country"] == {"US": 1}


def test_the_page_names_every_field_and_its_error_is_true() -> None:
    text = PAGE.read_text()
    assert [field for field in FIELDS if f"`{field}" not in text] == []
    (error,) = re.findall(r"```text\n(.*?)\n```", text)
    with pytest.raises(InvalidInput) as caught:
        check("country = US or titel ~ chief")
    assert caught.value.message == error


def test_what_cannot_be_found_is_said(listed: Overture) -> None:
    done = listed("search", "--where", "country =")
    assert (done.returncode, done.stderr.startswith("overture: The filter cannot be read at its end")) == (2, True)
    assert "There is no segment 'x'" in listed("segments", "show", "x").stderr
    assert "cursor is not one of a search" in listed("search", "--cursor", "zzz").stderr
    page = json.loads(listed("search", "--limit", "1", "--json").stdout)
    rest = json.loads(listed("search", "--cursor", page["next_cursor"], "--json").stdout)
    assert [each["first_name"] for each in page["leads"] + rest["leads"]] == ["Ada", "Bo"]


def test_a_custom_field_that_no_lead_has_is_pointed_out(overture: Overture, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email,Size\nada@a.example,12\n")
    assert overture("import", str(tmp_path / "list.csv")).returncode == 0
    hint = "No lead has a custom field 'size'; did you mean custom.\"Size\"?"
    wanted = ("--where", "custom.size = 12")
    assert overture("search", *wanted).stdout.splitlines()[-1] == hint
    assert overture("segments", "save", "large", *wanted).stdout.splitlines() == [
        "The segment large has 0 leads.",
        hint,
    ]
    assert overture("segments", "show", "large").stdout.splitlines()[-1] == hint
    assert hint not in overture("search", "--where", "custom.Size = 13").stdout
