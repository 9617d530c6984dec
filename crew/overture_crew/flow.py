"""The order of each crew's steps, as CrewAI flows. Imports CrewAI: import this module only after `engine.prepare`.

A step that an earlier process of the run has done is passed by, so that a run begins where the last one stopped.
A review, a limit or a missing approval ends it early. The steps themselves are in `campaign`, `answering` and
`profiling`, the agents in `agents`.
"""

from __future__ import annotations

from typing import Any, Literal

from crewai.flow.flow import Flow, listen, router, start
from crewai_core.printer import set_suppress_console_output
from pydantic import BaseModel, PrivateAttr

from overture_crew.answering import Answering
from overture_crew.campaign import Campaign
from overture_crew.engine import quiet
from overture_crew.profiling import Profiling


class Nothing(BaseModel):
    """The flows' own state: none, as the run holds everything."""


class _CrewFlow(Flow[Nothing]):
    # CrewAI's own switch for flows without a memory; a memory loads a vector database (2 to 4 s).
    _skip_auto_memory: bool = PrivateAttr(default=True)


class CampaignFlow(_CrewFlow):
    """segment > write > save > review > plan > launch > follow > replies > answer."""

    _campaign: Campaign = PrivateAttr()
    _answering: Answering = PrivateAttr()

    @start()
    def take_up(self) -> None:
        """See whether the plan of an earlier process still stands."""
        self._campaign.take_up()

    @listen(take_up)
    def segment(self) -> None:
        """Find and save whom to write to."""
        self._campaign.segment()

    @listen(segment)
    def write(self) -> None:
        """Draft the messages."""
        self._campaign.write()

    @listen(write)
    def save(self) -> None:
        """Save and preview the drafts."""
        self._campaign.save_drafts()

    @router(save)
    def review(self) -> Literal["reviewed", "stopped"]:
        """Go on only with drafts that nobody rejects."""
        return "reviewed" if self._campaign.review() else "stopped"

    @router("reviewed")
    def plan(self) -> Literal["planned", "stopped"]:
        """Go on only with a plan inside the brief's limits."""
        return "planned" if self._campaign.plan() else "stopped"

    @router("planned")
    def launch(self) -> Literal["launched", "stopped"]:
        """Go on only with an approved plan."""
        return "launched" if self._campaign.launch() else "stopped"

    @listen("launched")
    def follow(self) -> None:
        """See the messages out."""
        self._campaign.follow()

    @listen(follow)
    def replies(self) -> None:
        """See what came back."""
        self._campaign.count_replies()

    @listen(replies)
    def answer(self) -> None:
        """Do what the brief says about each reply."""
        self._answering.handle()


class RepliesFlow(_CrewFlow):
    """answer."""

    _answering: Answering = PrivateAttr()

    @start()
    def answer(self) -> None:
        """Do what the brief says about each reply."""
        self._answering.handle()


class ProfileFlow(_CrewFlow):
    """learn > profile."""

    _profiling: Profiling = PrivateAttr()

    @start()
    def learn(self) -> None:
        """Learn from outcomes."""
        self._profiling.learn()

    @listen(learn)
    def profile(self) -> None:
        """Save a segment of leads like those who revived."""
        self._profiling.profile()


def run_flow(kind: type[_CrewFlow], **steps: Any) -> None:
    """Run a flow in its order, without a word on the console; `steps` are its private attributes.

    An exception of a step ends the run and comes out as it was raised.
    """
    set_suppress_console_output(True)
    try:
        with quiet():
            flow = kind(suppress_flow_events=True, tracing=False)
            for name, value in steps.items():
                setattr(flow, f"_{name}", value)
            flow.kickoff()
    finally:
        set_suppress_console_output(False)
