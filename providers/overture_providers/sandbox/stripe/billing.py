"""Invoices and their items."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from pydantic import Field

from overture_providers.sandbox.stripe.catalog import Amount, Currency, Metadata
from overture_providers.sandbox.stripe.forms import ApiError, Params
from overture_providers.sandbox.stripe.selling import PAY, Line, lines_of
from overture_providers.sandbox.stripe.shapes import Json, blank, page
from overture_providers.sandbox.stripe.state import State

DAY_S = 24 * 3600
Days = Annotated[int, Field(ge=1, le=365)]
Method = Literal["send_invoice", "charge_automatically"]


class Invoice(Params):
    """`POST /v1/invoices`."""

    customer: str
    collection_method: Method = "charge_automatically"
    days_until_due: Days | None = None
    auto_advance: bool = False
    description: str | None = None
    currency: Currency | None = None
    pending_invoice_items_behavior: Literal["exclude", "include"] = "exclude"
    metadata: Metadata = Field(default_factory=dict)


class Pricing(Params):
    """By which price an item is counted."""

    price: str


class InvoiceItem(Params):
    """`POST /v1/invoiceitems`."""

    customer: str
    invoice: str
    pricing: Pricing | None = None
    quantity: Annotated[int, Field(ge=1)] = 1
    amount: Amount | None = None
    currency: Currency | None = None
    description: str | None = None
    metadata: Metadata = Field(default_factory=dict)


def create_invoice(state: State, given: Invoice) -> Json:
    """Make a draft."""
    customer = state.get("customer", given.customer, "customer")
    if given.collection_method == "send_invoice" and given.days_until_due is None:
        raise ApiError("If invoice is set to be sent, you must pass `days_until_due`.", param="days_until_due")
    due = state.now + given.days_until_due * DAY_S if given.days_until_due else None
    return draft_invoice(
        state,
        customer,
        collection_method=given.collection_method,
        due_date=due,
        auto_advance=given.auto_advance,
        description=given.description,
        currency=(given.currency or customer["currency"] or "usd").lower(),
        metadata=given.metadata,
    )


def draft_invoice(state: State, customer: Json, **values: object) -> Json:
    """Make a draft with nothing on it."""
    id_ = f"in_{secrets.token_hex(12)}"
    return state.new(
        "invoice",
        "in",
        **{
            "id": id_,
            "status": "draft",
            "customer": customer["id"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "billing_reason": "manual",
            "lines": page([], f"/v1/invoices/{id_}/lines"),
            "period_start": state.now,
            "period_end": state.now,
            "payments": page([], f"/v1/invoices/{id_}/payments"),
            **values,
        },
    )


def create_invoice_item(state: State, given: InvoiceItem) -> Json:
    """Put a line on a draft."""
    invoice = _draft(state, given.invoice)
    if given.pricing is not None:
        (line,) = lines_of(state, [Line(price=given.pricing.price, quantity=given.quantity)], "pricing")
        amount, currency, description = line["amount_total"], line["currency"], line["description"]
    elif given.amount is not None and given.currency is not None:
        amount, currency, description = given.amount * given.quantity, given.currency.lower(), given.description
    else:
        raise ApiError("You must pass either `pricing` or `amount` and `currency`.", param="amount")
    if invoice["lines"]["data"] and invoice["currency"] != currency:
        raise ApiError(
            f"The item's currency ({currency}) does not match the invoice's currency ({invoice['currency']}).",
            param="currency",
        )
    made = state.new(
        "invoiceitem",
        "ii",
        customer=given.customer,
        invoice=given.invoice,
        amount=amount,
        currency=currency,
        quantity=given.quantity,
        quantity_decimal=str(given.quantity),
        description=given.description or description,
        date=state.now,
        metadata=given.metadata,
        period={"start": state.now, "end": state.now},
    )
    state.save(with_lines(invoice, [*invoice["lines"]["data"], invoice_line(made)]))
    return made


def invoice_line(item: Json) -> Json:
    """The line that an item is on its invoice."""
    return {
        **blank("line_item"),
        "id": f"il_{secrets.token_hex(12)}",
        "object": "line_item",
        "amount": item["amount"],
        "subtotal": item["amount"],
        "currency": item["currency"],
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "description": item["description"],
        "period": item["period"],
        "invoice": item["invoice"],
    }


def with_lines(invoice: Json, lines: list[Json]) -> Json:
    """An invoice with these lines, and what they come to."""
    total = sum(each["amount"] for each in lines)
    sums = ("amount_due", "amount_remaining", "subtotal", "total")
    return {
        **invoice,
        **dict.fromkeys(sums, total),
        "currency": lines[0]["currency"],
        "lines": {**invoice["lines"], "data": lines},
    }


def finalize_invoice(state: State, invoice: Json) -> Json:
    """Give a draft its number; from here on it can be paid."""
    _draft(state, invoice["id"])
    return state.save(
        {
            **invoice,
            "status": "open",
            "number": f"SBX-{secrets.token_hex(3).upper()}",
            "hosted_invoice_url": f"{state.base}{PAY}/{invoice['id']}",
            "status_transitions": {**invoice["status_transitions"], "finalized_at": state.now},
        }
    )


def send_invoice(state: State, invoice: Json) -> Json:
    """Send an invoice, finalised first if need be. The sandbox sends nothing to anybody."""
    if invoice["collection_method"] != "send_invoice":
        raise ApiError("You can only manually send an invoice if its collection method is 'send_invoice'.")
    opened = finalize_invoice(state, invoice) if invoice["status"] == "draft" else invoice
    if opened["status"] != "open":
        raise ApiError(f"This invoice is {opened['status']}, so it cannot be sent.")
    state.tell("invoice.sent", opened)
    return opened


def void_invoice(state: State, invoice: Json) -> Json:
    """Take back an invoice that was not paid."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise ApiError(f"You can only pass in open invoices. This invoice isn't open: it is {invoice['status']}.")
    made = state.save({**invoice, "status": "void", "amount_remaining": 0, "amount_due": 0})
    state.tell("invoice.voided", made)
    return made


def _draft(state: State, invoice_id: str) -> Json:
    invoice = state.get("invoice", invoice_id, "invoice")
    if invoice["status"] != "draft":
        raise ApiError("This invoice is already finalized, you can't re-finalize or change a non-draft invoice.")
    return invoice
