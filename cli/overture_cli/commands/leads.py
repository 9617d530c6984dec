"""`overture import` and `overture mappings ...`: a file of leads into the workspace, and what its columns are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, beginning, emit_json, progress_console, say, table
from overture_cli.stopping import Stop
from overture_core.errors import InvalidInput
from overture_core.leads import mappings
from overture_core.leads.importing import ImportCancelled, import_leads
from overture_core.leads.imports import ImportReport
from overture_core.leads.mapping import NoAddressColumn
from overture_core.leads.options import DateOrder, ImportOptions
from overture_core.leads.reading import Source
from overture_core.text import quantity, quoted

# What the options want that ImportOptions checks, in the words of the command line.
_WANTED = {
    "default_country": "--country takes a country's two letters, e.g. US; there is no country {input!r}",
    "tags": "--tag was given too often",
    "consent_source": "--consent-source is too long; name the source in a few words",
    "encoding": "--encoding takes the name of an encoding, e.g. cp1250",
    "mapping_name": "--mapping takes a name of at most 100 characters",
    "save_mapping": "--save-mapping takes a name of at most 100 characters",
}

app = typer.Typer(help="Saved mappings: what the columns of a kind of file are.", no_args_is_help=True)


def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV, TSV, XLSX, JSON or JSON Lines file, also gzip of one.", show_default=False)
    ],
    country: Annotated[str | None, typer.Option(help="Country of phone numbers without one, e.g. US.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tag for every lead of the file; repeatable.")] = None,
    column: Annotated[
        list[str] | None, typer.Option("--map", help='Say what a column is: --map "E-post=email"; repeatable.')
    ] = None,
    mapping: Annotated[str | None, typer.Option(help="A saved mapping to read the columns by.")] = None,
    save_mapping: Annotated[str | None, typer.Option(help="Save how the columns were read, by this name.")] = None,
    dates: Annotated[
        DateOrder | None, typer.Option(help="Order of dates such as 03/04/2024; else it is found.")
    ] = None,
    consent_source: Annotated[str | None, typer.Option(help="Where the consent in the file comes from.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of a text file, e.g. cp1250; else it is found.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, store nothing.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="The same for the first rows only: how a huge file would be read.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import leads from a file; each row is created, merged, unchanged or rejected with reasons.

    The same file again goes on where it broke off, and changes nothing twice.
    """
    try:
        options = ImportOptions(
            mapping=_mapping(column or []) or None,
            mapping_name=mapping,
            save_mapping=save_mapping,
            dates=dates,
            default_country=country,
            tags=tag or [],
            consent_source=consent_source,
            encoding=encoding,
            dry_run=dry_run,
            preview=preview,
        )
    except ValidationError as error:
        raise InvalidInput(_sentence(error)) from error
    source = Source.from_person(file)
    bar = Progress(
        TextColumn("Importing"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        _Rate(),
        TimeRemainingColumn(),
        console=progress_console,
        disable=as_json or not progress_console.is_terminal,  # a bar that ends leaves an empty line in a log
        transient=True,
    )
    with open_store() as store, Stop() as stop, bar:
        task = bar.add_task("rows", total=source.size(), rows=0)
        try:
            report = import_leads(
                store,
                source,
                options,
                workspace=store.settings.workspace,
                actor=actor(),
                cancelled=lambda: stop.asked,
                progress=lambda done: bar.update(task, completed=done.read, total=done.size, rows=done.rows),
            )
        except ImportCancelled as error:
            bar.stop()
            typer.echo(f"overture: {error.message}", err=True)
            stop.check()
            raise
        except NoAddressColumn as error:
            msg = f'{error.what} Say which one it is with a mapping such as --map "{error.example}=email".'
            raise InvalidInput(msg) from error
    if as_json:
        emit_json(report)
    else:
        show_report(report)
    if report.rows and report.rejected == report.rows:
        raise typer.Exit(2)  # a script must not take it for done


class _Rate(ProgressColumn):
    """Rows a second since the beginning."""

    def render(self, task: Task) -> Text:
        rows, seconds = task.fields["rows"], task.elapsed
        return Text(f"{rows / seconds:,.0f} a second" if rows and seconds else "")


def show_report(report: ImportReport) -> None:
    """Print what an import did."""
    how = "Dry run of" if report.import_id is None else "Imported"
    say(f"{how} {report.filename} ({report.encoding}): {quantity(report.rows, 'row')}")
    outcome = [("created", report.created), ("merged", report.merged)]
    outcome += [("unchanged", report.unchanged), ("rejected", report.rejected)]
    table("Rows", ("became", "rows"), outcome)
    read = [(each.column, each.field or "custom field", each.why, each.sample or "") for each in report.columns]
    # A real import keeps no samples.
    shown = 4 if any(each.sample for each in report.columns) else 3
    table("Columns", ("column", "read as", "why", "first value")[:shown], [each[:shown] for each in read])
    if report.resumed:
        say(f"It went on after row {report.resumed}, where it had broken off.")
    if report.shared:
        shared = [(line, ", ".join(lead_ids)) for line, lead_ids in report.shared.items()]
        table("Rows that fit two leads; the first of them took it", ("line", "leads"), shared)
    for warning in report.warnings:
        say(f"Note: {warning}")
    if report.rejected:
        rejects = [(each.line, "; ".join(each.reasons), beginning(each.original)) for each in report.reject_samples]
        table("Rejected (first rows)", ("line", "why", "text"), rejects)
        if report.rejected == report.rows:
            say("No row could be taken. Correct the file, or say with --map, --country or --encoding how to read it.")


@app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """Show every saved mapping."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = mappings.list_(work)
    if as_json:
        emit_json(found)
        return
    rows = [(each.name, ", ".join(f"{c}={f}" for c, f in each.mapping.items())) for each in found]
    table(quantity(len(rows), "mapping"), ("name", "columns"), rows)


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="Name of the mapping.", show_default=False)]) -> None:
    """Forget a saved mapping."""
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        mappings.remove(work, name)
    say(f"The mapping {quoted(name)} is forgotten.")


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        column, sep, field = pair.rpartition("=")
        if not sep or not column or not field:
            msg = f'--map wants "COLUMN=FIELD", not {quoted(pair)}; for example --map "E-post=email".'
            raise InvalidInput(msg)
        mapping[column] = field
    return mapping


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    return f"{_WANTED[field].format(input=first['input']) if field in _WANTED else first['msg']}."
