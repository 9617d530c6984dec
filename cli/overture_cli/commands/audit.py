"""`overture audit ...`: who did what, and whether the record was touched."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import open_store
from overture_cli.output import BROKEN, JsonFlag, emit_json, say, table
from overture_core.audit import service

app = typer.Typer(help="See who did what and when; verify that nobody changed the record.", no_args_is_help=True)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="Most entries, the newest.")] = 100, as_json: JsonFlag = False
) -> None:
    """List what was done, the oldest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.list_(work, limit=limit)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            each.number,
            f"{each.at:%Y-%m-%d %H:%M:%S} UTC",
            each.actor,
            each.action,
            each.subject,
            ", ".join(f"{key} {value}" for key, value in each.detail.items()),
        )
        for each in found
    ]
    table("Audit", ("number", "when", "who", "what", "of", "detail"), rows)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option("--head", help="A head that was noted before, NUMBER:HASH or HASH: is it still there?")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compute the chain of hashes again; exits with 5 and names the first broken entry if it does not hold."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.verify(work, head)
    if as_json:
        emit_json(found)
    elif found.intact:
        say(f"The audit is intact up to entry {found.entries}; the chain's head is {found.entries}:{found.head}.")
    else:
        typer.echo(f"overture: The audit is broken. {found.broken}", err=True)
    if not found.intact:
        raise typer.Exit(BROKEN)
