"""`overture crew`, as docs/crew.md shows it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from overture_cli.crew.briefing import EXAMPLE
from overture_crew.brief import parse_brief
from overture_crew.crews import CREWS
from tests.integration.crew.conftest import endpoint as endpoint
from tests.integration.crew.test_model_brain import scripted
from tests.pages import blocks
from tests.pages import commands as shell_commands

PAGE = (Path(__file__).parents[3] / "docs" / "crew.md").read_text(encoding="utf-8")
Overture = Callable[..., "subprocess.CompletedProcess[str]"]
LEADS = "email,first_name,country,last_contact\nada@example.com,Ada,US,2024-01-05\nbob@example.com,Bob,US,2024-01-05\n"


def commands(number: int) -> list[list[str]]:
    """Return the words of a block of commands on the page, without the redirection of a shell."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [shlex.split(line.partition(" > ")[0])[1:] for line in blocks[number].splitlines()]


def test_the_brief_of_the_page_and_the_example_are_briefs() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for text in (shown, EXAMPLE):
        brief = parse_brief(yaml.safe_load(text), "shown")
        CREWS["full-campaign"].check(brief)
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)[: len(CREWS)] == list(CREWS)


def test_the_readme_has_commands_of_the_page() -> None:
    (block,) = [each for each in blocks("README.md") if "crew run" in each.text]
    shown = [shlex.split(each.removeprefix("uv run ").partition(" > ")[0])[1:] for each in shell_commands(block)]
    assert shown == [words for words in commands(0) if words[0] == "crew"]


def test_a_run_waits_for_approval_and_goes_on(overture: Overture, folder: Path) -> None:
    (folder / "leads.csv").write_text(LEADS)
    listed, example = [overture(*words) for words in commands(0)[:2]]
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in CREWS)
    (folder / "brief.yaml").write_text(example.stdout.replace("a short call\n", "a short call.\n"))
    imported, run = [overture(*words) for words in commands(0)[2:]]
    assert (imported.returncode, run.returncode) == (0, 4), (imported.stderr, run.stderr)
    assert "waiting for approval. Decided by: rules planner (no AI model)." in run.stdout
    assert "Campaign strategist: tool: leads_preview_segment" in run.stderr
    approval = re.search(r"approvals approve (apr_\w+)", run.stdout)
    assert approval is not None
    assert overture("approvals", "approve", approval[1]).returncode == 0

    runs, show, resume = [overture(*words) for words in commands(1)]
    assert "full-campaign" in runs.stdout
    assert "book a short call. Offer: " in show.stdout
    assert "Hello {{ first_name" in show.stdout
    assert "@example.com" not in show.stdout
    assert (resume.returncode, "Going on with the run run_" in resume.stdout) == (0, True), resume.stderr
    assert "messages queued" in resume.stderr
    assert "SANDBOX: nobody outside was contacted." in resume.stdout
    (words,) = commands(3)
    handled = overture(*words)
    assert (handled.returncode, "Decided by: rules planner" in handled.stdout) == (0, True), handled.stderr


def test_events_and_the_report_are_json_lines(overture: Overture, folder: Path) -> None:
    (folder / "leads.csv").write_text(LEADS)
    asked = ("--campaign", "C", "--goal", "talk", "--offer", "news", "--sender", "Ann", "--channel", "email")
    done = overture("crew", "run", "reactivation", *asked, "--leads", "leads.csv", "--json")
    *events, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["event"]["step"] for each in events if each["event"]["kind"] == "finished"] == [
        *("start", "import", "segment", "write", "save", "review", "plan", "launch")
    ]
    assert (last["report"]["ending"], last["report"]["plan"]["recipients"], done.returncode) == (
        *("waiting for approval", 2),
        4,
    )


def test_a_run_against_a_local_endpoint(overture: Overture, folder: Path, endpoint: str, tmp_path: Path) -> None:
    scripted(tmp_path)
    (folder / "leads.csv").write_text(LEADS)
    (words,) = commands(2)
    words[words.index("--brain") + 1] = endpoint
    done = overture(*words, "--leads", "leads.csv")
    # The scripted copywriter writes for another brief: the plain rules say so.
    assert (done.returncode, f"Decided by: scripted at {endpoint}." in done.stdout) == (2, True), done.stderr
    assert "rejected in review" in done.stdout
    assert "Model: 4 calls, 480 tokens." in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("run", "nope"), "There is no crew 'nope'; the crews are: reactivation,"),
        (("run", "reactivation"), "Say what the crew is to do: --brief FILE"),
        (("run", "reactivation", "--brief", "away.yaml"), "cannot be read (No such file or directory)"),
        (("run", "reactivation", "--brief", "bad.yaml"), "bad.yaml is no YAML at line "),
        (("run", "reactivation", "--goal", "talk"), "that the options make is not usable: campaign: it is missing."),
        (("show", "run_x"), "There is no run 'run_x'; `overture crew runs` lists them."),
        (("run", "reactivation", "--brief", "good.yaml", "--brain", "gpt"), "'gpt' is no brain: use rules,"),
        (
            ("run", "reactivation", "--brief", "good.yaml", "--leads", "/etc/hostname"),
            "is outside the folders that may be",
        ),
        (("run", "reactivation", "--brief", "good.yaml", "--leads", "away.csv"), "away.csv"),
        (("run", "full-campaign", "--brief", "good.yaml"), "needs several channels or follow_ups"),
    ],
)
def test_bad_input_is_said_in_one_sentence(
    overture: Overture, folder: Path, words: tuple[str, ...], complaint: str
) -> None:
    (folder / "bad.yaml").write_text("campaign: x\ngoal: [1, ")
    (folder / "good.yaml").write_text("{campaign: c, goal: g, offer: o, sender_name: s, channels: [email]}")
    done = overture("crew", *words)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert complaint in done.stderr
    assert done.returncode in (2, 3)
