"""`overture score` and `overture signals`: the examples of docs/scoring.md do what it says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from overture_core.scoring.roles import WORTHS
from overture_core.scoring.signals import STRENGTHS
from overture_core.scoring.weights import DEFAULTS, read

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
PAGE = (Path(__file__).parents[3] / "docs" / "scoring.md").read_text(encoding="utf-8")
LEADS = """First Name,E-mail,Country,Company,Title,Last Contact
Ada,ada@a.example,US,Northwind,Chief Buyer,2026-03-01
Bo,bo@b.example,DE,,,2020-10-01
"""


@pytest.fixture
def listed(overture: Overture, folder: Path) -> Overture:
    (folder / "list.csv").write_text(LEADS)
    (signals,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (folder / "signals.csv").write_text(signals)
    assert overture("import", "list.csv").returncode == 0
    return overture


def test_the_pages_commands_do_what_it_says(listed: Overture) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    done = [listed(*shlex.split(line)[1:]) for line in block.splitlines()]
    assert [each.returncode for each in done] == [0] * 9, [each.stderr for each in done]
    (too_little,) = re.findall(r"```text\n(.*?)\n```", PAGE)
    assert "changed job" in done[2].stdout
    assert too_little in done[4].stdout
    assert "1 lead, 1 shown" in done[5].stdout
    assert too_little in done[8].stdout
    found = json.loads(listed("score", "ada@a.example", "--json").stdout)
    assert [each["part"] for each in found["parts"]] == list(DEFAULTS)


def test_the_page_has_the_weights_the_kinds_and_the_settings_example() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert {part: int(weight) for part, weight in rows.items()} == DEFAULTS
    (example,) = re.findall(r"OVERTURE_SCORE_WEIGHTS='(.*?)'", PAGE)
    assert sum(read(json.loads(example)).values()) == 105
    for kind, strength in STRENGTHS.items():
        assert re.search(rf"`{kind}`[^,;]* {strength // 10}\b", PAGE), kind
    assert all(f" {worth // 10}" in PAGE for worth in WORTHS.values())


def test_what_does_not_fit_is_said(listed: Overture) -> None:
    refused = {
        ("score", "ada@a.example", "--refresh"): "not several of them",
        ("score", "--where", "score >= 60"): "no scores are kept yet",
        ("signals", "add", "ada@a.example", "hiring", "--at", "soon"): "'soon' is no date",
    }
    for command, said in refused.items():
        done = listed(*command)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    wrong = listed("score", score_weights='{"luck": 1}')
    assert (wrong.returncode, "OVERTURE_SCORE_WEIGHTS: there is no part 'luck'" in wrong.stderr) == (2, True)
