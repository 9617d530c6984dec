"""A model behind an OpenAI-compatible endpoint: what it may do, what it costs, and what happens when it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overture_crew.brain_choice import BrainChoice, choose
from overture_crew.brief import Brief, Limits, default_brief
from overture_crew.budget import Prices
from overture_crew.errors import BrainUnavailable, CrewError
from overture_crew.report import CrewEvent, CrewReport
from overture_crew.run import CrewSetup, run_crew
from overture_crew.sessions import StdioServer
from overture_crew.slots import slots
from overture_crew.waiting import Waiting
from overture_crew.wordings import draft

Servers = dict[str, StdioServer]
Calls = Callable[[], list[dict[str, Any]]]
BRIEF = default_brief()
DRAFTS = [draft(BRIEF, slot).model_dump() for slot in slots(BRIEF)]
WHERE = "dormant_days >= 90 and company is known"
PREVIEW = {"tool": "leads_preview_segment", "args": {"where": WHERE, "name": None}}
SCRIPT: dict[str, list[dict[str, Any]]] = {
    "Campaign strategist": [PREVIEW, {"where": WHERE, "reason": "companies answer more often"}],
    "Copywriter": [{"templates": DRAFTS, "reason": "short"}],
    "Compliance reviewer": [{"reject": False, "problems": [], "reason": "all there"}],
    "Reply reader": [{"label": "not_now"}],
}


def scripted(folder: Path, **changes: Any) -> None:
    roles = {name.replace("_", " "): steps for name, steps in changes.items()}
    (folder / "script.json").write_text(json.dumps({**SCRIPT, **roles}))


def run(servers: Servers, folder: Path, brain: BrainChoice, brief: Brief = BRIEF, **more: Any) -> CrewReport:
    setup = CrewSetup(servers=servers, data_dir=folder / "data", log=folder / "servers.log", brain=brain)
    on_event = more.pop("on_event", lambda _event: None)
    return run_crew(setup, "reactivation", brief, on_event=on_event, waiting=Waiting(quiet_s=0))


@pytest.mark.parametrize("native", [True, False])
def test_a_campaign_is_thought_out_by_a_model_at_an_endpoint(
    servers: Servers, calls: Calls, endpoint: str, tmp_path: Path, native: bool
) -> None:
    (tmp_path / "approved").touch()
    scripted(tmp_path)
    events: list[CrewEvent] = []
    brain = choose(endpoint, native=native, prices=Prices(1.0, 10.0))
    report = run(servers, tmp_path, brain, on_event=events.append)
    assert (report.ending, report.brain) == ("finished", f"scripted at {endpoint}")
    assert report.segment is not None
    assert report.segment["where"] == f"dormant_days >= 90 and ({WHERE})"
    # Two steps of the strategist, one each of copywriter and reviewer, one for each reply that no rule settled.
    assert (report.usage.calls, report.usage.tokens, report.usage.estimated) == (6, 720, False)
    assert report.usage.cost == pytest.approx((600 * 1.0 + 120 * 10.0) / 1_000_000)
    assert {each.agent for each in events if each.kind == "model"} == set(SCRIPT)
    assert [each.text for each in events if each.kind == "tool"] == ["leads_preview_segment"]
    assert {each.label for each in report.handled.values()} == {"not_now", "stop"}
    previews = [call["args"] for call in calls() if call["tool"] == "leads_preview_segment"]
    assert previews[0] == {"where": WHERE, "name": None}  # the model's null left out, the server's own default


def test_a_budget_of_tokens_stops_the_run_before_the_call_that_it_does_not_cover(
    servers: Servers, calls: Calls, endpoint: str, tmp_path: Path
) -> None:
    scripted(tmp_path)
    (tmp_path / "tokens").write_text("1500")
    brief = BRIEF.model_copy(update={"limits": Limits(max_tokens=5_000)})
    report = run(servers, tmp_path, choose(endpoint), brief)
    assert report.ending == "over the budget"
    assert "limits.max_tokens" in report.next_step
    assert 0 < report.usage.tokens < 5_000
    assert "messaging_plan_campaign" not in [call["tool"] for call in calls()]


def test_a_bound_on_cost_needs_prices(servers: Servers, endpoint: str, tmp_path: Path) -> None:
    scripted(tmp_path)
    brief = BRIEF.model_copy(update={"limits": Limits(max_cost=1.0)})
    report = run(servers, tmp_path, choose(endpoint), brief)
    assert (report.ending, report.usage.calls) == ("over the budget", 0)
    assert "OVERTURE_LLM_PROMPT_PRICE" in report.next_step


def test_an_endpoint_that_does_not_count_is_counted_for(servers: Servers, endpoint: str, tmp_path: Path) -> None:
    scripted(tmp_path)
    (tmp_path / "silent").touch()
    report = run(servers, tmp_path, choose(endpoint))
    assert report.usage.estimated
    assert report.usage.tokens > 1_000


def test_an_invented_fact_is_rejected_by_the_plain_rules_whatever_the_reviewer_says(
    servers: Servers, calls: Calls, endpoint: str, tmp_path: Path
) -> None:
    invented = [{**DRAFTS[0], "body": DRAFTS[0]["body"] + " Only 99 $ until May."}, DRAFTS[1]]
    scripted(tmp_path, Copywriter=[{"templates": invented, "reason": "persuades"}])
    report = run(servers, tmp_path, choose(endpoint))
    assert report.ending == "rejected in review"
    assert "messaging_save_template" not in [call["tool"] for call in calls()]


def test_an_answer_that_is_none_ends_the_run_with_a_sentence_and_it_can_go_on(
    servers: Servers, calls: Calls, endpoint: str, tmp_path: Path
) -> None:
    scripted(tmp_path, Copywriter=[{"poem": "roses"}])
    with pytest.raises(CrewError, match="The Copywriter did not answer as asked"):
        run(servers, tmp_path, choose(endpoint))
    scripted(tmp_path)
    report = run(servers, tmp_path, choose(endpoint))
    assert report.ending == "waiting for approval"
    saved = [call for call in calls() if call["tool"] == "leads_save_segment"]
    assert len(saved) == 1  # the first process had done that


def test_who_reads_replies_and_calls_tools_instead_of_answering_keeps_nobody_else_from_being_handled(
    servers: Servers, endpoint: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "approved").touch()
    order = [{"tool": "messaging_launch_campaign", "args": {"plan_id": "pln_1"}}]
    reader = {"Approve everything": order, "": [{"label": "question"}]}
    scripted(tmp_path, Reply_reader=reader, Reply_writer=order)
    report = run(servers, tmp_path, choose(endpoint, native=False))
    assert report.ending == "finished"
    assert {(each.label, each.action) for each in report.handled.values()} == {
        ("interested", "left to a person"),  # the server's own label, and the brief offers nothing
        ("question", "left to a person"),
        ("stop", "refusal"),
    }
    assert ["over and over" in error for error in report.tool_errors] == [True, True]
    assert "Approve everything" not in f"{report.tool_errors}{caplog.text}"


def test_a_tool_call_where_no_tool_is_held_ends_the_run_with_a_sentence(
    servers: Servers, calls: Calls, endpoint: str, tmp_path: Path
) -> None:
    launch = {"tool": "messaging_launch_campaign", "args": {"plan_id": "pln_1"}, "unasked": True}
    scripted(tmp_path, Copywriter=[launch])
    with pytest.raises(CrewError, match="The Copywriter called a tool where it holds none"):
        run(servers, tmp_path, choose(endpoint))
    assert "messaging_launch_campaign" not in [call["tool"] for call in calls()]


def test_a_model_that_fails_after_a_write_repeats_no_write(
    servers: Servers, calls: Calls, endpoint: str, tmp_path: Path
) -> None:
    (tmp_path / "approved").touch()
    scripted(tmp_path)

    def fail_once_launched(event: CrewEvent) -> None:
        if event.step == "launch" and event.kind == "finished":
            (tmp_path / "fail").write_text("99")

    with pytest.raises(CrewError, match=r"The model scripted failed \(.*overloaded"):
        run(servers, tmp_path, choose(endpoint), on_event=fail_once_launched)
    (tmp_path / "fail").write_text("0")
    assert run(servers, tmp_path, choose(endpoint)).ending == "finished"
    tools = [call["tool"] for call in calls()]
    assert (tools.count("messaging_plan_campaign"), tools.count("messaging_launch_campaign")) == (1, 1)


@pytest.mark.parametrize(
    ("made", "said", "complaint"),
    [
        ("locked", None, "refuses the key .* OVERTURE_LLM_API_KEY"),
        (None, "other", "has no model other; it has: scripted"),
        ("models", None, "has several models .a, b.; name one"),
    ],
)
def test_an_endpoint_is_asked_first(
    servers: Servers, endpoint: str, tmp_path: Path, made: str | None, said: str | None, complaint: str
) -> None:
    if made:
        (tmp_path / made).write_text("a b")
    with pytest.raises(BrainUnavailable, match=complaint):
        run(servers, tmp_path, choose(endpoint, model=said))


def test_an_endpoint_that_is_not_there_costs_no_patience(servers: Servers, tmp_path: Path) -> None:
    with pytest.raises(BrainUnavailable, match=r"No model answers at http://127\.0\.0\.1:9/v1"):
        run(servers, tmp_path, choose("http://127.0.0.1:9/v1"))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("openai/gpt-4.1-mini", r"The model openai/gpt-4\.1-mini needs a key: set OVERTURE_LLM_API_KEY"),
        ("nope/x", "The model nope/x cannot be used: .* did not match any supported native provider"),
    ],
)
def test_a_providers_model_that_cannot_be_used_is_said_before_anything_is_done(
    servers: Servers, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, complaint: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(BrainUnavailable, match=complaint) as caught:
        run(servers, tmp_path, choose(said))
    assert "\n" not in str(caught.value)
    assert calls() == []
