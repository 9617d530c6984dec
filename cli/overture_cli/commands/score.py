"""`overture score`: how worth it is to write to a lead, or to a segment, again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from overture_cli.commands.segments import Expression
from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, progress_console, say, table
from overture_core.errors import InvalidInput
from overture_core.leads.finding import lead_id_of
from overture_core.scoring import keeping
from overture_core.scoring.profile import Profile
from overture_core.scoring.service import LeadScore, SegmentScore, score_lead, score_segment
from overture_core.segments.conditions import check
from overture_core.segments.filter import LeadFilter
from overture_core.segments.service import filter_of, get
from overture_core.storage.store import Store, Work
from overture_core.text import quantity

BAR = 20


def score(
    lead: Annotated[str | None, typer.Argument(help="A lead's id, e-mail address or phone number.")] = None,
    segment: Annotated[str | None, typer.Option(help="Score a segment.")] = None,
    where: Expression = None,
    best: Annotated[int, typer.Option(min=0, max=1_000, help="How many of the best to explain.")] = 10,
    profile: Annotated[bool, typer.Option("--profile", help="Show who revived, by value.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Learn who revived, and keep everybody's score for filters.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show revivability from 0 to 100 with its reasons: of a lead, of a segment or filter, or of everybody."""
    if sum((lead is not None, segment is not None, where is not None, profile, refresh)) > 1:
        msg = "Give a lead, --segment, --where, --profile or --refresh, and not several of them."
        raise InvalidInput(msg)
    with open_store() as store:
        if refresh:
            _refresh(store, as_json=as_json)
            return
        with store.read(store.settings.workspace) as work:
            if profile:
                shown: Profile | LeadScore | SegmentScore = keeping.state_of(work).profile
            elif lead is not None:
                shown = score_lead(work, lead_id_of(work, lead))
            else:
                shown = score_segment(work, _filter(work, segment, where), best=best)
    if as_json:
        emit_json(shown)
    elif isinstance(shown, Profile):
        _show_profile(shown)
    elif isinstance(shown, LeadScore):
        _show_lead(shown)
    else:
        _show_segment(shown)


def _filter(work: Work, segment: str | None, where: str | None) -> LeadFilter:
    if segment is not None:
        return filter_of(get(work, segment))
    if where is not None:
        check(where)  # whose sentence is better than that of a field that does not fit
    return LeadFilter(where=where)


def _refresh(store: Store, *, as_json: bool) -> None:
    workspace, kept = store.settings.workspace, 0
    bar = Progress(
        TextColumn("Scoring"),
        BarColumn(),
        TextColumn("{task.completed} leads"),
        console=progress_console,
        disable=as_json or not progress_console.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task("leads", total=None)
        with store.begin(workspace, actor=actor()) as work:
            learned = keeping.begin(work)
        while True:
            with store.begin(workspace, actor=actor()) as work:
                done = keeping.keep_page(work)
            if not done:
                break
            kept += done
            bar.update(task, completed=kept)
    if as_json:
        emit_json({"scored": kept, "profile": learned.model_dump(mode="json")})
    else:
        say(f"The scores of {quantity(kept, 'lead')} are kept. {learned.text}")


def _show_lead(found: LeadScore) -> None:
    rows = [(each.part, each.points, each.of, _bar(each.points, each.of), each.reason) for each in found.parts]
    table(f"{found.name}: {found.score} of 100, {found.tier}", ("part", "points", "of", "", "why"), rows)
    say("Whether they may be contacted is another question: overture contactability.")


def _show_segment(found: SegmentScore) -> None:
    rows = [(tier, number, _bar(number, found.count)) for tier, number in found.tiers.items()]
    average = "" if found.average is None else f", {found.average} on average"
    table(f"{quantity(found.count, 'lead')}{average}", ("tier", "leads", ""), rows)
    best = [
        (each.lead_id, each.name, each.score, each.tier, "; ".join(part.reason for part in each.parts))
        for each in found.best
    ]
    table("The best of them", ("id", "who", "score", "tier", "why"), best)
    say(found.profile)
    if found.kept_at is not None:
        say(f"Filters by score go by scores of {found.kept_at:%Y-%m-%d %H:%M} UTC.")


def _show_profile(found: Profile) -> None:
    say(found.text)
    rows = [
        (
            each.what,
            each.value,
            each.contacted,
            each.revived,
            f"{each.rate:.1%} ({each.low:.1%} to {each.high:.1%})",
            f"{each.lift:.2f}",
            "yes" if each.tells else "no",
        )
        for each in found.values
    ]
    if rows:
        table("Who revived", ("by", "value", "contacted", "revived", "rate", "times all", "differs"), rows)


def _bar(part: float, whole: float) -> str:
    filled = round(BAR * part / whole) if whole else 0
    return "█" * filled + "░" * (BAR - filled)
