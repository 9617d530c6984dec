"""Payment links and checkout sessions, and the lines that everything with a price has."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from pydantic import Field

from overture_providers.sandbox.stripe.catalog import Metadata
from overture_providers.sandbox.stripe.forms import ApiError, Params
from overture_providers.sandbox.stripe.shapes import Json, blank, page
from overture_providers.sandbox.stripe.state import State

PAY = "/sandbox/stripe/pay"
SESSION_LASTS_S = 24 * 3600


class Line(Params):
    """A price, so many times."""

    price: str
    quantity: Annotated[int, Field(ge=1, le=999_999)] = 1


class WithMetadata(Params):
    """What a payment or a subscription is to carry."""

    metadata: Metadata = Field(default_factory=dict)
    description: str | None = None


class Completed(Params):
    """How many times a link may be paid."""

    limit: Annotated[int, Field(ge=1)]


class Restrictions(Params):
    """What ends a link."""

    completed_sessions: Completed


class PaymentLink(Params):
    """`POST /v1/payment_links`."""

    line_items: Annotated[list[Line], Field(min_length=1, max_length=20)]
    metadata: Metadata = Field(default_factory=dict)
    payment_intent_data: WithMetadata | None = None
    subscription_data: WithMetadata | None = None
    restrictions: Restrictions | None = None
    allow_promotion_codes: bool = False


class Session(Params):
    """`POST /v1/checkout/sessions`."""

    mode: Literal["payment", "subscription"]
    line_items: Annotated[list[Line], Field(min_length=1, max_length=100)]
    success_url: str
    cancel_url: str | None = None
    customer: str | None = None
    client_reference_id: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    payment_intent_data: WithMetadata | None = None
    subscription_data: WithMetadata | None = None
    allow_promotion_codes: bool | None = None


def lines_of(state: State, given: list[Line], param: str = "line_items") -> list[Json]:
    """Return lines with their prices and amounts.

    Raises:
        ApiError: a price is not there, or not in use, or they are of several currencies.
    """
    made = []
    for number, line in enumerate(given):
        price = state.get("price", line.price, f"{param}[{number}][price]")
        if not price["active"]:
            raise ApiError(f"The price specified is inactive: {line.price}.", param=f"{param}[{number}][price]")
        amount = price["unit_amount"] * line.quantity
        made.append(
            {
                **blank("item"),
                "id": f"li_{secrets.token_hex(12)}",
                "object": "item",
                "price": price,
                "quantity": line.quantity,
                "amount_subtotal": amount,
                "amount_total": amount,
                "currency": price["currency"],
                "description": state.get("product", price["product"])["name"],
            }
        )
    if len({each["currency"] for each in made}) > 1:
        raise ApiError("You may only specify one currency for all line items.", param=f"{param}[0][price]")
    return made


def is_recurring(lines: list[Json]) -> bool:
    """Whether a line is a subscription's."""
    return any(each["price"]["recurring"] for each in lines)


def create_payment_link(state: State, given: PaymentLink) -> Json:
    """Make a link that anybody can pay."""
    lines = lines_of(state, given.line_items)
    _require(given, is_recurring(lines))
    id_ = f"plink_{secrets.token_hex(12)}"
    return state.new(
        "payment_link",
        "plink",
        id=id_,
        active=True,
        url=f"{state.base}{PAY}/{id_}",
        currency=lines[0]["currency"],
        line_items=page(lines, f"/v1/payment_links/{id_}/line_items"),
        metadata=given.metadata,
        allow_promotion_codes=given.allow_promotion_codes,
        billing_address_collection="auto",
        payment_method_collection="always",
        submit_type="auto",
        customer_creation="if_required",
        **_data(given),
        restrictions={"completed_sessions": {"count": 0, "limit": given.restrictions.completed_sessions.limit}}
        if given.restrictions
        else None,
    )


def create_session(state: State, given: Session) -> Json:
    """Make a checkout session."""
    if given.customer is not None:
        state.get("customer", given.customer, "customer")
    lines = lines_of(state, given.line_items)
    if is_recurring(lines) is not (given.mode == "subscription"):
        msg = (
            "You specified `payment` mode but passed a recurring price."
            if given.mode == "payment"
            else ("You must provide at least one recurring price in `subscription` mode.")
        )
        raise ApiError(msg, param="line_items[0][price]")
    _require(given, given.mode == "subscription")
    return open_session(
        state,
        lines,
        mode=given.mode,
        customer=given.customer,
        metadata=given.metadata,
        success_url=given.success_url,
        cancel_url=given.cancel_url,
        client_reference_id=given.client_reference_id,
        allow_promotion_codes=given.allow_promotion_codes,
        carried=_data(given),
    )


def open_session(state: State, lines: list[Json], *, mode: str, carried: Json, **values: object) -> Json:
    """Open a session, for a call or for somebody who followed a link. `carried` goes on what comes of it."""
    total = sum(each["amount_total"] for each in lines)
    id_ = f"cs_test_{secrets.token_hex(24)}"
    made = state.new(
        "checkout.session",
        "cs",
        id=id_,
        mode=mode,
        status="open",
        payment_status="unpaid",
        currency=lines[0]["currency"],
        amount_subtotal=total,
        amount_total=total,
        expires_at=state.now + SESSION_LASTS_S,
        payment_method_types=["card"],
        url=f"{state.base}{PAY}/{id_}",
        ui_mode="hosted_page",
        line_items=page(lines, f"/v1/checkout/sessions/{id_}/line_items"),
        **values,
    )
    return state.save({**made, "_carried": carried})


def expire_session(state: State, session: Json) -> Json:
    """End a session that nobody paid."""
    if session["status"] != "open":
        raise ApiError(f"Only Checkout Sessions with a status in `open` can be expired, this is {session['status']}.")
    made = state.save({**session, "status": "expired", "url": None})
    state.tell("checkout.session.expired", shown(made))
    return made


def shown(found: Json) -> Json:
    """An object as Stripe shows it."""
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _data(given: PaymentLink | Session) -> Json:
    return {
        "payment_intent_data": {**blank_of("payment_intent_data"), **given.payment_intent_data.model_dump()}
        if given.payment_intent_data
        else None,
        "subscription_data": {**blank_of("subscription_data"), **given.subscription_data.model_dump()}
        if given.subscription_data
        else None,
    }


def blank_of(name: str) -> Json:
    """Nothing of what a link passes on."""
    import stripe

    from overture_providers.sandbox.stripe.shapes import blank_object

    classes = {
        "payment_intent_data": stripe.PaymentLink.PaymentIntentData,
        "subscription_data": stripe.PaymentLink.SubscriptionData,
    }
    return blank_object(classes[name])


def _require(given: PaymentLink | Session, recurring: bool) -> None:
    wrong = "payment_intent_data" if recurring else "subscription_data"
    if getattr(given, wrong) is not None:
        mode = "subscription" if recurring else "payment"
        raise ApiError(f"You can not pass `{wrong}` in `{mode}` mode.", param=wrong)
