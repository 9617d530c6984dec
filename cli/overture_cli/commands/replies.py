"""`overture replies` and `overture tasks`: what people wrote back, and what that leaves to do."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import actor, open_store, person
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.replies import service, tasks
from overture_core.text import clean, quantity

tasks_app = typer.Typer(help="What is left for a person to do.", no_args_is_help=True)
SHOWN = 60  # characters of a text in a table


def replies(
    campaign: Annotated[str | None, typer.Option(help="Only of this campaign, by name or id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most replies to list.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List what people wrote back, newest first, with the label of each and the step that it answers."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.list_(work, campaign=campaign, limit=limit)
    if as_json:
        emit_json(found)
        return
    if not found.replies:
        say("There are no replies yet.")
        return
    rows = [
        (
            *(f"{each.received_at:%m-%d %H:%M} UTC", each.lead_name, each.channel, each.intent),
            *(each.campaign, each.step, clean(each.body, limit=SHOWN)),
        )
        for each in found.replies
    ]
    table("Replies", ("at", "from", "channel", "label", "campaign", "step", "text"), rows)


@tasks_app.command("list")
def list_(
    done: Annotated[bool, typer.Option("--done", help="Those that are done instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most tasks to list.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what is to be done, the most urgent first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = tasks.list_(work, done=done, limit=limit)
    if as_json:
        emit_json(found)
        return
    if found.tasks:
        rows = [
            (
                *(each.id, f"{each.due_at:%m-%d %H:%M} UTC", each.to_do, each.lead_name),
                *(each.text if each.link else clean(each.text or "", limit=SHOWN), each.link),
            )
            for each in found.tasks
        ]
        table("Tasks", ("id", "by", "to do", "who", "text", "where"), rows)
    say(f"{quantity(found.open, 'task')} open.")


@tasks_app.command("done")
def done(
    task: Annotated[str, typer.Argument(help="The task's id.", show_default=False)],
    note: Annotated[str | None, typer.Option(help="What came of it.")] = None,
    skipped: Annotated[bool, typer.Option("--skipped", help="It was not done, and will not be.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Mark a task as done, or with --skipped as skipped."""
    outcome = tasks.Outcome.SKIPPED if skipped else tasks.Outcome.DONE
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = tasks.complete(work, task, by=person(), note=note, outcome=outcome)
    emit_json(found) if as_json else say(f"{found.id} is {found.outcome}.")
