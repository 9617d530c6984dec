"""Who revives: the profile that the leads server learned from outcomes, and a segment of leads like them."""

from __future__ import annotations

from typing import Any, Protocol

from overture_crew.answers import Ideal
from overture_crew.audience import widest_filter, within
from overture_crew.client import McpSessions
from overture_crew.runs import Run, RunStore
from overture_crew.steps import LEADS, Steps, Teller, counted


class Analyst(Protocol):
    """The agent that reads the profile."""

    def ideal(self, profile: dict[str, Any]) -> Ideal:
        """Say which leads are like those who revived."""
        ...


class Profiling(Steps):
    """Learns the profile and saves the segment."""

    def __init__(self, sessions: McpSessions, run: Run, store: RunStore, teller: Teller, analyst: Analyst) -> None:
        super().__init__(sessions, run, store, teller)
        self._analyst = analyst

    def learn(self) -> None:
        """Have the server learn from what became of those who were written to."""
        if self.done("learn"):
            return
        with self.step("learn", "Learning from what became of those who were written to") as closing:
            found = self.call(LEADS, "leads_score", {"profile": True, "best": 0})
            self.report.profile = {"text": found["profile"], "values": found["learned"]}
            closing.append(found["profile"])

    def profile(self) -> None:
        """Have the analyst turn the profile into a filter, and save it as a segment."""
        if self.done("profile"):
            return
        profile = self.report.profile or {}
        name = f"{self.brief.slug}-ideal"
        with self.step("profile", "Looking for leads like those who revived", agent="Outcome analyst") as closing:
            ideal = self._analyst.ideal(profile)
            self.report.reasons["Outcome analyst"] = ideal.reason
            if ideal.where is None:
                closing.append("no segment: too little is known")
                self.end("finished", "Run more campaigns, then `overture score --refresh`, then this crew with --new.")
                return
            # Read alone first: in parentheses only what is a whole filter stays one.
            self.call(LEADS, "leads_preview_segment", {"where": ideal.where})
            where = within(ideal.where, widest_filter(self.brief))
            self.report.segment = self.call(LEADS, "leads_save_segment", {"name": name, "where": where})
            closing.append(f"{counted(self.report.segment['count'], 'lead')} in the segment {name}")
        self.end(
            "finished", f"Look at the segment: overture search 'segment = \"{name}\"'; write to it by another crew."
        )
