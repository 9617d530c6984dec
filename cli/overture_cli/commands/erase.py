"""`overture erase`: a person is forgotten, for good."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say
from overture_core.errors import InvalidInput
from overture_core.leads import service as leads
from overture_core.leads.erasing import erase as erased
from overture_core.leads.finding import lead_id_of
from overture_core.messages import intake
from overture_core.text import quantity


def erase(
    lead: Annotated[str, typer.Argument(help="A lead's id, e-mail address or phone number.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Erase a person from every table, for good. Keyed hashes keep their addresses from being written to again."""
    with open_store() as store:
        with store.read(store.settings.workspace) as work:
            lead_id = leads.get(work, lead_id_of(work, lead)).id
        if not yes:
            _confirm(lead, as_json=as_json)
        while intake.process(store):
            pass  # what is stored of them is applied, and then erased with the rest
        with store.begin(store.settings.workspace, actor=actor()) as work:
            found = erased(work, lead_id)
        emptied = store.checkpoint()
    if not emptied:
        typer.echo(
            "overture: overture.db-wal still has it, as another process reads; stop that for a moment.", err=True
        )
    if as_json:
        emit_json(found)
    else:
        say(
            f"{found.lead_id} is erased: {quantity(found.messages, 'message')} emptied, "
            f"{quantity(found.replies, 'reply')} removed. {quantity(found.addresses, 'address')} kept as hashes alone."
        )


def _confirm(lead: str, *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        msg = f"All that is known of {lead} would be erased for good; add --yes to do so."
        raise InvalidInput(msg)
    say(f"All that is known of {lead} will be erased. This cannot be undone.")
    typer.confirm("Erase?", abort=True)
