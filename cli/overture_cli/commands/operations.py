"""`overture operations ...`: calls at providers that are no messages, and what became of them."""

from __future__ import annotations

import json
from typing import Annotated

import anyio
import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView
from overture_core.operations.showing import described
from overture_core.operations.states import OperationState
from overture_core.text import quoted

app = typer.Typer(help="See, run, take back or settle what was asked of providers.", no_args_is_help=True)
OperationId = Annotated[str, typer.Argument(help="The operation's id.", show_default=False)]


@app.command("list")
def list_(
    state: Annotated[OperationState | None, typer.Option(help="Only those that stand so.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only those whose kind begins so, e.g. stripe.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest this many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List operations, newest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = operations.list_(work, state=state, kind=kind, limit=limit)
    if as_json:
        emit_json(found)
    elif not found:
        say("There are no such operations.")
    else:
        rows = [(each.id, each.title, _state(each), f"{each.updated_at:%Y-%m-%d %H:%M} UTC") for each in found]
        table("Operations", ("id", "what", "state", "since"), rows)


@app.command()
def show(operation: OperationId, as_json: JsonFlag = False) -> None:
    """Show what an operation does, or did."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = operations.get(work, operation)
    _print(found, as_json=as_json)


@app.command()
def run(operation: OperationId, as_json: JsonFlag = False) -> None:
    """Run an operation now that was approved; a worker does so by itself within half a minute."""
    from overture_providers import operations as running

    async def go() -> OperationView:
        return await running.run(store, store.settings.workspace, operation, actor=actor())

    with open_store() as store:
        found = anyio.run(go)
    _print(found, as_json=as_json)


@app.command()
def cancel(operation: OperationId, as_json: JsonFlag = False) -> None:
    """Take back an operation that has not begun."""
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = operations.cancel(work, operation)
    _print(found, as_json=as_json)


@app.command()
def settle(
    operation: OperationId,
    note: Annotated[str, typer.Option(help="How you know, for the record.")],
    done: Annotated[str | None, typer.Option(help="It was done: the provider's id of what it made.")] = None,
    not_done: Annotated[bool, typer.Option("--not-done", help="Nothing was done.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what became of an operation whose outcome is unknown, after a look at the provider."""
    if (done is None) != not_done:
        msg = "Say either --done ID or --not-done."
        raise InvalidInput(msg)
    from overture_providers.linkedin.operations import as_settled

    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        result = None if done is None else as_settled(operations.get(work, operation).kind, done)
        found = operations.settle(work, operation, result=result, note=note)
    _print(found, as_json=as_json)


def _state(found: OperationView) -> str:
    waits = found.state is OperationState.WAITING and found.approval_state is not None
    return f"{found.state} ({found.approval_state})" if waits else found.state


def _print(found: OperationView, *, as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    for line in described(found):
        say(line)
    say(f"{found.id} ({found.kind}) is {found.state}{f': {quoted(found.error, limit=500)}' if found.error else ''}.")
    if found.result is not None:
        say(json.dumps(found.result, ensure_ascii=False, indent=2))
