"""`overture stripe ...`: what a person alone decides about payments."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.payments import prices
from overture_core.payments.money import shown
from overture_core.text import quoted

app = typer.Typer(help="Payments by Stripe, as far as a person decides on them.", no_args_is_help=True)
Price = Annotated[str, typer.Argument(help="The price's id at Stripe (price_...).", show_default=False)]


@app.command("prices")
def list_(as_json: JsonFlag = False) -> None:
    """List the prices that leads may be asked to pay without an approval."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = prices.list_(work, sandbox=store.settings.stripe_sandboxed)
    if as_json:
        emit_json(found)
    elif not found:
        say("No price is allowed; `overture stripe allow PRICE` adds one.")
    else:
        rows = [
            (each.id, each.product, shown(each.amount, each.currency), each.interval or "once", each.allowed_by)
            for each in found
        ]
        table("Allowed prices", ("id", "product", "amount", "every", "by"), rows)


@app.command()
def allow(price: Price, as_json: JsonFlag = False) -> None:
    """Allow a price that is at Stripe: leads may be asked to pay it, within the caps."""
    from overture_providers.stripe.client import opened

    with open_store() as store:
        with opened(store.settings) as account:
            found = account.read(lambda client: client.v1.prices.retrieve(price))
            product = account.read(lambda client: client.v1.products.retrieve(str(found.product)))
            sandbox = account.endpoint.sandbox
        amount = found.unit_amount
        if not found.active or amount is None:
            msg = f"The price {quoted(price)} is not in use, or has no fixed amount; choose another."
            raise InvalidInput(msg)
        with store.begin(store.settings.workspace, actor=actor()) as work:
            allowed = prices.allow(
                work,
                price,
                product=product.name,
                amount=amount,
                currency=found.currency.upper(),
                interval=found.recurring.interval if found.recurring else None,
                sandbox=sandbox,
            )
    if as_json:
        emit_json(allowed)
    else:
        say(f"{quoted(allowed.product)} at {shown(allowed.amount, allowed.currency)} may be asked for now.")


@app.command()
def disallow(price: Price, as_json: JsonFlag = False) -> None:
    """Take a price off the list; what was asked for already stays."""
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        prices.disallow(work, price)
    emit_json({"id": price}) if as_json else say(f"{price} needs an approval each time now.")
