"""`overture erase` and `overture erasures ...`: a person is forgotten, for good; and who over MCP asked for that."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.leads import erasure_requests
from overture_core.leads import service as leads
from overture_core.leads.erasing import Erased
from overture_core.leads.erasing import erase as erased
from overture_core.leads.finding import lead_id_of
from overture_core.messages import intake
from overture_core.storage.store import Store, Work
from overture_core.text import quantity

app = typer.Typer(help="Erasures that an MCP client asked for; a person releases them.", no_args_is_help=True)
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Request = Annotated[str, typer.Argument(help="The erasure's id.", show_default=False)]


def erase(
    lead: Annotated[str, typer.Argument(help="A lead's id, e-mail address or phone number.", show_default=False)],
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Erase a person from every table, for good. Keyed hashes keep their addresses from being written to again."""
    with open_store() as store:
        with store.read(store.settings.workspace) as work:
            lead_id = leads.get(work, lead_id_of(work, lead)).id
        _forget(store, lead, lambda work: erased(work, lead_id), yes=yes, as_json=as_json)


@app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """List the erasures that were asked for, newest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = erasure_requests.list_(work)
    if as_json:
        emit_json(found)
        return
    rows = [(each.id, each.state, each.lead_id, each.who, each.asked_by) for each in found]
    table("Erasures", ("id", "state", "lead", "who", "asked by"), rows)


@app.command()
def release(request: Request, yes: Yes = False, as_json: JsonFlag = False) -> None:
    """Erase who was asked for, as `overture erase` does."""
    with open_store() as store:
        with store.read(store.settings.workspace) as work:
            asked = erasure_requests.undecided(work, request)
        who = f"{asked.lead_id} ({asked.who})" if asked.who else asked.lead_id
        _forget(store, who, lambda work: erasure_requests.release(work, request), yes=yes, as_json=as_json)


@app.command()
def reject(request: Request, as_json: JsonFlag = False) -> None:
    """Decide that a person is not erased."""
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = erasure_requests.reject(work, request)
    emit_json(found) if as_json else say(f"The erasure {found.id} is rejected.")


def _forget(store: Store, who: str, deed: Callable[[Work], Erased], *, yes: bool, as_json: bool) -> None:
    if not yes:
        _confirm(who, as_json=as_json)
    while intake.process(store):
        pass  # what is stored of them is applied, and then erased with the rest
    with store.begin(store.settings.workspace, actor=actor()) as work:
        found = deed(work)
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


def _confirm(who: str, *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        msg = f"All that is known of {who} would be erased for good; add --yes to do so."
        raise InvalidInput(msg)
    say(f"All that is known of {who} will be erased. This cannot be undone.")
    typer.confirm("Erase?", abort=True)
