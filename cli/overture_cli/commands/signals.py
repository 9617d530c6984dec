"""`overture signals ...`: what happened to leads that makes this a good time to write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.leads.dates import Order, parse_date
from overture_core.leads.finding import lead_id_of
from overture_core.leads.sources import Source
from overture_core.scoring import signals
from overture_core.scoring.importing import import_signals
from overture_core.scoring.signals import Kind
from overture_core.text import quantity, quoted

app = typer.Typer(help="Signals: a job change, funding, hiring and the like; scores count them.", no_args_is_help=True)
LEAD = "A lead's id, e-mail address or phone number."


@app.command()
def add(
    lead: Annotated[str, typer.Argument(help=LEAD, show_default=False)],
    kind: Annotated[Kind, typer.Argument(help="What happened.", show_default=False)],
    at: Annotated[str | None, typer.Option(help="When, such as 2026-11-20; now without it.")] = None,
    note: Annotated[str | None, typer.Option(help="A few words about it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Record what happened to a lead; the same again is kept once."""
    moment = None if at is None else parse_date(at, Order.MIXED)
    if at is not None and moment is None:
        msg = f"{quoted(at)} is no date; write it like 2026-11-20."
        raise InvalidInput(msg)
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        source = signals.Source.PERSON
        found, fresh = signals.record(work, lead_id_of(work, lead), kind, at=moment, source=source, note=note)
    if as_json:
        emit_json(found)
    else:
        say(f"{found.kind} of {found.observed_at:%Y-%m-%d} is {'kept' if fresh else 'known already'} as {found.id}.")


@app.command("list")
def list_(
    lead: Annotated[str | None, typer.Argument(help=LEAD)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most signals to list.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List signals, of one lead or of all, the newest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = signals.list_(work, lead_id=None if lead is None else lead_id_of(work, lead), limit=limit)
    if as_json:
        emit_json(found)
        return
    rows = [(f"{each.observed_at:%Y-%m-%d}", each.lead_id, each.kind, each.source, each.note) for each in found]
    table("Signals", ("at", "lead", "what", "from", "note from outside"), rows)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX or JSON Lines file.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, store nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import signals: columns for the lead (email, phone, linkedin or external id), kind, date and a note."""
    with open_store() as store:
        source, workspace = Source.from_person(file), store.settings.workspace
        made = import_signals(store, source, workspace=workspace, actor=actor(), dry_run=dry_run)
    if as_json:
        emit_json(made)
    else:
        say(f"{'Dry run of ' if dry_run else ''}{made.filename}: {quantity(made.rows, 'row')}")
        outcome = [("recorded", made.recorded), ("unchanged", made.unchanged), ("rejected", made.rejected)]
        table("Rows", ("became", "rows"), outcome)
        for warning in made.warnings:
            say(f"Note: {warning}")
        if made.rejects:
            table("Rejected (first rows)", ("line", "why"), [(each.line, each.reason) for each in made.rejects])
    if made.rows and made.rejected == made.rows:
        raise typer.Exit(2)  # a script must not take it for done
