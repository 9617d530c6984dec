"""Payment intents, charges, refunds, disputes and the balance."""

from __future__ import annotations

import secrets
from collections import defaultdict
from typing import Annotated, Literal

from pydantic import Field

from overture_providers.sandbox.stripe.catalog import Amount, Currency, Metadata
from overture_providers.sandbox.stripe.forms import ApiError, Params
from overture_providers.sandbox.stripe.shapes import Json, blank
from overture_providers.sandbox.stripe.state import State

DECLINED = "Your card was declined."


class PaymentIntent(Params):
    """`POST /v1/payment_intents`."""

    amount: Annotated[int, Field(ge=1, le=99_999_999)]
    currency: Currency
    customer: str | None = None
    description: str | None = None
    confirm: bool = False
    payment_method: str | None = None
    payment_method_types: list[str] = Field(default_factory=lambda: ["card"])
    metadata: Metadata = Field(default_factory=dict)


class Refund(Params):
    """`POST /v1/refunds`."""

    payment_intent: str | None = None
    charge: str | None = None
    amount: Amount | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None
    metadata: Metadata = Field(default_factory=dict)


def create_intent(state: State, given: PaymentIntent) -> Json:
    """Make a payment intent; with `confirm` it is paid at once."""
    if given.customer is not None:
        state.get("customer", given.customer, "customer")
    values = given.model_dump(exclude={"confirm", "currency"})
    made = state.new(
        "payment_intent",
        "pi",
        **values,
        currency=given.currency.lower(),
        status="requires_confirmation" if given.payment_method else "requires_payment_method",
        client_secret=f"pi_secret_{secrets.token_hex(12)}",
    )
    state.tell("payment_intent.created", made)
    return confirm_intent(state, made) if given.confirm else made


def confirm_intent(state: State, intent: Json) -> Json:
    """Pay an intent. The payment method `pm_card_chargeDeclined` is declined, as at Stripe."""
    if intent["status"] in ("succeeded", "canceled"):
        msg = f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}."
        raise ApiError(msg, code="payment_intent_unexpected_state")
    if intent["payment_method"] == "pm_card_chargeDeclined":
        decline(state, intent)
        raise ApiError(DECLINED, status=402, kind="card_error", code="card_declined")
    charge = state.new(
        "charge",
        "ch",
        amount=intent["amount"],
        amount_captured=intent["amount"],
        currency=intent["currency"],
        customer=intent["customer"],
        metadata=intent["metadata"],
        payment_intent=intent["id"],
        paid=True,
        captured=True,
        status="succeeded",
        receipt_url=None,
    )
    paid = state.save(
        {
            **intent,
            "status": "succeeded",
            "amount_received": intent["amount"],
            "latest_charge": charge["id"],
            "payment_method": intent["payment_method"] or "pm_card_visa",
        }
    )
    state.tell("charge.succeeded", charge)
    state.tell("payment_intent.succeeded", paid)
    return paid


def decline(state: State, intent: Json) -> Json:
    """A try to pay that did not work."""
    made = state.save({**intent, "status": "requires_payment_method"})
    state.tell("payment_intent.payment_failed", made)
    return made


def cancel_intent(state: State, intent: Json) -> Json:
    """Take an intent back."""
    if intent["status"] in ("succeeded", "canceled"):
        msg = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise ApiError(msg, code="payment_intent_unexpected_state")
    made = state.save({**intent, "status": "canceled", "canceled_at": state.now})
    state.tell("payment_intent.canceled", made)
    return made


def create_refund(state: State, given: Refund) -> Json:
    """Give money back, all that is left or a part."""
    charge = _charge(state, given)
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if given.amount is None else given.amount
    if not left:
        raise ApiError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        msg = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise ApiError(msg, param="amount")
    refunded = charge["amount_refunded"] + amount
    charge = state.save({**charge, "amount_refunded": refunded, "refunded": refunded == charge["amount"]})
    made = state.new(
        "refund",
        "re",
        amount=amount,
        currency=charge["currency"],
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        reason=given.reason,
        status="succeeded",
        metadata=given.metadata,
    )
    state.tell("charge.refunded", charge)
    return made


def dispute(state: State, intent_id: str, status: str) -> Json:
    """Have a customer's bank dispute a payment, or decide on that."""
    intent = state.get("payment_intent", intent_id, "payment_intent")
    known = state.all("dispute", lambda each: each["payment_intent"] == intent_id)
    if known:
        made = state.save({**known[0], "status": status})
        state.tell("charge.dispute.closed" if status in ("won", "lost") else "charge.dispute.updated", made)
        return made
    charge = state.get("charge", intent["latest_charge"] or "", "payment_intent")
    made = state.new(
        "dispute",
        "du",
        amount=charge["amount"] - charge["amount_refunded"],
        currency=intent["currency"],
        charge=intent["latest_charge"],
        payment_intent=intent_id,
        reason="general",
        status=status,
    )
    state.tell("charge.dispute.created", made)
    return made


def balance(state: State) -> Json:
    """What was paid and not given back, by currency."""
    totals: dict[str, int] = defaultdict(int)
    for each in state.all("charge"):
        totals[each["currency"]] += each["amount"] - each["amount_refunded"]
    available = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted((totals or {"usd": 0}).items())
    ]
    pending = [{**each, "amount": 0, "source_types": {"card": 0}} for each in available]
    return {**blank("balance"), "object": "balance", "available": available, "pending": pending}


def _charge(state: State, given: Refund) -> Json:
    if given.charge is not None:
        return state.get("charge", given.charge, "charge")
    if given.payment_intent is None:
        raise ApiError("One of the following params should be provided: payment_intent or charge.", param="charge")
    intent = state.get("payment_intent", given.payment_intent, "payment_intent")
    if intent["latest_charge"] is None:
        msg = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise ApiError(msg, code="charge_not_found", param="payment_intent")
    return state.get("charge", intent["latest_charge"], "charge")
