"""`overture contactability`: whether a lead may be contacted, and why not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from overture_cli.context import open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.contactability.explaining import explain
from overture_core.errors import InvalidInput
from overture_core.leads.finding import lead_id_of
from overture_core.messages.channels import Channel


def contactability(
    lead: Annotated[str, typer.Argument(help="A lead's id, e-mail address or phone number.", show_default=False)],
    channel: Annotated[Channel | None, typer.Option(help="Only this channel.")] = None,
    at: Annotated[str | None, typer.Option(help="A time such as 2026-11-23T21:30-05:00; UTC without a zone.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether a lead may be contacted now or at a time, channel by channel, and why not."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = explain(work, lead_id_of(work, lead), tuple(Channel) if channel is None else (channel,), _moment(at))
    if as_json:
        emit_json(found)
        return
    rows = [(each.channel, each.verdict, each.text, "; ".join(each.evidence)) for each in found.channels]
    say(f"Lead {found.lead_id} at {found.at:%Y-%m-%d %H:%M %Z}")
    table("Contactability", ("channel", "answer", "in words", "on record"), rows)


def _moment(at: str | None) -> datetime | None:
    try:
        return None if at is None else datetime.fromisoformat(at)
    except ValueError as error:
        msg = f"--at takes a time such as 2026-11-23T21:30-05:00, not {at!r}."
        raise InvalidInput(msg) from error
