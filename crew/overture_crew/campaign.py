"""The steps of a campaign. The flow fixes their order."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from overture_crew import compliance
from overture_crew.answers import Drafts, Proposal, Verdict
from overture_crew.audience import widest_filter, within
from overture_crew.brief import Brief
from overture_crew.client import McpSessions
from overture_crew.errors import OutcomeUnknown, ServerUnavailable
from overture_crew.report import Template
from overture_crew.runs import Run, RunStore, still_open
from overture_crew.slots import slots, templates_of
from overture_crew.steps import LEADS, MESSAGING, PAGE, Steps, Teller, counted
from overture_crew.waiting import Waiting

_POLL_S = 0.4
_SHOWN = 5  # leads whose renderings are checked before a plan checks them all
_OPEN = ("pending", "approved")


class Advisers(Protocol):
    """The agents, as far as a campaign's steps know them."""

    def propose(self) -> Proposal:
        """Say whom to write to."""
        ...

    def write(self) -> Drafts:
        """Draft the messages."""
        ...

    def review(self, templates: list[Template]) -> Verdict:
        """Look for reasons to reject the drafts."""
        ...


class Campaign(Steps):
    """From whom to write to, to what came back."""

    def __init__(
        self, sessions: McpSessions, run: Run, store: RunStore, teller: Teller, advisers: Advisers, waiting: Waiting
    ) -> None:
        super().__init__(sessions, run, store, teller)
        self._advisers = advisers
        self._waiting = waiting

    def import_file(self, path: Path) -> None:
        """Import a file of leads through the leads server, which reads it from its own allowed folders."""
        if self.done("import"):
            return
        with self.step("import", f"Importing {path.name}") as closing:
            found = self.call(LEADS, "leads_import_file", {"path": str(path)}, show=True)
            self.report.imported = found
            closing.append(f"{counted(found['rows'], 'row')}: {found['created']} new, {found['rejected']} rejected")

    def take_up(self) -> None:
        """Look whether the plan of an earlier process is still the campaign's; if not, begin anew.

        A plan expires, and another plan of the same name replaces it: then its approval counts for nothing.
        """
        if not self.done("plan"):
            return
        status = self._look()
        state = (status.get("approval") or {}).get("state")
        if still_open(self._run, status) and (state in _OPEN or self.done("launch")):
            return
        if still_open(self._run, status) and state == "used":  # launched by a process that died before it said so
            self._run.done.append("launch")
            return
        self._run.done = [step for step in self._run.done if step == "import"]

    def segment(self) -> None:
        """Have the strategist propose whom to write to, keep that within the brief, and save it."""
        if self.done("segment"):
            return
        with self.step("segment", "Looking for whom to write to", agent="Campaign strategist") as closing:
            proposal = self._advisers.propose()
            self.report.reasons["Campaign strategist"] = proposal.reason
            bounds = widest_filter(self.brief)
            bounded = within(proposal.where, bounds)
            if bounded != bounds:
                # Parentheses hold only what is a whole filter: the server reads the proposal alone first.
                self.call(LEADS, "leads_preview_segment", {"where": proposal.where})
            args = {"name": self._audience, "where": bounded}
            self.report.segment = self.call(LEADS, "leads_save_segment", args)
            closing.append(f"{counted(self.report.segment['count'], 'lead')} in the segment {self._audience}")

    def write(self) -> None:
        """Have the copywriter draft the messages."""
        if self.done("write"):
            return
        with self.step("write", "Drafting the messages", agent="Copywriter") as closing:
            drafts = self._advisers.write()
            self.report.reasons["Copywriter"] = drafts.reason
            self.report.templates = _named(drafts, self.brief)
            closing.append(f"{counted(len(self.report.templates), 'draft')}: {_channels(self.report.templates)}")

    def save_drafts(self) -> None:
        """Save the templates and render them for a few leads. What a rendering finds goes to the review."""
        if self.done("save"):
            return
        with self.step("save", "Saving the templates and previewing them") as closing:
            self.report.problems = compliance.problems(self.report.templates, self.brief)
            if self.report.problems:
                closing.append("not saved: the drafts break a rule")
                return
            for template in self.report.templates:
                fields = template.model_dump(include={"name", "channel", "subject", "body"})
                self.call(MESSAGING, "messaging_save_template", fields)
                self.report.problems += self._preview_problems(template)
            closing.append(f"{counted(len(self.report.templates), 'template')} saved")

    def review(self) -> bool:
        """Have the reviewer look at the drafts; return whether they may be planned."""
        if not self.done("review"):
            with self.step("review", "Reading the drafts", agent="Compliance reviewer") as closing:
                verdict = self._advisers.review(self.report.templates)
                self.report.reasons["Compliance reviewer"] = verdict.reason
                if verdict.reject:
                    self.report.problems += [text for text in verdict.problems if text not in self.report.problems]
                    self.report.problems = self.report.problems or [verdict.reason]
                closing.append("; ".join(self.report.problems) or "nothing to reject")
        if self.report.problems:
            self.end("rejected in review", f"Change the brief: {'; '.join(self.report.problems)}")
        return not self.report.problems

    def plan(self) -> bool:
        """Plan the campaign; return whether it may be launched."""
        if not self.done("plan"):
            with self.step("plan", "Planning the campaign") as closing:
                plan = self._planned() or self._plan_anew()
                self.report.plan = plan
                self.report.approval_id = plan["approval"]["id"]
                waits = f"approval {plan['approval']['state']}" if plan["recipients"] else "nothing to approve"
                closing.append(f"{counted(plan['recipients'], 'recipient')}; {waits}")
        limit = self.brief.limits.max_recipients
        recipients = (self.report.plan or {})["recipients"]
        if limit is not None and recipients > limit:
            self.end(
                "over the limit",
                f"The plan reaches {recipients} people, the brief allows {limit}; narrow the audience.",
            )
            return False
        return True

    def launch(self) -> bool:
        """Launch the plan, if a person or a written policy approved it; return whether the campaign is to be
        followed. A plan that reaches nobody new needs no launch."""
        plan = self.report.plan or {}
        plan_id = plan.get("plan_id")
        if self.done("launch") or not plan.get("recipients"):
            return True
        with self.step("launch", "Launching, if the plan is approved", again=True) as closing:
            try:
                outcome = self._sessions.call(MESSAGING, "messaging_launch_campaign", {"plan_id": plan_id})
            except OutcomeUnknown:
                # A launch uses the plan's approval up, so the status says whether it took effect.
                status = self._status()
                if status.get("plan_id") != plan_id or (status.get("approval") or {}).get("state") != "used":
                    raise
                closing.append("the connection broke, but the campaign runs")
                self._run.done.append("launch")
                return True
            if not outcome.is_error:
                self.report.launch = outcome.result("messaging_launch_campaign")
                closing.append(f"{counted(self.report.launch['queued'], 'message')} queued")
                self._run.done.append("launch")
                return True
            self._not_launched(outcome.text)
            closing.append(outcome.text)
        return False

    def follow(self) -> None:
        """Wait until the campaign has nothing left to do now, or the deadline is over."""
        with self.step("follow", "Waiting for the messages to go out", again=True) as closing:
            deadline = time.monotonic() + self._waiting.deadline_s
            status = self._status()
            changed = time.monotonic()
            while time.monotonic() < deadline:
                if not _moving(status) and time.monotonic() - changed >= self._waiting.quiet_s:
                    break
                threading.Event().wait(_POLL_S)
                newer = self._status()
                if newer != status:
                    status, changed = newer, time.monotonic()
                    self._teller.tell("progress", _counts(status))
            closing.append(_counts(status))
        if status["state"] == "planned":
            self.end("not launched", "The plan reaches nobody; look at why leads were left out, or widen the brief.")
        elif not _moving(status) and not status["counts"].get("held") and not status.get("follow_ups_left"):
            self.end("finished", "Read the replies, and answer those who are interested.")
        else:
            self.end("still sending", f"{_left(status)} Run the crew again to see how it went.")

    def count_replies(self) -> None:
        """Count the replies by intent. Their texts come from strangers and stay out of the report."""
        with self.step("replies", "Reading what came back", again=True) as closing:
            self.report.replies_by_intent = dict(Counter(reply["intent"] for reply in self._replies()))
            told = ", ".join(f"{number} {intent}" for intent, number in self.report.replies_by_intent.items())
            closing.append(told or "no replies yet")

    @property
    def _audience(self) -> str:
        return f"{self.brief.slug}-audience"

    def _planned(self) -> dict[str, Any] | None:
        """Return the plan that a process before this one made without living to write it down, if there is one."""
        noted = self._run.plan_before
        status = self._look()
        plan_id, approval = status.get("plan_id"), status.get("approval") or {}
        if noted is not None and plan_id and plan_id != noted and approval.get("state") in _OPEN:
            recipients = sum(status["counts"].get(state, 0) for state in ("draft", "held"))
            return {"plan_id": plan_id, "recipients": recipients, "approval": approval, "campaign": status["campaign"]}
        self._run.plan_before = plan_id or "none"
        self.save()
        return None

    def _plan_anew(self) -> dict[str, Any]:
        brief = self.brief
        window = brief.schedule.window
        args = {
            "name": brief.campaign,
            "segment": self._audience,
            "templates": templates_of(brief, 1),
            "channel_order": list(brief.channels),
            "send_at": brief.schedule.send_at and brief.schedule.send_at.isoformat(),
            "send_window": window and window.model_dump(mode="json"),
            "follow_ups": [
                {
                    "templates": templates_of(brief, number),
                    "channel_order": list(each.channels),
                    "wait_before": each.wait_before,
                    "only_if": each.only_if,
                }
                for number, each in enumerate(brief.follow_ups, start=2)
            ]
            or None,
        }
        return self.call(MESSAGING, "messaging_plan_campaign", args)

    def _replies(self) -> Iterator[Mapping[str, Any]]:
        cursor: str | None = None
        while True:
            args = {"campaign": self.brief.campaign, "limit": PAGE, "cursor": cursor}
            page = self.call(MESSAGING, "messaging_list_replies", args)
            yield from page["replies"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _preview_problems(self, template: Template) -> list[str]:
        args = {"name": template.name, "segment": self._audience}
        renderings = self.call(MESSAGING, "messaging_preview_template", args)["renderings"][:_SHOWN]
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
        self.end("waiting for approval" if waits else "not launched", text)

    def _look(self) -> dict[str, Any]:
        """Return the campaign's status, empty if there is no such campaign."""
        outcome = self._sessions.call(MESSAGING, "messaging_get_campaign", {"campaign": self.brief.campaign})
        return {} if outcome.is_error else dict(outcome.structured)

    def _status(self) -> dict[str, Any]:
        self.report.status = self.call(MESSAGING, "messaging_get_campaign", {"campaign": self.brief.campaign})
        return self.report.status


def _named(drafts: Drafts, brief: Brief) -> list[Template]:
    """Give the drafts their names, so that an agent cannot write over another campaign's template."""
    names = {(slot.step, slot.channel, slot.variant): slot.name(brief) for slot in slots(brief)}
    return [
        draft.model_copy(update={"name": names.get((draft.step, draft.channel, draft.variant), "(not asked for)")})
        for draft in drafts.templates
    ]


def _channels(templates: list[Template]) -> str:
    return ", ".join(f"{number} {channel}" for channel, number in Counter(each.channel for each in templates).items())


def _left(status: Mapping[str, Any]) -> str:
    """Say what has not left yet, and what lets it leave."""
    counts = status["counts"]
    due = sum(counts.get(state, 0) for state in ("due", "claimed", "sending"))
    said = [f"{counted(due, 'message')} due: a worker sends them (`overture up` or `overture worker`)."] if due else []
    if counts.get("held"):
        until = f", the next until {status['next_at']}" if status.get("next_at") else ""
        said.append(f"{counted(counts['held'], 'message')} held{until}.")
    return " ".join(said) or "Follow-ups are left, which the worker makes when their time has come."


def _moving(status: Mapping[str, Any]) -> bool:
    """Say whether messages are due now or on their way to a provider."""
    return any(status["counts"].get(state) for state in ("due", "claimed", "sending"))


def _counts(status: Mapping[str, Any]) -> str:
    told = ", ".join(f"{number} {state}" for state, number in sorted(status["counts"].items()) if number)
    return told or "nothing sent yet"
