"""`overture payments ...`: payments that came by another way than Stripe."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.leads.finding import lead_id_of
from overture_core.payments import service

app = typer.Typer(help="Payments that came by another way; who paid is written to no more.", no_args_is_help=True)


@app.command()
def record(
    lead: Annotated[str, typer.Argument(help="A lead's id, e-mail address or phone number.", show_default=False)],
    amount: Annotated[str, typer.Option(help="Such as 120 or 12.50.", show_default=False)],
    currency: Annotated[str, typer.Option(help="Its three letters, such as EUR.", show_default=False)],
    reference: Annotated[str, typer.Option(help="The invoice's number or the like.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Keep a payment; what is pending to the lead is cancelled, on every channel."""
    paid = service.amount_of(amount)
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = service.record(work, lead_id_of(work, lead), amount=paid, currency=currency, reference=reference)
    emit_json(found) if as_json else say(f"{found.amount} {found.currency} of {found.lead_id} is kept as {found.id}.")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most payments to list.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List payments, newest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.list_(work, limit=limit)
    if as_json:
        emit_json(found)
        return
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M} UTC", each.lead_id, f"{each.amount} {each.currency}", each.source, each.reference)
        for each in found
    ]
    table("Payments", ("at", "lead", "amount", "by", "reference"), rows)
