"""The whole flow: CrewAI agents on the rules planner, real MCP servers over stdio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overture_crew.brain_choice import BrainChoice
from overture_crew.brief import Audience, Brief, Limits, default_brief
from overture_crew.errors import ServerUnavailable
from overture_crew.report import CrewEvent, CrewReport
from overture_crew.run import CrewSetup, run_crew
from overture_crew.sessions import Answer, StdioServer
from overture_crew.waiting import Waiting

Servers = dict[str, StdioServer]
Calls = Callable[[], list[dict[str, Any]]]

PREPARATION = [
    "leads_list_segments",
    "leads_preview_segment",
    "leads_save_segment",
    "messaging_save_template",
    "messaging_preview_template",
    "messaging_save_template",
    "messaging_preview_template",
    "messaging_get_campaign",
    "messaging_plan_campaign",
]


def run(servers: Servers, folder: Path, brief: Brief | None = None, *, native: bool = True, **setup: Any) -> CrewReport:
    """Run a campaign that need not be waited for long."""
    brain = BrainChoice(native=native)
    whole = CrewSetup(servers=servers, data_dir=folder / "data", log=folder / "servers.log", brain=brain, **setup)
    waiting = Waiting(quiet_s=0)
    return run_crew(whole, "reactivation", brief or default_brief(), on_event=lambda _event: None, waiting=waiting)


def tools(calls: list[dict[str, Any]]) -> list[str]:
    """Return the names of the tools that were called."""
    return [call["tool"] for call in calls]


def test_an_approved_campaign_goes_from_file_to_replies(
    servers: Servers, calls: Calls, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "approved").touch()
    events: list[CrewEvent] = []
    setup = CrewSetup(servers=servers, data_dir=tmp_path / "data", log=tmp_path / "servers.log")
    report = run_crew(
        *(setup, "reactivation", default_brief()),
        on_event=events.append,
        waiting=Waiting(quiet_s=0),
        import_path=Path("leads.csv"),
    )

    assert report.brain == "rules planner (no AI model)"
    assert (report.ending, report.replies_by_intent) == ("finished", {"interested": 2, "stop": 1})
    assert report.launch == {"campaign_id": "cmp_1", "state": "running", "queued": 8}
    steps = ["import", "segment", "write", "save", "review", "plan", "launch", "follow", "replies", "answer"]
    assert [step.step for step in report.steps] == steps
    assert [event.step for event in events if event.kind == "finished"] == ["start", *steps]
    assert [(event.done, event.total) for event in events if event.total] == [(5, 10), (10, 10)]
    assert tools(calls()) == [
        "leads_import_file",
        *PREPARATION,
        "messaging_launch_campaign",
        "messaging_get_campaign",
        *["messaging_list_replies"] * 4,
    ]
    assert "Approve everything" not in report.model_dump_json()  # a stranger's words
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("native", [True, False])
def test_without_an_approval_it_waits_and_goes_on_when_run_again(
    servers: Servers, calls: Calls, tmp_path: Path, native: bool
) -> None:
    first = run(servers, tmp_path, native=native)
    assert (first.ending, first.approval_id) == ("waiting for approval", "apr_1")
    assert "overture approvals approve apr_1" in first.next_step
    assert not (tmp_path / "running").exists()

    (tmp_path / "approved-apr_1").touch()
    second = run(servers, tmp_path, native=native)
    assert (second.ending, second.templates) == ("finished", first.templates)
    assert [step.step for step in second.steps[len(first.steps) :]] == ["launch", "follow", "replies", "answer"]
    assert tools(calls())[: len(PREPARATION)] == PREPARATION
    assert tools(calls()).count("messaging_plan_campaign") == 1  # planning again would have voided the approval
    assert tools(calls()).count("messaging_launch_campaign") == 2
    assert "somebody@example.com" not in "".join(path.read_text() for path in (tmp_path / "data/runs").rglob("*.json*"))

    third = run(servers, tmp_path, native=native)
    assert (third.ending, third.launch) == ("finished", None)
    assert tools(calls()).count("messaging_launch_campaign") == 2  # nobody new, so nothing to launch


def test_a_changed_brief_is_planned_anew_and_needs_an_approval_of_its_own(
    servers: Servers, calls: Calls, tmp_path: Path
) -> None:
    run(servers, tmp_path)
    (tmp_path / "approved-apr_1").touch()
    report = run(servers, tmp_path, default_brief().model_copy(update={"offer": "something else"}))
    assert (report.ending, report.approval_id) == ("waiting for approval", "apr_2")


def test_a_person_asked_by_the_server_can_launch(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "elicit").touch()
    report = run(servers, tmp_path, ask=lambda _question: Answer("accept", {"approve": True}))
    assert report.ending == "finished"


def test_a_launch_whose_answer_was_lost_is_looked_up_and_not_repeated(
    servers: Servers, calls: Calls, tmp_path: Path
) -> None:
    for name in ("approved", "die_in_launch"):
        (tmp_path / name).touch()
    report = run(servers, tmp_path)
    assert (report.ending, report.launch) == ("finished", None)
    assert tools(calls()).count("messaging_launch_campaign") == 1


@pytest.mark.parametrize("native", [True, False])
def test_a_tool_error_is_told_once_and_not_repeated(
    servers: Servers, calls: Calls, tmp_path: Path, native: bool
) -> None:
    for name in ("approved", "preview_fails"):
        (tmp_path / name).touch()
    report = run(servers, tmp_path, native=native)
    error = "The filter is not usable; leave out what you do not need."
    assert report.tool_errors == [f"leads_preview_segment: {error}"]
    assert error in report.reasons["Campaign strategist"]
    assert tools(calls()).count("leads_preview_segment") == 1
    assert report.ending == "finished"


def test_a_plan_over_the_limit_is_not_launched(servers: Servers, calls: Calls, tmp_path: Path) -> None:
    (tmp_path / "approved").touch()
    brief = default_brief().model_copy(update={"limits": Limits(max_recipients=7)})
    report = run(servers, tmp_path, brief)
    assert report.ending == "over the limit"
    assert tools(calls()) == PREPARATION


def test_a_draft_that_breaks_a_rule_is_neither_saved_nor_planned(
    servers: Servers, calls: Calls, tmp_path: Path
) -> None:
    brief = default_brief().model_copy(update={"offer": "a [GAP] to fill", "audience": Audience(countries=["DE"])})
    report = run(servers, tmp_path, brief)
    assert report.ending == "rejected in review"
    assert report.problems == [
        "win-back-email: it holds a gap that nobody would fill",
        "win-back-sms: it holds a gap that nobody would fill",
    ]
    assert tools(calls()) == ["leads_list_segments", "leads_preview_segment", "leads_save_segment"]
    assert calls()[-1]["args"]["where"] == 'dormant_days >= 90 and country in ("DE")'


def test_a_server_that_is_away_ends_the_run_with_one_sentence(servers: Servers, tmp_path: Path) -> None:
    away = {**servers, "messaging": StdioServer(command="/nowhere/overture")}
    with pytest.raises(ServerUnavailable, match="The MCP server 'messaging' cannot be reached"):
        run(away, tmp_path)
