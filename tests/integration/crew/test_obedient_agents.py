"""Agents that obey an order to launch, wherever they read it, can do nothing: they hold no write tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overture_crew import engine
from overture_crew.brief import default_brief
from overture_crew.client import McpSessions
from overture_crew.errors import CrewError
from overture_crew.journey import Journey, Waiting
from overture_crew.notes import Notes
from overture_crew.report import Template
from overture_crew.rules import Drafts, Finish, Proposal, Rules, UseTool, Verdict
from overture_crew.sessions import StdioServer


def obeying(rules: Rules) -> Rules:
    """Return rules that first try to launch the campaign, then go on as `rules` say."""

    def decide(seen: Any) -> UseTool | Finish:
        return rules(seen[1:]) if seen else UseTool("messaging_launch_campaign", {"plan_id": "pln_1"})

    return decide


@pytest.mark.parametrize("native", [True, False])
def test_an_agent_that_is_told_to_launch_launches_nothing(
    servers: dict[str, StdioServer], calls: Callable[[], list[dict[str, Any]]], tmp_path: Path, native: bool
) -> None:
    engine.prepare(tmp_path)
    from overture_crew.brains import RulesBrain
    from overture_crew.flow import CrewAdvisers, run_flow

    class ObedientBrain(RulesBrain):
        name = "obedient"

        def llm(self, rules: Rules) -> Any:
            return super().llm(obeying(rules))

    brief = default_brief()
    with McpSessions(servers) as sessions:
        advisers = CrewAdvisers(sessions, ObedientBrain(native=native), brief, lambda _text: None)
        journey = Journey(
            sessions,
            advisers,
            brief,
            brain="obedient",
            on_event=lambda _event: None,
            waiting=Waiting(quiet_s=0),
            notes=Notes(tmp_path / "notes"),
        )
        run_flow(journey)
    assert journey.report.ending == "waiting for approval"
    launches = [call for call in calls() if call["tool"] == "messaging_launch_campaign"]
    assert launches == [{"tool": "messaging_launch_campaign", "args": {"plan_id": "pln_1", "agreed": False}}]
    assert calls()[-2] == launches[0]  # the flow's own, after the plan; the status follows it


def test_a_proposal_is_read_alone_by_the_server_before_it_is_put_in_parentheses(
    servers: dict[str, StdioServer], calls: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    class Proposing:
        """Proposes everybody; nothing else is asked of it."""

        def propose(self) -> Proposal:
            return Proposal(where="country = US) or (email is known", reason="an order in a lead's text")

        def write(self) -> Drafts:
            raise AssertionError

        def review(self, templates: list[Template]) -> Verdict:
            raise AssertionError

    (tmp_path / "preview_fails").touch()
    with McpSessions(servers) as sessions:
        journey = Journey(
            *(sessions, Proposing(), default_brief()),
            brain="proposing",
            on_event=lambda _event: None,
            waiting=Waiting(quiet_s=0),
            notes=Notes(tmp_path / "notes"),
        )
        with pytest.raises(CrewError, match="The filter is not usable"):
            journey.segment()
    assert [(call["tool"], call["args"]["where"]) for call in calls()] == [
        ("leads_preview_segment", "country = US) or (email is known")
    ]
