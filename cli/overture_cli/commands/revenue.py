"""`overture revenue`: what campaigns brought in."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.payments.money import shown
from overture_core.payments.revenue import revenue as counted


def revenue(
    campaign: Annotated[str | None, typer.Argument(help="Only this campaign's; a name or id.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what was paid by campaign, step and variant, after refunds and disputes."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = counted(work, sandbox=store.settings.stripe_sandboxed, campaign=campaign)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            each.campaign,
            each.step or "-",
            each.variant or "-",
            each.payments,
            *(shown(amount, each.currency) for amount in (each.paid, each.refunded + each.disputed, each.net)),
        )
        for each in found.rows
    ]
    if not rows:
        say("Nothing was paid yet.")
        return
    table("Revenue", ("campaign", "step", "variant", "payments", "paid", "returned", "net"), rows)
    for currency, net in sorted(found.total.items()):
        say(f"{shown(net, currency)} in all.")
    if found.sandbox:
        say("In the sandbox: no money moved.")
