"""Whole objects as stripe-python's types describe them: every field is there, empty where nothing says otherwise."""

from __future__ import annotations

import sys
import typing
from copy import deepcopy
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, Literal

Json = dict[str, Any]
# By the name that Stripe gives the object, the class that describes it.
CLASSES = {
    "balance": "Balance",
    "billing.meter": "billing.Meter",
    "billing.meter_event": "billing.MeterEvent",
    "charge": "Charge",
    "checkout.session": "checkout.Session",
    "coupon": "Coupon",
    "customer": "Customer",
    "dispute": "Dispute",
    "event": "Event",
    "invoice": "Invoice",
    "invoice_payment": "InvoicePayment",
    "invoiceitem": "InvoiceItem",
    "item": "LineItem",
    "line_item": "InvoiceLineItem",
    "payment_intent": "PaymentIntent",
    "payment_link": "PaymentLink",
    "price": "Price",
    "product": "Product",
    "promotion_code": "PromotionCode",
    "quote": "Quote",
    "refund": "Refund",
    "subscription": "Subscription",
    "subscription_item": "SubscriptionItem",
}
_PLAIN: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, Decimal: "0"}


def blank(name: str) -> Json:
    """Return an object of a kind with nothing in it."""
    return deepcopy(blank_object(class_of(name)))


def page(data: list[Json], url: str, *, more: bool = False) -> Json:
    """Return a list as Stripe answers with it."""
    return {"object": "list", "data": data, "has_more": more, "url": url}


def class_of(name: str) -> Any:
    """Return the SDK's class of a kind of object."""
    import stripe

    found: Any = stripe
    for part in CLASSES[name].split("."):
        found = getattr(found, part)
    return found


@cache
def fields(described: Any) -> Json:
    """Return the types of a class's own fields. A name that is nowhere to be had at run time is any type."""
    holder = type("Fields", (), {"__annotations__": dict(described.__annotations__)})
    found = typing.get_type_hints(holder, vars(sys.modules[described.__module__]), _Names())
    return {name: hint for name, hint in found.items() if name.islower() and name != "deleted" and name[0] != "_"}


class _Names(dict[str, Any]):
    """The names that the SDK imports for type checkers alone."""

    def __missing__(self, name: str) -> Any:
        import stripe

        if name in {"bool", "float", "int", "str", "object"}:
            raise KeyError(name)
        return getattr(stripe, name, Any)


@cache
def blank_object(described: Any) -> Json:
    """Return an object of one of the SDK's classes with nothing in it; not to be changed."""
    # Maps by currency and the like are there only if they are asked for; the SDK cannot read one that is null.
    asked_for = getattr(described, "_inner_class_dicts", ())
    return {name: _blank_value(hint) for name, hint in fields(described).items() if name not in asked_for}


def _blank_value(hint: Any) -> Any:
    options = typing.get_args(hint)
    if hint is Any or NoneType in options:
        return None
    if typing.get_origin(hint) is Literal:
        return options[0]
    if typing.get_origin(hint) is typing.Union:
        return _blank_value(options[0])
    kind = typing.get_origin(hint) or hint
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is list:
        return []
    if getattr(kind, "__name__", "") == "ListObject":
        return page([], "")
    return deepcopy(blank_object(kind)) if getattr(kind, "__annotations__", None) else {}
