"""`overture stop`: nothing more leaves, until a person lifts it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say
from overture_core.errors import InvalidInput
from overture_core.workspaces import emergency


def stop(
    reason: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Let sending go on.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Lift without asking.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Stop all sending, in every process, within two seconds. What had not left stays due.

    What a provider has in its hands at that moment is not called back.
    """
    with open_store() as store:
        if lift and not yes:
            _confirm(as_json=as_json)
        with store.begin(store.settings.workspace, actor=actor()) as work:
            changed = emergency.lift(work) if lift else emergency.stop(work, reason=reason)
            standing = emergency.standing(work)
    if as_json:
        emit_json(standing)
    elif lift:
        say("Sending goes on." if changed else "Nothing was stopped.")
    else:
        already = "" if changed else " It was before this."
        say(f"{standing}{already} `overture stop --lift` lets it go on.")


def _confirm(*, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        msg = "Sending would go on at once, with all that is due; add --yes to do so."
        raise InvalidInput(msg)
    say("Sending will go on at once, with all that is due.")
    typer.confirm("Lift the stop?", abort=True)
