"""The order of a campaign, as a CrewAI flow. Imports CrewAI: import this module only after `engine.prepare`.

segment > write > save > review > plan > launch > follow > replies. A review, a limit or a missing
approval ends the run early; a run that finds its plan still open begins with the launch.
The steps themselves are in `journey`, the agents in `agents`.
"""

from __future__ import annotations

from typing import Literal

from crewai.flow.flow import Flow, listen, or_, router, start
from crewai_core.printer import set_suppress_console_output
from pydantic import BaseModel, PrivateAttr

from overture_crew.agents import STRATEGIST_TOOLS, Team
from overture_crew.brains import Brain
from overture_crew.brief import Brief
from overture_crew.client import McpSessions
from overture_crew.engine import quiet
from overture_crew.journey import LEADS, Journey
from overture_crew.report import Template
from overture_crew.rules import Drafts, Proposal, Verdict
from overture_crew.tools import OnError, tools_for


class CrewAdvisers:
    """The agents with the tools that each may use."""

    def __init__(self, sessions: McpSessions, brain: Brain, brief: Brief, on_error: OnError) -> None:
        self._sessions = sessions
        self._team = Team(brain, brief)
        self._on_error = on_error

    def propose(self) -> Proposal:
        """Have the strategist look at counts and propose a segment."""
        return self._team.propose(tools_for(self._sessions, LEADS, STRATEGIST_TOOLS, self._on_error))

    def write(self) -> Drafts:
        """Have the copywriter draft the messages."""
        return self._team.write()

    def review(self, templates: list[Template]) -> Verdict:
        """Have the reviewer look for reasons to reject."""
        return self._team.review(templates)


class Nothing(BaseModel):
    """The flow's own state: none, as the journey's report holds everything."""


class CampaignFlow(Flow[Nothing]):
    """Takes a journey's steps in order."""

    # CrewAI's own switch for flows without a memory; a memory loads a vector database (2 to 4 s).
    _skip_auto_memory: bool = PrivateAttr(default=True)
    _journey: Journey = PrivateAttr()

    @start()
    def begin(self) -> None:
        """Start; a start cannot branch by itself."""

    @router(begin)
    def take_up(self) -> Literal["resumed", "fresh"]:
        """Go straight to the launch with a plan that an earlier run left open."""
        return "resumed" if self._journey.resume() else "fresh"

    @listen("fresh")
    def segment(self) -> None:
        """Find and save whom to write to."""
        self._journey.segment()

    @listen(segment)
    def write(self) -> None:
        """Draft the messages."""
        self._journey.write()

    @listen(write)
    def save(self) -> None:
        """Save and preview the drafts."""
        self._journey.save()

    @router(save)
    def review(self) -> Literal["reviewed", "stopped"]:
        """Go on only with drafts that nobody rejects."""
        return "reviewed" if self._journey.review() else "stopped"

    @router("reviewed")
    def plan(self) -> Literal["planned", "stopped"]:
        """Go on only with a plan inside the brief's limits."""
        return "planned" if self._journey.plan() else "stopped"

    @router(or_("planned", "resumed"))
    def launch(self) -> Literal["launched", "stopped"]:
        """Go on only with an approved plan."""
        return "launched" if self._journey.launch() else "stopped"

    @listen("launched")
    def follow(self) -> None:
        """See the messages out."""
        self._journey.follow()

    @listen(follow)
    def replies(self) -> None:
        """See what came back."""
        self._journey.replies()


def run_flow(journey: Journey) -> None:
    """Run the steps of `journey` in the flow's order, without a word on the console.

    An exception of a step ends the run and comes out as it was raised.
    """
    set_suppress_console_output(True)
    try:
        with quiet():
            flow = CampaignFlow(suppress_flow_events=True, tracing=False)
            flow._journey = journey
            flow.kickoff()
    finally:
        set_suppress_console_output(False)
