"""`overture export` and `overture exports ...`: leads into a file, and what was asked for over MCP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, progress_console, say, table
from overture_core.errors import InvalidInput
from overture_core.leads import export_requests, exporting
from overture_core.segments import service as segments
from overture_core.segments.filter import filter_of
from overture_core.text import quantity

app = typer.Typer(help="Exports that an MCP client asked for; a person releases them.", no_args_is_help=True)
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


def export(
    file: Annotated[
        Path, typer.Argument(help="Its ending says the format: .csv, .xlsx or .jsonl.", show_default=False)
    ],
    segment: Annotated[str | None, typer.Option(help="Only the leads of a segment.")] = None,
    where: Annotated[str | None, typer.Option(help="Only those who meet a filter; docs/segments.md.")] = None,
    columns: Annotated[str | None, typer.Option(help="Which, joined by commas; else all but ids and times.")] = None,
    force: Force = False,
    as_json: JsonFlag = False,
) -> None:
    """Write leads to a file for you alone, all of them without --segment or --where."""
    if segment is not None and where is not None:
        msg = 'Give --segment or --where, not both; a filter can name a segment: segment = "NAME".'
        raise InvalidInput(msg)
    wanted = filter_of(where)
    with open_store() as store, _bar(as_json) as progress:
        if segment is not None:
            with store.read(store.settings.workspace) as work:
                wanted = segments.filter_of(segments.get(work, segment))
        done = exporting.export(
            store,
            file,
            wanted,
            columns=None if columns is None else [each.strip() for each in columns.split(",") if each.strip()],
            workspace=store.settings.workspace,
            actor=actor(),
            force=force,
            progress=progress,
        )
    _told(file, done, as_json=as_json)


@app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """List the exports that were asked for, newest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = export_requests.list_(work)
    if as_json:
        emit_json(found)
        return
    rows = [(each.id, each.state, each.where or "all leads", each.leads, each.format, each.asked_by) for each in found]
    table("Exports", ("id", "state", "filter", "leads when asked", "format", "asked by"), rows)


@app.command()
def release(
    request: Annotated[str, typer.Argument(help="The export's id.", show_default=False)],
    file: Annotated[Path | None, typer.Argument(help="Where to; leads-ID here without it.")] = None,
    force: Force = False,
    as_json: JsonFlag = False,
) -> None:
    """Write the file that was asked for, with the leads who meet its filter now."""
    with open_store() as store, _bar(as_json) as progress:
        place, done = export_requests.release(
            store,
            request,
            file,
            workspace=store.settings.workspace,
            actor=actor(),
            force=force,
            progress=progress,
        )
    _told(place, done, as_json=as_json)


@app.command()
def reject(
    request: Annotated[str, typer.Argument(help="The export's id.", show_default=False)], as_json: JsonFlag = False
) -> None:
    """Decide that an export is not made."""
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = export_requests.reject(work, request)
    emit_json(found) if as_json else say(f"The export {found.id} is rejected.")


def _told(file: Path, done: int, *, as_json: bool) -> None:
    emit_json({"file": str(file), "leads": done}) if as_json else say(f"{quantity(done, 'lead')} in {file}.")


@contextmanager
def _bar(as_json: bool) -> Iterator[Callable[[int, int], None]]:
    bar = Progress(
        TextColumn("Exporting"),
        BarColumn(),
        TextColumn("{task.completed} leads"),
        TimeElapsedColumn(),
        console=progress_console,
        disable=as_json or not progress_console.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task("leads", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
