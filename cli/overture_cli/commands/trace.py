"""`overture trace`: everything that happened to one lead."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import open_store
from overture_cli.output import JsonFlag, emit_json, table
from overture_core.leads.finding import lead_id_of
from overture_core.leads.tracing import trace as traced


def trace(
    lead: Annotated[str, typer.Argument(help="A lead's id, e-mail address or phone number.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Show everything that happened to a lead, oldest first, and why."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = traced(work, lead_id_of(work, lead))
    if as_json:
        emit_json(found)
        return
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M:%S} UTC", each.what, each.campaign, each.cause, each.text) for each in found.entries
    ]
    table(f"Lead {found.lead_id}", ("when", "what", "campaign", "cause", "text from outside"), rows)
