"""Stripe's webhook, verified and turned into the domain's own events.

Events come unordered and may come twice; the dedupe key is the event's id. Money is told of once under one name: a
payment by its payment intent, an invoice by itself. So `checkout.session.completed` and `payment_intent.succeeded`
are one payment, and the payment intent of an invoice, which does not carry our metadata, is none of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from overture_core.errors import InvalidInput
from overture_core.messages.evidence import BillingEvent, BillingKind
from overture_providers.stripe.metadata import LEAD, MESSAGE, WORKSPACE, ours
from overture_providers.stripe.signature import verify

PROVIDER = "stripe"
KINDS = (
    *("checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.expired"),
    *("invoice.paid", "invoice.payment_failed", "invoice.voided", "invoice_payment.paid"),
    "payment_intent.*",
    *("charge.refunded", "charge.dispute.*"),
    *("customer.subscription.*", "customer.deleted"),
)
# An inquiry holds no money back, and one that was won gives it back.
_NOTHING_HELD = frozenset(
    {"won", "warning_needs_response", "warning_under_review", "warning_closed", "prevented"},
)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()

_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Amount = Annotated[int, Field(ge=0, le=10**14)]


class _Data(BaseModel):
    object: dict[str, Any]


class _Event(BaseModel):
    id: _Id
    type: Annotated[str, Field(max_length=100)]
    created: Annotated[int, Field(ge=0, le=_LATEST)]
    livemode: bool
    data: _Data


class _Payment(BaseModel):
    payment_intent: _Id | None = None


class _Details(BaseModel):
    metadata: dict[str, Any] | None = None


class _Parent(BaseModel):
    subscription_details: _Details | None = None


class _Object(BaseModel):
    """What events tell of any object; each has some of it."""

    id: _Id
    object: Annotated[str, Field(max_length=40)]
    status: Annotated[str, Field(max_length=40)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")] | None = None
    customer: _Id | None = None
    metadata: dict[str, Any] | None = None
    parent: _Parent | None = None
    mode: str | None = None
    payment_status: str | None = None
    payment_intent: _Id | None = None
    payment_link: _Id | None = None
    invoice: _Id | None = None
    payment: _Payment | None = None
    amount: _Amount | None = None
    amount_total: _Amount | None = None
    amount_paid: _Amount | None = None
    amount_received: _Amount | None = None
    amount_refunded: _Amount | None = None

    def written(self, name: str) -> str | None:
        """What we wrote on it, or on the subscription that it is an invoice of."""
        details = self.parent.subscription_details if self.parent else None
        return ours(self.metadata, name) or ours(details.metadata if details else None, name)


def verify_and_parse(
    raw: bytes, header: str | None, secret: str, *, live: bool, sandbox: bool, now: datetime
) -> list[BillingEvent]:
    """Return what a webhook's body tells; nothing for a kind that means nothing to us.

    `live` says which mode our key is of.

    Raises:
        SignatureInvalid: the signature does not fit, or is too old.
        InvalidInput: the body is not as Stripe sends it, or is of the other mode.
    """
    verify(raw, header, secret, now=now)
    try:
        event = _Event.model_validate_json(raw)
        if event.livemode is not live:
            is_, wanted = ("live", "test") if event.livemode else ("test", "live")
            msg = f"This is {is_} data, and our key is a {wanted} key; send it to the endpoint of {is_} mode."
            raise InvalidInput(msg)
        if not _is_ours(event.type):
            return []
        return [_told(event, _Object.model_validate(event.data.object), sandbox=sandbox)]
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        msg = f"The body is not an event as Stripe sends it: look at {where or 'its beginning'}."
        raise InvalidInput(msg) from error


def _is_ours(kind: str) -> bool:
    return any(kind == each or (each.endswith("*") and kind.startswith(each[:-1])) for each in KINDS)


def _told(event: _Event, about: _Object, *, sandbox: bool) -> BillingEvent:
    kind, known = _meaning(event.type, about)
    lead = about.written(LEAD)
    return BillingEvent(
        provider=PROVIDER,
        dedupe_key=event.id,
        kind=kind,
        at=datetime.fromtimestamp(event.created, tz=UTC),
        sandbox=sandbox,
        object_id=about.id,
        object_kind=about.object,
        status=_status(event.type, about),
        currency=about.currency.upper() if about.currency else None,
        workspace=about.written(WORKSPACE) if lead else None,
        lead_id=lead,
        message_id=about.written(MESSAGE) if lead else None,
        payment_link=about.payment_link if about.status == "complete" else None,
        customer=about.id if about.object == "customer" else about.customer,
        **known,
    )


def _meaning(kind: str, about: _Object) -> tuple[BillingKind, dict[str, Any]]:
    intent = about.payment_intent
    if kind == "charge.refunded":
        return BillingKind.REFUNDED, {"payment": intent or about.id, "amount": about.amount_refunded}
    if kind.startswith("charge.dispute."):
        held = 0 if about.status in _NOTHING_HELD else about.amount
        return BillingKind.DISPUTED, {"payment": intent, "amount": held}
    if kind == "invoice_payment.paid":
        behind = about.payment.payment_intent if about.payment else None
        return BillingKind.LINKED, {"reference": about.invoice, "payment": behind}
    if kind in ("invoice.payment_failed", "payment_intent.payment_failed"):
        return BillingKind.FAILED, {}
    paid: dict[str, tuple[str | None, int | None]] = {
        "invoice.paid": (about.id, about.amount_paid),
        "payment_intent.succeeded": (about.id if about.written(LEAD) else None, about.amount_received),
    }
    if about.object == "checkout.session" and (about.mode, about.payment_status) == ("payment", "paid"):
        paid[kind] = (intent, about.amount_total)
    reference, amount = paid.get(kind, (None, None))
    if reference and amount and about.currency:
        return BillingKind.PAID, {"reference": reference, "amount": amount}
    return BillingKind.STATUS, {}


def _status(kind: str, about: _Object) -> str:
    # A deleted object says of itself what it was before.
    return "deleted" if kind == "customer.deleted" else about.status or kind.rpartition(".")[2][:40]
