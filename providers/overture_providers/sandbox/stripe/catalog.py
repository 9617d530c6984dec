"""Customers, products, prices, coupons, promotion codes and meters."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from pydantic import Field

from overture_providers.sandbox.stripe.forms import ApiError, Params
from overture_providers.sandbox.stripe.shapes import Json
from overture_providers.sandbox.stripe.state import State

Metadata = dict[str, Annotated[str, Field(max_length=500)]]
Currency = Annotated[str, Field(pattern="^[A-Za-z]{3}$")]
Amount = Annotated[int, Field(ge=0, le=99_999_999_99)]


class Customer(Params):
    """`POST /v1/customers`."""

    email: Annotated[str, Field(max_length=512)] | None = None
    name: Annotated[str, Field(max_length=256)] | None = None
    phone: str | None = None
    description: str | None = None
    metadata: Metadata = Field(default_factory=dict)


class Product(Params):
    """`POST /v1/products`."""

    name: str
    active: bool = True
    description: str | None = None
    metadata: Metadata = Field(default_factory=dict)


class Recurring(Params):
    """How often a price is asked for."""

    interval: Literal["day", "week", "month", "year"]
    interval_count: int = 1


class Price(Params):
    """`POST /v1/prices`."""

    product: str
    unit_amount: Amount
    currency: Currency
    active: bool = True
    nickname: str | None = None
    recurring: Recurring | None = None
    metadata: Metadata = Field(default_factory=dict)


class Coupon(Params):
    """`POST /v1/coupons`."""

    percent_off: Annotated[float, Field(gt=0, le=100)] | None = None
    amount_off: Amount | None = None
    currency: Currency | None = None
    duration: Literal["once", "forever", "repeating"] = "once"
    duration_in_months: int | None = None
    max_redemptions: int | None = None
    redeem_by: int | None = None
    name: Annotated[str, Field(max_length=40)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class Promotion(Params):
    """What a promotion code stands for."""

    type: Literal["coupon"]
    coupon: str


class PromotionCode(Params):
    """`POST /v1/promotion_codes`."""

    promotion: Promotion
    code: Annotated[str, Field(pattern="^[A-Za-z0-9-]{1,500}$")] | None = None
    customer: str | None = None
    max_redemptions: int | None = None
    expires_at: int | None = None
    active: bool = True
    metadata: Metadata = Field(default_factory=dict)


class Meter(Params):
    """`POST /v1/billing/meters`."""

    display_name: str
    event_name: Annotated[str, Field(max_length=100)]
    default_aggregation: dict[str, str]
    customer_mapping: dict[str, str] = Field(
        default_factory=lambda: {"type": "by_id", "event_payload_key": "stripe_customer_id"}
    )
    value_settings: dict[str, str] = Field(default_factory=lambda: {"event_payload_key": "value"})


class MeterEvent(Params):
    """`POST /v1/billing/meter_events`."""

    event_name: str
    payload: dict[str, str]
    identifier: Annotated[str, Field(max_length=100)] | None = None
    timestamp: int | None = None


def create_customer(state: State, given: Customer) -> Json:
    """Make a customer."""
    made = state.new("customer", "cus", **given.model_dump(), balance=0, invoice_prefix=secrets.token_hex(4).upper())
    state.tell("customer.created", made)
    return made


def create_product(state: State, given: Product) -> Json:
    """Make a product."""
    return state.new("product", "prod", **given.model_dump(), type="service", updated=state.now)


def create_price(state: State, given: Price) -> Json:
    """Make a price of a product."""
    state.get("product", given.product, "product")
    values = given.model_dump(exclude={"currency", "recurring"})
    recurring = given.recurring.model_dump() if given.recurring else None
    return state.new(
        "price",
        "price",
        **values,
        currency=given.currency.lower(),
        unit_amount_decimal=str(given.unit_amount),
        type="recurring" if recurring else "one_time",
        recurring={**recurring, "usage_type": "licensed", "meter": None, "trial_period_days": None}
        if recurring
        else None,
    )


def create_coupon(state: State, given: Coupon) -> Json:
    """Make a coupon: so much percent off, or an amount."""
    if (given.percent_off is None) == (given.amount_off is None):
        raise ApiError("Must provide exactly one of `percent_off` or `amount_off`.", param="percent_off")
    if given.amount_off is not None and given.currency is None:
        raise ApiError("You must pass currency when passing amount_off.", param="currency", code="parameter_missing")
    values = given.model_dump(exclude={"currency"})
    currency = given.currency.lower() if given.currency else None
    return state.new(
        "coupon", "co", **values, id=secrets.token_hex(4).upper(), currency=currency, valid=True, times_redeemed=0
    )


def create_promotion_code(state: State, given: PromotionCode) -> Json:
    """Make a code that a customer types in."""
    state.get("coupon", given.promotion.coupon, "promotion[coupon]")
    code = (given.code or secrets.token_hex(4)).upper()
    if state.all("promotion_code", lambda each: each["active"] and each["code"] == code):
        raise ApiError(f"An active promotion code with `code: {code}` already exists.", param="code")
    values = given.model_dump(exclude={"code", "promotion"})
    return state.new("promotion_code", "promo", **values, code=code, promotion=given.promotion.model_dump())


def create_meter(state: State, given: Meter) -> Json:
    """Make a meter; the name of its events is its own."""
    if state.all("billing.meter", lambda each: each["event_name"] == given.event_name):
        raise ApiError(f"An active meter with event name {given.event_name} already exists.", param="event_name")
    return state.new("billing.meter", "mtr", **given.model_dump(), status="active", updated=state.now)


def create_meter_event(state: State, given: MeterEvent) -> Json:
    """Take a report of usage. The same identifier again is an error, as it is at Stripe for a day."""
    meters = state.all("billing.meter", lambda each: each["event_name"] == given.event_name)
    if not meters:
        raise ApiError(f"No active meter found for event name {given.event_name}.", param="event_name")
    customer_key, value_key = (meters[0][name]["event_payload_key"] for name in ("customer_mapping", "value_settings"))
    if not given.payload.get(value_key, "").isdigit():
        raise ApiError(f"The payload's `{value_key}` has to be a whole number.", param=f"payload[{value_key}]")
    state.get("customer", given.payload.get(customer_key, ""), f"payload[{customer_key}]")
    identifier = given.identifier or secrets.token_hex(12)
    if state.all("billing.meter_event", lambda each: each["identifier"] == identifier):
        raise ApiError(f"An event already exists with identifier {identifier}.", param="identifier")
    values: dict[str, Any] = {"event_name": given.event_name, "payload": given.payload, "identifier": identifier}
    state.new("billing.meter_event", "mtre", **values, timestamp=given.timestamp or state.now)
    # It has no id of its own at Stripe.
    kept = state.all("billing.meter_event", lambda each: each["identifier"] == identifier)[0]
    return {name: value for name, value in kept.items() if name != "id"}
