"""Subscriptions and quotes."""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import Field

from overture_providers.sandbox.stripe.billing import (
    DAY_S,
    Days,
    Method,
    draft_invoice,
    finalize_invoice,
    invoice_line,
    with_lines,
)
from overture_providers.sandbox.stripe.catalog import Metadata
from overture_providers.sandbox.stripe.forms import ApiError, Params
from overture_providers.sandbox.stripe.selling import Line, is_recurring, lines_of
from overture_providers.sandbox.stripe.shapes import Json, blank, page
from overture_providers.sandbox.stripe.state import State

MONTH_S = 30 * DAY_S


class Subscription(Params):
    """`POST /v1/subscriptions`."""

    customer: str
    items: Annotated[list[Line], Field(min_length=1, max_length=20)]
    collection_method: Method = "charge_automatically"
    days_until_due: Days | None = None
    description: str | None = None
    metadata: Metadata = Field(default_factory=dict)


class Due(Params):
    """When an invoice has to be paid."""

    days_until_due: Days | None = None


class Quote(Params):
    """`POST /v1/quotes`."""

    customer: str
    line_items: Annotated[list[Line], Field(min_length=1)]
    collection_method: Method = "charge_automatically"
    invoice_settings: Due | None = None
    expires_at: int | None = None
    description: str | None = None
    metadata: Metadata = Field(default_factory=dict)


def create_subscription(state: State, given: Subscription) -> Json:
    """Start a subscription; its first invoice is open at once."""
    customer = state.get("customer", given.customer, "customer")
    lines = lines_of(state, given.items, "items")
    if not all(each["price"]["recurring"] for each in lines):
        raise ApiError("The price specified is set to `type=one_time` but this field only accepts recurring prices.")
    due = state.now + given.days_until_due * DAY_S if given.days_until_due else None
    made = start_subscription(
        state,
        customer,
        lines,
        given.metadata,
        collection_method=given.collection_method,
        days_until_due=given.days_until_due,
        description=given.description,
    )
    invoice = finalize_invoice(state, subscription_invoice(state, made, customer, lines, due_date=due))
    return state.save({**made, "latest_invoice": invoice["id"]})


def start_subscription(state: State, customer: Json, lines: list[Json], metadata: Json, **values: object) -> Json:
    """Make a subscription that runs."""
    items = [
        {
            **blank("subscription_item"),
            "id": f"si_{secrets.token_hex(8)}",
            "object": "subscription_item",
            "created": state.now,
            "price": each["price"],
            "quantity": each["quantity"],
            "current_period_start": state.now,
            "current_period_end": state.now + MONTH_S,
            "metadata": {},
        }
        for each in lines
    ]
    made = state.new(
        "subscription",
        "sub",
        **{
            "customer": customer["id"],
            "status": "active",
            "currency": lines[0]["currency"],
            "metadata": metadata,
            "collection_method": "charge_automatically",
            "items": page(items, "/v1/subscription_items"),
            "start_date": state.now,
            "billing_cycle_anchor": state.now,
            **values,
        },
    )
    state.tell("customer.subscription.created", made)
    return made


def subscription_invoice(state: State, subscription: Json, customer: Json, lines: list[Json], **values: object) -> Json:
    """Draft a subscription's invoice, which carries what is on the subscription."""
    details = {
        "metadata": subscription["metadata"],
        "subscription": subscription["id"],
        "subscription_proration_date": None,
    }
    invoice = draft_invoice(
        state,
        customer,
        **{
            "collection_method": subscription["collection_method"],
            "billing_reason": "subscription_create",
            "parent": {"type": "subscription_details", "quote_details": None, "subscription_details": details},
            **values,
        },
    )
    return state.save(with_lines(invoice, [_as_line(state, each, invoice["id"]) for each in lines]))


def cancel_subscription(state: State, subscription: Json) -> Json:
    """End a subscription at once."""
    if subscription["status"] == "canceled":
        raise ApiError(f"No such subscription: '{subscription['id']}'", status=404, code="resource_missing")
    made = state.save({**subscription, "status": "canceled", "canceled_at": state.now, "ended_at": state.now})
    state.tell("customer.subscription.deleted", made)
    return made


def create_quote(state: State, given: Quote) -> Json:
    """Make a draft of a quote."""
    state.get("customer", given.customer, "customer")
    lines = lines_of(state, given.line_items)
    total = sum(each["amount_total"] for each in lines)
    made = state.new(
        "quote",
        "qt",
        status="draft",
        customer=given.customer,
        currency=lines[0]["currency"],
        amount_subtotal=total,
        amount_total=total,
        collection_method=given.collection_method,
        expires_at=given.expires_at or state.now + MONTH_S,
        description=given.description,
        metadata=given.metadata,
        line_items=page(lines, "/v1/quotes/line_items"),
    )
    due = given.invoice_settings.days_until_due if given.invoice_settings else None
    return state.save({**made, "invoice_settings": {**made["invoice_settings"], "days_until_due": due}})


def finalize_quote(state: State, quote: Json) -> Json:
    """Open a draft, so that it can be accepted."""
    _require_status(quote, "draft", "finalized")
    return state.save({**quote, "status": "open", "number": f"QT-{secrets.token_hex(3).upper()}-1"})


def accept_quote(state: State, quote: Json) -> Json:
    """Accept a quote: a draft of an invoice, or a subscription, comes of it."""
    _require_status(quote, "open", "accepted")
    customer, lines = state.get("customer", quote["customer"]), quote["line_items"]["data"]
    if is_recurring(lines):
        made = start_subscription(state, customer, lines, quote["metadata"])
        return state.save({**quote, "status": "accepted", "subscription": made["id"]})
    days = quote["invoice_settings"]["days_until_due"]
    invoice = draft_invoice(
        state,
        customer,
        collection_method=quote["collection_method"],
        due_date=state.now + days * DAY_S if days else None,
        metadata=quote["metadata"],
    )
    state.save(with_lines(invoice, [_as_line(state, each, invoice["id"]) for each in lines]))
    return state.save({**quote, "status": "accepted", "invoice": invoice["id"]})


def cancel_quote(state: State, quote: Json) -> Json:
    """Take a quote back."""
    if quote["status"] not in ("draft", "open"):
        raise ApiError(f"You cannot cancel this quote because it is {quote['status']}.")
    return state.save({**quote, "status": "canceled"})


def _as_line(state: State, line: Json, invoice_id: str) -> Json:
    period = {"start": state.now, "end": state.now}
    return invoice_line({**line, "amount": line["amount_total"], "period": period, "invoice": invoice_id})


def _require_status(quote: Json, status: str, done: str) -> None:
    if quote["status"] != status:
        raise ApiError(f"This quote cannot be {done}: it is {quote['status']}, not {status}.")
