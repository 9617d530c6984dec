"""The steps of a campaign, in plain code. The flow fixes their order; every write is made here, by no agent.

Each step can be run again: segments and templates are saved by name, the same plan and the same launch
come back as they were, so that a second run with the same brief goes on where the first one stopped.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from overture_crew import compliance
from overture_crew.audience import widest_filter, within
from overture_crew.brief import Brief
from overture_crew.client import McpSessions
from overture_crew.errors import OutcomeUnknown, ServerUnavailable
from overture_crew.notes import Notes
from overture_crew.report import CrewEvent, CrewReport, Ending, Step, StepTiming, Template
from overture_crew.rules import Drafts, Proposal, Verdict

LEADS = "leads"
MESSAGING = "messaging"
_POLL_S = 0.4
_PAGE = 100
_SHOWN = 5  # leads whose renderings are checked before a plan checks them all

OnEvent = Callable[[CrewEvent], None]


class Advisers(Protocol):
    """The agents, as far as the steps know them."""

    def propose(self) -> Proposal:
        """Say whom to write to."""
        ...

    def write(self) -> Drafts:
        """Draft the messages."""
        ...

    def review(self, templates: list[Template]) -> Verdict:
        """Look for reasons to reject the drafts."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for a campaign: at most `deadline_s`; it counts as over once it is done and nothing has
    changed for `quiet_s`, which leaves time for replies."""

    deadline_s: float = 60.0
    quiet_s: float = 2.0


class Journey:
    """One run's steps and what they found out; `report` grows with them."""

    def __init__(
        self,
        sessions: McpSessions,
        advisers: Advisers,
        brief: Brief,
        *,
        brain: str,
        on_event: OnEvent,
        waiting: Waiting,
        notes: Notes,
    ) -> None:
        self._sessions = sessions
        self._advisers = advisers
        self._brief = brief
        self._on_event = on_event
        self._waiting = waiting
        self._notes = notes
        self._began = time.monotonic()
        self.report = CrewReport(
            brain=brain, campaign=brief.campaign, ending="not launched", next_step="Run the crew again."
        )

    def import_file(self, path: Path) -> None:
        """Import a file of leads through the leads server, which reads it from its own allowed folders."""
        with self._step("import", f"Importing {path.name}") as closing:
            args = {"path": str(path)}
            found = self._call(LEADS, "leads_import_file", args, step="import")
            self.report.imported = found
            closing.append(f"{_count(found['rows'], 'row')}: {found['created']} new, {found['rejected']} rejected")

    def resume(self) -> bool:
        """Take up the plan that an earlier run with the same brief left open; return whether there is one."""
        noted = self._notes.find(self._brief)
        if noted is None or noted.plan is None:
            return False
        outcome = self._sessions.call(MESSAGING, "messaging_get_campaign", {"campaign": self._brief.campaign})
        approval = outcome.structured.get("approval") or {}
        open_plan = outcome.structured.get("plan_id") if approval.get("state") in ("pending", "approved") else None
        if open_plan != noted.plan["plan_id"]:
            return False
        kept = {"brain": self.report.brain, "imported": self.report.imported, "steps": self.report.steps}
        self.report = noted.model_copy(update=kept)
        with self._step("plan", "Taking up the plan of the last run") as closing:
            closing.append(f"approval {approval['state']}")
        return True

    def segment(self) -> None:
        """Have the strategist propose whom to write to, keep that within the brief, and save it."""
        with self._step("segment", "The campaign strategist looks for whom to write to") as closing:
            proposal = self._advisers.propose()
            self.report.reasons["Campaign strategist"] = proposal.reason
            bounds = widest_filter(self._brief)
            bounded = within(proposal.where, bounds)
            if bounded != bounds:
                # Parentheses hold only what is a whole filter: the server reads the proposal alone first.
                self._call(LEADS, "leads_preview_segment", {"where": proposal.where})
            args = {"name": f"{self._brief.slug}-audience", "where": bounded}
            self.report.segment = self._call(LEADS, "leads_save_segment", args)
            closing.append(f"{_count(self.report.segment['count'], 'lead')} in the segment {args['name']}")

    def write(self) -> None:
        """Have the copywriter draft the messages."""
        with self._step("write", "The copywriter drafts the messages") as closing:
            drafts = self._advisers.write()
            self.report.reasons["Copywriter"] = drafts.reason
            # The names are the flow's, so that an agent cannot write over another campaign's template.
            self.report.templates = [
                draft.model_copy(update={"name": f"{self._brief.slug}-{draft.channel}"}) for draft in drafts.templates
            ]
            closing.append(f"drafts for {' and '.join(draft.channel for draft in drafts.templates)}")

    def save(self) -> None:
        """Save the templates and render them for a few leads. What a rendering finds goes to the review."""
        with self._step("save", "Saving the templates and previewing them") as closing:
            self.report.problems = compliance.problems(self.report.templates, self._brief)
            if self.report.problems:
                closing.append("not saved: the drafts break a rule")
                return
            for template in self.report.templates:
                self._call(MESSAGING, "messaging_save_template", template.model_dump())
                self.report.problems += self._preview_problems(template)
            closing.append(f"{_count(len(self.report.templates), 'template')} saved")

    def review(self) -> bool:
        """Have the reviewer look at the drafts; return whether they may be planned."""
        with self._step("review", "The compliance reviewer reads the drafts") as closing:
            verdict = self._advisers.review(self.report.templates)
            self.report.reasons["Compliance reviewer"] = verdict.reason
            if verdict.reject:
                self.report.problems += [text for text in verdict.problems if text not in self.report.problems]
                self.report.problems = self.report.problems or [verdict.reason]
            closing.append("; ".join(self.report.problems) or "nothing to reject")
        if self.report.problems:
            self._end("rejected in review", f"Change the brief: {'; '.join(self.report.problems)}")
        return not self.report.problems

    def plan(self) -> bool:
        """Plan the campaign; return whether it may be launched."""
        with self._step("plan", "Planning the campaign") as closing:
            order = self._brief.channels
            names = {template.channel: template.name for template in self.report.templates}
            args = {
                "name": self._brief.campaign,
                "segment": f"{self._brief.slug}-audience",
                "templates": {channel: names[channel] for channel in order},
                "channel_order": list(order),
            }
            plan = self._call(MESSAGING, "messaging_plan_campaign", args)
            self.report.plan = plan
            self.report.approval_id = plan["approval"]["id"]
            self._notes.keep(self._brief, self.report)
            waits = f"approval {plan['approval']['state']}" if plan["recipients"] else "nothing to approve"
            closing.append(f"{_count(plan['recipients'], 'recipient')}; {waits}")
        limit = self._brief.limits.max_recipients
        if limit is not None and plan["recipients"] > limit:
            self._end(
                "over the limit",
                f"The plan reaches {plan['recipients']} people, the brief allows {limit}; narrow the audience.",
            )
            return False
        return True

    def launch(self) -> bool:
        """Launch the plan, if a person or a written policy approved it; return whether the campaign is to be
        followed. A plan that reaches nobody new needs no launch."""
        plan = self.report.plan or {}
        plan_id = plan.get("plan_id")
        if not plan.get("recipients"):
            return True
        with self._step("launch", "Launching, if the plan is approved") as closing:
            try:
                outcome = self._sessions.call(MESSAGING, "messaging_launch_campaign", {"plan_id": plan_id})
            except OutcomeUnknown:
                # A launch uses the plan's approval up, so the status says whether it took effect.
                status = self._status()
                if status.get("plan_id") != plan_id or (status.get("approval") or {}).get("state") != "used":
                    raise
                closing.append("the connection broke, but the campaign runs")
                return True
            if not outcome.is_error:
                self.report.launch = outcome.result("messaging_launch_campaign")
                closing.append(f"{_count(self.report.launch['queued'], 'message')} queued")
                return True
            self._not_launched(outcome.text)
            closing.append(outcome.text)
        return False

    def follow(self) -> None:
        """Wait until the campaign has nothing left to do now, or the deadline is over."""
        with self._step("follow", "Waiting for the messages to go out") as closing:
            deadline = time.monotonic() + self._waiting.deadline_s
            status = self._status()
            changed = time.monotonic()
            while time.monotonic() < deadline:
                if status["done"] and time.monotonic() - changed >= self._waiting.quiet_s:
                    break
                threading.Event().wait(_POLL_S)
                newer = self._status()
                if newer != status:
                    status, changed = newer, time.monotonic()
                    self._emit("follow", "progress", _counts(status))
            self.report.status = status
            closing.append(_counts(status))
        if status["state"] == "planned":
            self._end("not launched", "The plan reaches nobody; look at why leads were left out, or widen the brief.")
        elif status["done"]:
            self._end("finished", "Read the replies, and answer those who are interested.")
        else:
            self._end("still sending", "The worker goes on by itself; run the crew again to see how it went.")

    def replies(self) -> None:
        """Count the replies by intent. Their texts come from strangers and stay out of the report."""
        with self._step("replies", "Reading what came back") as closing:
            self.report.replies_by_intent = dict(Counter(reply["intent"] for reply in self._replies()))
            counted = ", ".join(f"{number} {intent}" for intent, number in self.report.replies_by_intent.items())
            closing.append(counted or "no replies yet")

    def _replies(self) -> Iterator[Mapping[str, Any]]:
        cursor: str | None = None
        while True:
            args = {"campaign": self._brief.campaign, "limit": _PAGE, "cursor": cursor}
            page = self._call(MESSAGING, "messaging_list_replies", args)
            yield from page["replies"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _preview_problems(self, template: Template) -> list[str]:
        args = {"name": template.name, "segment": f"{self._brief.slug}-audience"}
        renderings = self._call(MESSAGING, "messaging_preview_template", args)["renderings"][:_SHOWN]
        failed = [rendering["error"] for rendering in renderings if rendering.get("error")]
        problems = []
        # A lead that lacks a field is left out by the plan; only a template that nobody can get is wrong.
        if failed and len(failed) == len(renderings):
            problems.append(f"{template.name}: it can be rendered for nobody: {failed[0]}")
        if any("{{" in f"{rendering.get('subject')}{rendering.get('body')}" for rendering in renderings):
            problems.append(f"{template.name}: a field stays unfilled")
        return problems

    def _not_launched(self, text: str) -> None:
        try:
            approval = self._status().get("approval") or {}
        except ServerUnavailable:
            approval = {}
        waits = approval.get("state") == "pending"
        self._end("waiting for approval" if waits else "not launched", text)

    def _status(self) -> dict[str, Any]:
        self.report.status = self._call(MESSAGING, "messaging_get_campaign", {"campaign": self._brief.campaign})
        return self.report.status

    def _call(self, server: str, tool: str, args: Mapping[str, Any], *, step: Step | None = None) -> dict[str, Any]:
        def progress(done: float, total: float | None, message: str | None) -> None:
            if step is not None:
                self._emit(step, "progress", message or "", done, total)

        return self._sessions.call(server, tool, args, progress).result(tool)

    def _end(self, ending: Ending, next_step: str) -> None:
        self.report.ending = ending
        self.report.next_step = next_step

    @contextmanager
    def _step(self, step: Step, sentence: str) -> Iterator[list[str]]:
        """Time a step and tell of its start and end; the block appends the sentence to end with."""
        began = time.monotonic()
        closing: list[str] = []
        self._emit(step, "started", sentence)
        try:
            yield closing
        finally:
            self.report.steps.append(StepTiming(step=step, seconds=round(time.monotonic() - began, 3)))
        self._emit(step, "finished", "; ".join(closing))

    def _emit(
        self,
        step: Step,
        kind: Literal["started", "progress", "finished"],
        text: str,
        done: float | None = None,
        total: float | None = None,
    ) -> None:
        elapsed = round(time.monotonic() - self._began, 3)
        self._on_event(CrewEvent(step=step, kind=kind, text=text, elapsed_s=elapsed, done=done, total=total))


def _counts(status: Mapping[str, Any]) -> str:
    counted = ", ".join(f"{number} {state}" for state, number in sorted(status["counts"].items()) if number)
    return counted or "nothing sent yet"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else f'{noun}s'}"
