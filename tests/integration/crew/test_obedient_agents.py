"""Agents that obey an order to launch, wherever they read it, can do nothing: they hold no write tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overture_crew import engine
from overture_crew.answers import Drafts, Proposal, Verdict
from overture_crew.brief import default_brief
from overture_crew.campaign import Campaign
from overture_crew.client import McpSessions
from overture_crew.errors import CrewError
from overture_crew.report import Template
from overture_crew.rules import Finish, Rules, UseTool
from overture_crew.runs import RunStore
from overture_crew.sessions import StdioServer
from overture_crew.steps import Teller
from overture_crew.waiting import Waiting

Servers = dict[str, StdioServer]
Calls = Callable[[], list[dict[str, Any]]]


def campaign(sessions: McpSessions, folder: Path, advisers: Any) -> Campaign:
    """Return the steps of a new run."""
    store = RunStore(folder / "runs")
    run = store.begin("reactivation", default_brief(), "obedient")
    return Campaign(sessions, run, store, Teller(run, store, lambda _event: None), advisers, Waiting(quiet_s=0))


def obeying(rules: Rules) -> Rules:
    """Return rules that first try to launch the campaign, then go on as `rules` say."""

    def decide(seen: Any) -> UseTool | Finish:
        return rules(seen[1:]) if seen else UseTool("messaging_launch_campaign", {"plan_id": "pln_1"})

    return decide


@pytest.mark.parametrize("native", [True, False])
def test_an_agent_that_is_told_to_launch_launches_nothing(
    servers: Servers, calls: Calls, tmp_path: Path, native: bool
) -> None:
    engine.prepare(tmp_path)
    from overture_crew.agents import Team
    from overture_crew.brains import RulesBrain

    class ObedientBrain(RulesBrain):
        name = "obedient"

        def llm(self, role: Any, rules: Rules) -> Any:
            return super().llm(role, obeying(rules))

    with McpSessions(servers) as sessions:
        steps = campaign(sessions, tmp_path, None)
        brain = ObedientBrain(native=native)
        team = Team(sessions, brain, default_brief(), steps._teller, lambda _text: None)
        steps._advisers = team
        with engine.quiet():
            steps.segment()
            steps.write()
            steps.save_drafts()
            assert steps.review()
            assert steps.plan()
            assert not steps.launch()
    assert steps.report.ending == "waiting for approval"
    launches = [call for call in calls() if call["tool"] == "messaging_launch_campaign"]
    assert launches == [{"tool": "messaging_launch_campaign", "args": {"plan_id": "pln_1", "agreed": False}}]
    assert calls()[-2] == launches[0]  # the flow's own, after the plan; the status follows it


def test_a_proposal_is_read_alone_by_the_server_before_it_is_put_in_parentheses(
    servers: Servers, calls: Calls, tmp_path: Path
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
        steps = campaign(sessions, tmp_path, Proposing())
        with pytest.raises(CrewError, match="The filter is not usable"):
            steps.segment()
    assert [(call["tool"], call["args"]["where"]) for call in calls()] == [
        ("leads_preview_segment", "country = US) or (email is known")
    ]
