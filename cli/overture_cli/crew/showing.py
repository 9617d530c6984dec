"""A run as people read it."""

from __future__ import annotations

from rich.panel import Panel
from rich.text import Text

from overture_cli.output import console, say, table
from overture_crew.report import CrewEvent, CrewReport
from overture_crew.runs import Run


def show_report(report: CrewReport) -> None:
    """Print what a run came to, the next step last."""
    say(f"Run {report.run}: {report.ending}. Decided by: {report.brain}.")
    if report.segment:
        say(f"Audience: {report.segment['count']:,} leads.")
    if report.plan:
        say(f"Plan {report.plan['plan_id']}: {report.plan['recipients']:,} recipients.")
    if report.status and report.status.get("counts"):
        table("Messages", ("state", "messages"), [(state, n) for state, n in report.status["counts"].items() if n])
        if report.status.get("sandbox"):
            say("SANDBOX: nobody outside was contacted.")
    if report.replies_by_intent:
        table("Replies", ("intent", "replies"), list(report.replies_by_intent.items()))
    if report.handled:
        rows = [(reply, each.label, each.action, each.outcome) for reply, each in report.handled.items()]
        table("What was done about them", ("id", "label", "action", "outcome"), rows)
    if report.usage.calls:
        say(usage(report))
    for error in report.tool_errors:
        say(f"A tool answered with an error: {error}")
    say(f"Next: {report.next_step}")


def show_run(run: Run, events: list[CrewEvent]) -> None:
    """Print a run with its brief, its agents' reasons, its drafts and its transcript."""
    say(f"{run.crew}, begun {run.began_at:%Y-%m-%d %H:%M} UTC, {run.phase}")
    if run.error:
        say(f"It stopped: {run.error}")
    say(f"Goal: {run.brief.goal.rstrip('.')}. Offer: {run.brief.offer.rstrip('.')}.")
    for role, reason in run.report.reasons.items():
        say(f"{role}: {reason}")
    for template in run.report.templates:
        body = Text(f"{template.subject}\n\n{template.body}" if template.subject else template.body)
        console.print(Panel(body, title=f"{template.name} ({template.channel})", title_align="left"))
    rows = [(f"{each.elapsed_s:.1f} s", each.step, each.agent or "", each.kind, each.text) for each in events]
    table("Transcript", ("at", "step", "agent", "what", "text"), rows)
    show_report(run.report)


def usage(report: CrewReport) -> str:
    """Return what a run's model calls took, in one sentence."""
    found = report.usage
    cost = "" if found.cost is None else f", cost {found.cost:.4f}"
    about = "about " if found.estimated else ""
    return f"Model: {found.calls} calls, {about}{found.tokens:,} tokens{cost}."
