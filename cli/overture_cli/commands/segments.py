"""`overture search` and `overture segments ...`: leads by filter, and filters with a name."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.leads.searching import LeadBrief, Sort
from overture_core.leads.searching import search as searched
from overture_core.segments import service
from overture_core.segments.filter import filter_of
from overture_core.segments.hints import hints
from overture_core.segments.service import SegmentView
from overture_core.text import quantity

app = typer.Typer(help="Segments: filters with a name, live or frozen.", no_args_is_help=True)
Expression = Annotated[
    str | None, typer.Option("--where", help="Filter, e.g. 'country = US and dormant_days >= 90'; docs/segments.md.")
]


def search(
    words: Annotated[str | None, typer.Argument(help="Beginnings of words in name, e-mail, company, title.")] = None,
    where: Expression = None,
    sort: Annotated[Sort, typer.Option(help="Order.")] = Sort.OLDEST,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Leads to show.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before, from --json.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find leads."""
    wanted = filter_of(where, words)
    with open_store() as store, store.read(store.settings.workspace) as work:
        page = searched(work, wanted, limit=limit, cursor=cursor, sort=sort)
        hinted = [] if page.total else hints(work, wanted)
    if as_json:
        emit_json(page)
        return
    rows = [
        (
            each.id,
            ", ".join(filter(None, (_name(each), each.email or each.phone))),
            ", ".join(filter(None, (each.company, each.country))),
            f"{each.last_contact_at:%Y-%m-%d}" if each.last_contact_at else "unknown",
        )
        for each in page.leads
    ]
    least = "More than " if page.more else ""
    table(
        f"{least}{quantity(page.total, 'lead')}, {len(rows)} shown",
        ("id", "who", "where", "last contact"),
        rows,
    )
    for each in hinted:
        say(each)


@app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """Show every segment with its size now."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.list_(work)
    if as_json:
        emit_json(found)
    elif found:
        table("Segments", ("name", "leads", "kind", "filter"), [_row(each) for each in found])
    else:
        say("There are no segments yet; save one with `overture segments save`.")


@app.command()
def save(
    name: Annotated[str, typer.Argument(help="Its name.", show_default=False)],
    where: Expression = None,
    words: Annotated[str | None, typer.Option(help="Beginnings of words in name, e-mail, company, title.")] = None,
    frozen: Annotated[bool, typer.Option("--frozen", help="Keep who is in it now.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Save a filter as a segment, in place of one of the same name; without a filter it has every lead."""
    wanted = filter_of(where, words)
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        saved = service.save(work, name, wanted, frozen=frozen)
        hinted = [] if saved.count else hints(work, wanted)
    if as_json:
        emit_json(saved)
        return
    for each in (f"The segment {saved.name} has {quantity(saved.count, 'lead')}.", *hinted):
        say(each)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Its name.", show_default=False)], as_json: JsonFlag = False) -> None:
    """Show a segment's size and breakdown now, with a few of its leads."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        wanted = service.filter_of(service.get(work, name))
        found = service.preview(work, wanted)
        hinted = [] if found.count else hints(work, wanted)
    if as_json:
        emit_json(found)
        return
    parts = (("country", found.by_country), ("address", found.by_channel), ("days silent", found.dormant_days))
    rows = [(what, value, number) for what, counts in parts for value, number in counts.items()]
    table(f"{name}: {quantity(found.count, 'lead')}", ("by", "value", "leads"), rows)
    table("Some of them", ("id", "name", "company"), [(each.lead_id, each.name, each.company) for each in found.sample])
    for hint in hinted:
        say(hint)


def _name(lead: LeadBrief) -> str:
    return " ".join(filter(None, (lead.first_name, lead.last_name)))


def _row(segment: SegmentView) -> tuple[str, int, str, str]:
    kind = "live" if segment.frozen_at is None else f"frozen {segment.frozen_at:%Y-%m-%d}"
    return segment.name, segment.count, kind, segment.where or "all"
