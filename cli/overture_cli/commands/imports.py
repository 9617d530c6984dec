"""`overture imports ...` and `overture leads ...`: what imports did, and taking it back."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from overture_cli.commands.leads import show_report
from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.leads import imports, service
from overture_core.leads.duplicates import near_duplicates
from overture_core.leads.exporting import write_rejects
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportState, ImportView
from overture_core.leads.undoing import (
    STAYED,
    Undone,
    going,
    undo_change,
    undo_import,
    undoable_change,
)
from overture_core.text import quantity

app = typer.Typer(help="Imports: what each did, its rejected rows, taking it back.", no_args_is_help=True)
leads_app = typer.Typer(help="One lead: everything known, and taking a merge back.", no_args_is_help=True)
ImportId = Annotated[str, typer.Argument(metavar="IMPORT", help="An import's id.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="Most imports, the newest.")] = 100, as_json: JsonFlag = False
) -> None:
    """Show the imports, newest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = imports.list_(work, limit=limit)
    if as_json:
        emit_json(found)
    elif found:
        table(
            "Imports",
            ("id", "file", "when", "state", "rows", "created", "merged", "unchanged", "rejected"),
            map(_row, found),
        )
    else:
        say("Nothing was imported yet; `overture import FILE` does.")


@app.command()
def show(import_id: ImportId, as_json: JsonFlag = False) -> None:
    """Show what an import did, or how far it is."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = imports.show(work, import_id)
        report = imports.get_report(work, import_id) if found.state is ImportState.DONE else None
    if as_json:
        emit_json({**(report or found).model_dump(mode="json"), "id": found.id, "state": found.state})
    elif report is not None:
        show_report(report)
    else:
        say(f"{found.filename}: {found.state} after {quantity(found.rows, 'row')}. {found.go_on or ''}".rstrip())
        outcome = ("created", "merged", "unchanged", "rejected")
        table("Rows", ("became", "rows"), [(name, getattr(found, name)) for name in outcome])


@app.command()
def rejects(import_id: ImportId) -> None:
    """Print every row that an import could not take as CSV: line, reasons, original text."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        write_rejects(imports.rejects(work, import_id), sys.stdout)


@app.command()
def undo(import_id: ImportId, yes: Yes = False, as_json: JsonFlag = False) -> None:
    """Take a whole import back: what it wrote goes, where nobody has built on it since."""
    with open_store() as store:
        with store.read(store.settings.workspace) as work:
            filename = imports.show(work, import_id).filename
            found = None if yes else going(work, import_id)
        if found is not None:
            what = f"{quantity(found.leads, 'lead')} created and {quantity(found.merges, 'merge')} of {filename}"
            _confirm(what, as_json=as_json, stays=found.stay)
        undone = undo_import(store, import_id, workspace=store.settings.workspace, actor=actor())
    _tell(undone, as_json=as_json)


@leads_app.command("show")
def show_lead(
    lead: Annotated[str, typer.Argument(help="A lead's id, e-mail address or phone number.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Show everything known of a lead, and where each field comes from."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.get(work, lead_id_of(work, lead))
        changes = service.changes(work, found.id)
        known_by = service.known_by(work, found.id)
    if as_json:
        told = [each.model_dump(mode="json") for each in changes]
        emit_json({**found.model_dump(mode="json"), "known_by": known_by, "changes": told})
        return
    created = found.import_id or "created here"
    apart = {"custom", "tags", "consents", "messages", "replies", "signals", "changes", "provenance", "custom_left_out"}
    plain = found.model_dump(mode="json", exclude=apart)
    fields = {**plain, **{f"custom.{key}": value for key, value in found.custom.items()}}
    rows = [(name, value, found.provenance.get(name, created)) for name, value in fields.items() if value is not None]
    table(f"Lead {found.id}", ("field", "value", "from"), rows)
    if found.custom_left_out:
        say(f"{quantity(found.custom_left_out, 'custom field')} more than can be shown.")
    say(f"Known by: {', '.join(f'{kind} {value}' for kind, value in known_by)}")
    say(f"Tags: {', '.join(found.tags) or 'none'}")
    consents = [(each.channel, "agreed" if each.granted else "refused", each.source) for each in found.consents]
    table("Consent", ("channel", "what", "source"), consents)
    if found.signals:
        signals = [(f"{each.observed_at:%Y-%m-%d}", each.kind, each.source, each.note) for each in found.signals]
        table("Signals, newest first", ("at", "what", "from", "note from outside"), signals)
    if changes:
        merges = [
            (
                each.id,
                each.import_id,
                each.line,
                each.actor,
                ", ".join(service.names_in(each.detail)),
                "taken back" if each.undone_at else "",
            )
            for each in changes
        ]
        table("Changes, newest first", ("id", "import", "line", "by", "what", ""), merges)


@leads_app.command("undo")
def undo_merge(
    change: Annotated[str, typer.Argument(help="A change's id; `overture leads show` has it.", show_default=False)],
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Take back what one row of a file changed in a lead."""
    with open_store() as store:
        with store.read(store.settings.workspace) as work:
            found = undoable_change(work, change)
            names = service.names_in(found.detail.get(STAYED, found.detail))
            what = f"{', '.join(names)} of the lead {found.lead_id}"
        if not yes:
            _confirm(what, as_json=as_json)
        with store.begin(store.settings.workspace, actor=actor()) as work:
            undone = undo_change(work, change)
    _tell(undone, as_json=as_json)


def duplicates(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most groups.")] = 100, as_json: JsonFlag = False
) -> None:
    """Show leads who may be one person: the same name and company, or name and mail domain. Nothing is merged."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = near_duplicates(work, limit=limit)
    if as_json:
        emit_json(found)
        return
    rows = [(each.name, f"{each.same} {each.value}", each.leads, *each.lead_ids) for each in found.groups]
    table(f"{quantity(found.total, 'group')}, {len(rows)} shown", ("name", "same", "leads", "id", "and"), rows)


def _row(found: ImportView) -> tuple[object, ...]:
    when = f"{found.created_at:%Y-%m-%d %H:%M}"
    return (
        found.id,
        found.filename,
        when,
        found.state,
        found.rows,
        found.created,
        found.merged,
        found.unchanged,
        found.rejected,
    )


def _confirm(what: str, *, as_json: bool, stays: int = 0) -> None:
    rest = f", {stays:,} more would stay" if stays else ""
    if as_json or not sys.stdin.isatty():
        msg = f"{what} would be taken back{rest}; add --yes to do so."
        raise InvalidInput(msg)
    say(f"{what} would be taken back{rest}.")
    typer.confirm("Take back?", abort=True)


def _tell(undone: Undone, *, as_json: bool) -> None:
    if as_json:
        emit_json(undone)
        return
    say(f"{quantity(undone.removed, 'lead')} removed, {quantity(undone.reverted, 'merge')} taken back.")
    if undone.stayed:
        table("What stayed", ("why", "number"), list(undone.stayed.items()))
        table("For example", ("lead", "what", "why"), [(each.lead_id, each.what, each.why) for each in undone.left])
