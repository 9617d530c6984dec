"""Makes at Stripe what an operation says. Every call has an idempotency key that comes from the operation's row, so
that a run that broke off is simply run again: Stripe answers with what it made the first time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import to_thread

from overture_core.errors import Conflict, OutcomeUnknown, ProviderBusy
from overture_core.operations.claims import Claim
from overture_core.payments import objects, prices
from overture_core.storage.store import Store, Work
from overture_providers.endpoints import STRIPE_THANKS_PATH
from overture_providers.operations import Done, NotYet, Outcome, Provider, Unclear
from overture_providers.stripe.client import StripeAccount, opened
from overture_providers.stripe.customers import ensure_customer
from overture_providers.stripe.fees import already_reported
from overture_providers.stripe.metadata import WORKSPACE
from overture_providers.stripe.views import view

Make = Callable[[Store, StripeAccount, Claim], Done]


def _customer(store: Store, account: StripeAccount, claim: Claim) -> Done:
    return _made(account, ensure_customer(store, account, claim.params["workspace"], _lead(claim)))


def _payment_link(_store: Store, account: StripeAccount, claim: Claim) -> Done:
    given = claim.params
    params: dict[str, Any] = {
        "line_items": [_line(claim)],
        "metadata": given["metadata"],
        # Paid once, by the one it is for.
        "restrictions": {"completed_sessions": {"limit": 1}},
        "allow_promotion_codes": True,
        **_carried(claim),
    }
    made = account.write(claim.key, lambda client, options: client.v1.payment_links.create(params, options))
    return _noted(account, claim, made)


def _checkout(store: Store, account: StripeAccount, claim: Claim) -> Done:
    given, settings = claim.params, store.settings
    customer = ensure_customer(store, account, given["workspace"], _lead(claim))
    params: dict[str, Any] = {
        "mode": "subscription" if given["recurring"] else "payment",
        "line_items": [_line(claim)],
        "customer": customer.id,
        "client_reference_id": _lead(claim),
        "success_url": settings.stripe_return_url or f"{settings.webhook_base_url}{STRIPE_THANKS_PATH}",
        "metadata": given["metadata"],
        "allow_promotion_codes": True,
        **_carried(claim),
    }
    made = account.write(claim.key, lambda client, options: client.v1.checkout.sessions.create(params, options))
    return _noted(account, claim, made)


def _invoice(store: Store, account: StripeAccount, claim: Claim) -> Done:
    given = claim.params
    customer = ensure_customer(store, account, given["workspace"], _lead(claim))
    params = {**_sent_to(claim, customer.id), "auto_advance": False, "metadata": given["metadata"]}
    draft = account.write(f"{claim.key}-invoice", lambda client, options: client.v1.invoices.create(params, options))
    item = {
        "customer": customer.id,
        "invoice": draft.id,
        "pricing": {"price": given["price"]},
        "quantity": given["quantity"],
    }
    account.write(f"{claim.key}-item", lambda client, options: client.v1.invoice_items.create(item, options))
    made = account.read(lambda client: client.v1.invoices.retrieve(draft.id))
    return _noted(account, claim, made)


def _subscription(store: Store, account: StripeAccount, claim: Claim) -> Done:
    customer = ensure_customer(store, account, claim.params["workspace"], _lead(claim))
    params = {**_sent_to(claim, customer.id), "items": [_line(claim)], "metadata": claim.params["metadata"]}
    made = account.write(claim.key, lambda client, options: client.v1.subscriptions.create(params, options))
    return _noted(account, claim, made)


def _quote(store: Store, account: StripeAccount, claim: Claim) -> Done:
    given = claim.params
    customer = ensure_customer(store, account, given["workspace"], _lead(claim))
    params = {
        "customer": customer.id,
        "line_items": [_line(claim)],
        "collection_method": "send_invoice",
        "invoice_settings": {"days_until_due": given["days_until_due"]},
        "metadata": given["metadata"],
    }
    made = account.write(claim.key, lambda client, options: client.v1.quotes.create(params, options))
    return _noted(account, claim, made)


def _price(_store: Store, account: StripeAccount, claim: Claim) -> Done:
    given = claim.params
    metadata = {WORKSPACE: given["workspace"]}
    named = {"name": given["product"], "metadata": metadata}
    product = account.write(f"{claim.key}-product", lambda client, options: client.v1.products.create(named, options))
    params: dict[str, Any] = {
        "product": product.id,
        "unit_amount": given["amount"],
        "currency": given["currency"].lower(),
        "metadata": metadata,
    }
    if given["interval"]:
        params["recurring"] = {"interval": given["interval"]}
    made = account.write(f"{claim.key}-price", lambda client, options: client.v1.prices.create(params, options))

    def allow(work: Work) -> None:
        prices.allow(
            work,
            made.id,
            product=given["product"],
            amount=given["amount"],
            currency=given["currency"],
            interval=given["interval"],
            sandbox=account.endpoint.sandbox,
        )

    return Done(view(made, account.endpoint).model_dump(mode="json"), allow)


def _discount(_store: Store, account: StripeAccount, claim: Claim) -> Done:
    given = claim.params
    off: dict[str, Any] = {name: given[name] for name in ("percent_off", "amount_off", "currency") if name in given}
    metadata = {WORKSPACE: given["workspace"]}
    params = {**off, "duration": "once", "max_redemptions": given["most"], "metadata": metadata}
    coupon = account.write(f"{claim.key}-coupon", lambda client, options: client.v1.coupons.create(params, options))
    code = {
        "promotion": {"type": "coupon", "coupon": coupon.id},
        "code": given["code"],
        "max_redemptions": given["most"],
        "metadata": metadata,
    }
    made = account.write(f"{claim.key}-code", lambda client, options: client.v1.promotion_codes.create(code, options))
    return _made(account, made)


def _refund(_store: Store, account: StripeAccount, claim: Claim) -> Done:
    given = claim.params
    params = {
        "charge" if given["payment"].startswith("ch_") else "payment_intent": given["payment"],
        "amount": given["amount"],
        "metadata": {WORKSPACE: given["workspace"]},
    }
    return _made(account, account.write(claim.key, lambda client, options: client.v1.refunds.create(params, options)))


def _fee(store: Store, account: StripeAccount, claim: Claim) -> Done:
    given = claim.params
    with store.read(given["workspace"]) as work:
        before = already_reported(work, given["campaign"], sandbox=claim.sandbox, besides=claim.id)
    if before != given["before"]:
        raise Conflict("Another fee was reported for this campaign meanwhile; ask for what is due now.")
    params = {
        "event_name": given["meter"],
        "payload": {"stripe_customer_id": given["customer"], "value": str(given["value"])},
        "identifier": claim.id,
    }
    made = account.write(claim.key, lambda client, options: client.v1.billing.meter_events.create(params, options))
    return _made(account, made)


def _change(_store: Store, account: StripeAccount, claim: Claim, *, call: Callable[[Any, str, Any], Any]) -> Done:
    made = account.write(claim.key, lambda client, options: call(client.v1, claim.params["id"], options))
    return _made(account, made) if claim.lead_id is None else _noted(account, claim, made)


_CHANGES: dict[str, Callable[[Any, str, Any], Any]] = {
    "invoice_finalize": lambda v1, id_, options: v1.invoices.finalize_invoice(id_, {"auto_advance": False}, options),
    "invoice_send": lambda v1, id_, options: v1.invoices.send_invoice(id_, {}, options),
    "invoice_void": lambda v1, id_, options: v1.invoices.void_invoice(id_, {}, options),
    "quote_finalize": lambda v1, id_, options: v1.quotes.finalize_quote(id_, {}, options),
    "quote_accept": lambda v1, id_, options: v1.quotes.accept(id_, {}, options),
    "quote_cancel": lambda v1, id_, options: v1.quotes.cancel(id_, {}, options),
    "subscription_cancel": lambda v1, id_, options: v1.subscriptions.cancel(id_, {}, options),
    "payment_link_deactivate": lambda v1, id_, options: v1.payment_links.update(id_, {"active": False}, options),
    "checkout_expire": lambda v1, id_, options: v1.checkout.sessions.expire(id_, {}, options),
}
_MAKES: dict[str, Make] = {
    "customer": _customer,
    "payment_link": _payment_link,
    "checkout": _checkout,
    "invoice": _invoice,
    "subscription": _subscription,
    "quote": _quote,
    "price": _price,
    "discount": _discount,
    "refund": _refund,
    "fee": _fee,
    **{name: partial(_change, call=call) for name, call in _CHANGES.items()},
}


async def _execute(store: Store, claim: Claim) -> Outcome:
    make = _MAKES[claim.kind.partition(".")[2]]

    def call() -> Outcome:
        with opened(store.settings) as account:
            try:
                return make(store, account, claim)
            except ProviderBusy as error:
                return NotYet(error.message)
            except OutcomeUnknown as error:
                return Unclear(error.message)

    return await to_thread.run_sync(call)


PROVIDER = Provider(
    executors={f"stripe.{name}": _execute for name in _MAKES}, sandboxed=lambda settings: settings.stripe_sandboxed
)


def _lead(claim: Claim) -> str:
    if claim.lead_id is None:
        msg = f"the operation {claim.id} has no lead"
        raise ValueError(msg)
    return claim.lead_id


def _line(claim: Claim) -> dict[str, Any]:
    return {"price": claim.params["price"], "quantity": claim.params["quantity"]}


def _carried(claim: Claim) -> dict[str, Any]:
    """What goes on the payment, or the subscription, that comes of a link or a session."""
    name = "subscription_data" if claim.params["recurring"] else "payment_intent_data"
    return {name: {"metadata": claim.params["metadata"]}}


def _sent_to(claim: Claim, customer: str) -> dict[str, Any]:
    days = claim.params["days_until_due"]
    return {"customer": customer, "collection_method": "send_invoice", "days_until_due": days}


def _made(account: StripeAccount, made: Any) -> Done:
    return Done(view(made, account.endpoint).model_dump(mode="json"))


def _noted(account: StripeAccount, claim: Claim, made: Any) -> Done:
    """What was made or changed for a lead, noted as theirs in the transaction that writes it down."""
    shown = view(made, account.endpoint)
    if shown.amount is None:  # a link, or a subscription, says only its prices
        known: dict[str, Any] = {name: claim.params[name] for name in ("amount", "currency") if name in claim.params}
        shown = shown.model_copy(update=known)

    def note(work: Work) -> None:
        objects.note(
            work,
            shown.id,
            kind=made.object,
            lead_id=_lead(claim),
            status=shown.status or "active",
            at=work.now(),
            sandbox=account.endpoint.sandbox,
        )

    return Done(shown.model_dump(mode="json"), note)
