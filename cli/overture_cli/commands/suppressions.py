"""`overture suppressions ...`: who is never contacted again."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, beginning, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.files import written
from overture_core.leads.public_mail import public_domains
from overture_core.leads.reading import Source
from overture_core.leads.spreadsheets import harmless
from overture_core.messages.stopping import suppress
from overture_core.suppressions import files, lifting, service
from overture_core.suppressions.columns import kind_of
from overture_core.suppressions.files import SuppressionReject
from overture_core.suppressions.rows import KINDS
from overture_core.suppressions.service import Kind, SuppressionView
from overture_core.text import quantity

app = typer.Typer(help="Addresses, domains and people that are never contacted again.", no_args_is_help=True)
Value = Annotated[
    str, typer.Argument(help="An e-mail address, a number such as +12125550101, a domain or a lead's id.")
]
KindOption = Annotated[
    str | None, typer.Option("--kind", help="email, phone, domain or person; else by the value's looks.")
]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most to list.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before, from --json.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List suppressions, newest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.list_(work, limit=limit, cursor=cursor)
    if as_json:
        emit_json(found)
        return
    rows = [
        (each.kind, each.value, each.reason, each.origin, f"{each.created_at:%Y-%m-%d}") for each in found.suppressions
    ]
    table("Suppressions", ("kind", "value", "reason", "origin", "since"), rows)


@app.command()
def add(
    value: Value,
    kind: KindOption = None,
    reason: Annotated[str, typer.Option(help="Why, in a few words.")] = "manual",
    as_json: JsonFlag = False,
) -> None:
    """Never contact an address, domain or person again; what is pending to them is cancelled."""
    what = _kind(kind, value)
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = SuppressionView.model_validate(suppress(work, what, value, reason=reason, origin=work.actor))
    if as_json:
        emit_json(found)
        return
    say(f"{found.value} is never contacted again.")
    if found.kind == "domain" and found.value in public_domains():
        say(
            f"Anybody may have an address at {found.value}, and no lead who has is written to by e-mail any more. "
            f'`overture suppressions lift {found.value} --reason "typed wrongly"` takes it back.'
        )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX, JSON or JSON Lines; or one value a line.")],
    reason: Annotated[str, typer.Option(help="For rows that give none.")] = "imported",
    country: Annotated[str | None, typer.Option(help="For phone numbers of rows without one, e.g. US.")] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Write every row that was rejected, or in part left out, to this CSV file.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, store nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Suppress everything in a file, such as the list that another program exported."""
    source = Source.from_person(file)
    with open_store() as store, ExitStack() as kept:
        on_reject = None
        if rejects is not None:
            place = kept.enter_context(written(rejects))
            sheet = csv.writer(kept.enter_context(place.open("w", encoding="utf-8", newline="")))
            sheet.writerow(("line", "reasons", "original"))

            def on_reject(row: SuppressionReject) -> None:
                sheet.writerow((row.line, harmless("; ".join(row.reasons)), harmless(row.original)))

        report = files.take_file(
            store,
            source,
            workspace=store.settings.workspace,
            actor=actor(),
            reason=reason,
            country=country,
            dry_run=dry_run,
            on_reject=on_reject,
        )
    if as_json:
        emit_json(report)
    else:
        counts = f"{report.added} added, {report.unchanged} unchanged, {report.rejected} rejected"
        say(f"{'Dry run of ' if dry_run else ''}{report.filename}: {quantity(report.rows, 'row')}, {counts}.")
        for each in report.warnings():
            say(f"{each}.")
        if report.rejects:
            shown = [(each.line, "; ".join(each.reasons), beginning(each.original)) for each in report.rejects]
            table("Rejected (first rows)", ("line", "why", "text"), shown)
        if report.left_out:
            shown = [(each.line, "; ".join(each.reasons), beginning(each.original)) for each in report.left_out]
            table(f"In part left out ({quantity(report.partly, 'row')})", ("line", "why", "text"), shown)
    if report.rows and report.rejected == report.rows:
        raise typer.Exit(2)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Its ending says the format: .csv or .jsonl.")],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write every suppression to a file; those of erased people are kept as hashes and are in none."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        number = files.export(work, file, force=force)
    emit_json({"file": str(file), "rows": number}) if as_json else say(f"{quantity(number, 'suppression')} in {file}.")


@app.command()
def lift(
    value: Value,
    reason: Annotated[str, typer.Option(help="Why, naming nobody; the audit keeps it.", show_default=False)],
    kind: KindOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Lift a suppression; one that the lead asked for needs a newer consent on record."""
    what = _kind(kind, value)
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = lifting.lift(work, what, value, reason=reason)
    emit_json(found) if as_json else say(f"{found.value} may be contacted again; it was suppressed for {found.was!r}.")


def _kind(given: str | None, value: str) -> Kind:
    if given is None:
        return kind_of(value)
    for kind in KINDS:
        if kind == given:
            return kind
    msg = f"--kind takes {', '.join(KINDS)}, not {given!r}."
    raise InvalidInput(msg)
