"""`overture consent ...`: what leads agreed to or refused, with the evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.leads import consenting
from overture_core.leads.finding import lead_id_of
from overture_core.messages.channels import Channel
from overture_core.text import quantity

app = typer.Typer(help="What leads agreed to or refused, with the evidence.", no_args_is_help=True)
LeadArgument = Annotated[str, typer.Argument(help="A lead's id, e-mail address or phone number.", show_default=False)]


@app.command()
def record(
    lead: LeadArgument,
    channel: Annotated[Channel, typer.Option(help="For which channel.", show_default=False)],
    granted: Annotated[bool, typer.Option("--granted/--refused", help="What they said.", show_default=False)],
    source: Annotated[str, typer.Option(help="Where it was given, such as a form; a grant needs it.")] = "",
    wording: Annotated[str, typer.Option(help="What they agreed to, word for word; a grant needs it.")] = "",
    at: Annotated[
        str | None, typer.Option(help="When, such as 2026-11-23T21:30-05:00; UTC without a zone, now without it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Record that a lead agreed or refused; a refusal cancels what is pending on the channel."""
    moment = _moment(at)
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = consenting.record(
            work,
            lead_id_of(work, lead),
            channel,
            granted=granted,
            source=source,
            wording=wording,
            given_at=moment,
            by_person=True,
        )
    if as_json:
        emit_json(found)
        return
    said = "agreed to" if found.consent.granted else "refused"
    how = f"{quantity(found.cancelled, 'message')} cancelled" if found.changed else "as was on record"
    say(f"{found.lead_id} {said} {found.consent.channel}; {how}.")


@app.command("list")
def list_(lead: LeadArgument, as_json: JsonFlag = False) -> None:
    """List what a lead agreed to and refused, newest first; the first of a channel counts."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = consenting.history(work, lead_id_of(work, lead))
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            each.channel,
            "agreed" if each.granted else "refused",
            f"{each.given_at or each.recorded_at:%Y-%m-%d %H:%M} UTC",
            each.source,
            each.wording,
        )
        for each in found
    ]
    table("Consent", ("channel", "said", "at", "source", "wording"), rows)


def _moment(at: str | None) -> datetime | None:
    try:
        return None if at is None else datetime.fromisoformat(at)
    except ValueError as error:
        msg = f"--at takes a time such as 2026-11-23T21:30-05:00, not {at!r}."
        raise InvalidInput(msg) from error
