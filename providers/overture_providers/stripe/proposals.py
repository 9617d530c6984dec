"""What is asked of Stripe, put together from what Stripe and our own rows say: amounts, prices and links never come
from a lead's text, and what is told to a person is written here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from overture_core.errors import InvalidInput
from overture_core.leads.finding import lead_of
from overture_core.operations.models import Money, Proposal
from overture_core.payments import objects, prices
from overture_core.payments.money import currency_of, shown
from overture_core.storage.schema import Campaign
from overture_core.storage.store import Store, Work
from overture_core.text import clean, quoted
from overture_providers.stripe import finding
from overture_providers.stripe.caps import ASKS, REFUNDS, over_caps
from overture_providers.stripe.client import StripeAccount
from overture_providers.stripe.customers import known_customer
from overture_providers.stripe.metadata import CAMPAIGN, LEAD, STEP, WORKSPACE, metadata_for, ours
from overture_providers.stripe.views import view

By = Literal["payment_link", "checkout", "invoice", "subscription", "quote"]
Interval = Literal["day", "week", "month", "year"]
Action = Literal[
    "invoice_finalize",
    "invoice_send",
    "invoice_void",
    "quote_finalize",
    "quote_accept",
    "quote_cancel",
    "subscription_cancel",
    "payment_link_deactivate",
    "checkout_expire",
]
MOST = 10**10  # minor units, as at Stripe
_NAMES: dict[str, str] = {
    "payment_link": "Payment link",
    "checkout": "Checkout session",
    "invoice": "Draft of an invoice",
    "subscription": "Subscription, invoiced",
    "quote": "Draft of a quote",
}
# Why a person decides on an action, where one does.
_DECIDED: dict[str, str] = {
    "invoice_send": "it sends an invoice to a customer",
    "quote_accept": "it makes an invoice or a subscription of a quote",
    "subscription_cancel": "it ends what a customer pays for",
}
# The statuses in which an action can be taken; the others are left to Stripe.
_FITTING: dict[str, tuple[str, ...]] = {
    "invoice_finalize": ("draft",),
    "invoice_void": ("open", "uncollectible"),
    "quote_finalize": ("draft",),
    "quote_accept": ("open",),
    "quote_cancel": ("draft", "open"),
}
_DEEDS: dict[str, str] = {
    "invoice_finalize": "Finalise",
    "invoice_send": "Send",
    "invoice_void": "Void",
    "quote_finalize": "Finalise",
    "quote_accept": "Accept",
    "quote_cancel": "Cancel",
    "subscription_cancel": "Cancel at once",
    "payment_link_deactivate": "Deactivate",
    "checkout_expire": "Expire",
}


def customer(store: Store, account: StripeAccount, workspace: str, lead_id: str) -> Proposal:
    """Make a lead a customer, anew if the one they were was deleted."""
    with store.read(workspace) as work:
        who = _named(work, lead_id)
    known = known_customer(store, account, workspace, lead_id)
    made = _proposal(account, "customer", {"workspace": workspace}, [f"Customer for {who}."], lead_id=lead_id)
    return replace(made, over=lambda _work, result: known is None or result["id"] != known.id)


def ask_for_payment(
    store: Store,
    account: StripeAccount,
    workspace: str,
    *,
    by: By,
    lead_id: str,
    price_id: str,
    quantity: int = 1,
    days_until_due: int = 14,
    reference: str = "",
) -> Proposal:
    """Ask a lead to pay a price, one of Stripe's ways. A price that is not on the allow-list needs a person.

    Asked again it is the same, unless that was paid or ended since, or the `reference` is another.

    Raises:
        NotFound: there is no such lead, or price.
        InvalidInput: the price is not in use, or is not of the kind that this way takes.
    """
    price = finding.get(account, workspace, "price", price_id)
    if not price.active or price.unit_amount is None:
        msg = f"The price {quoted(price_id)} is not in use, or has no fixed amount; stripe_find lists prices."
        raise InvalidInput(msg)
    if (by == "subscription" and price.recurring is None) or (by == "invoice" and price.recurring is not None):
        kind = "a subscription's" if price.recurring is not None else "paid once"
        msg = f"The price {quoted(price_id)} is {kind}, which does not fit {by!r}; choose another price."
        raise InvalidInput(msg)
    product = account.read(lambda client: client.v1.products.retrieve(str(price.product)))
    money = Money(price.unit_amount * quantity, price.currency.upper())
    each = shown(price.unit_amount, money.currency)
    with store.read(workspace) as work:
        why = []
        if not prices.is_allowed(work, price_id, sandbox=account.endpoint.sandbox):
            why.append("the price is not on the allow-list (`overture stripe allow` puts it there)")
        if by == "subscription":
            why.append("it sends invoices to a customer")
        metadata = metadata_for(work, lead_id)
        told = [
            f"{_NAMES[by]} for {_named(work, lead_id)}: {quantity} x {quoted(product.name)} ({price_id}) at {each}, "
            f"{shown(money.amount, money.currency)} in all"
            + (f", every {price.recurring.interval}." if price.recurring else "."),
            *_credited(work, metadata),
        ]
    params: dict[str, Any] = {"workspace": workspace, "price": price_id, "quantity": quantity, "metadata": metadata}
    params |= {"recurring": price.recurring is not None, "amount": money.amount, "currency": money.currency}
    if by in ("invoice", "subscription", "quote"):
        params["days_until_due"] = days_until_due
        told.append(f"To be paid within {days_until_due} days.")
    made = _proposal(account, by, params, told, why=why, lead_id=lead_id, money=money, reference=reference, capped=ASKS)
    return replace(made, over=lambda work, result: objects.is_over(work, result["id"]))


def change(store: Store, account: StripeAccount, workspace: str, action: Action, id_: str) -> Proposal:
    """Do something with an object that is there.

    Raises:
        NotFound: there is none by that id.

    Storing it raises InvalidInput if the object's status does not fit, unless it is the repetition of what was asked
    before: that has the answer it had then.
    """
    kind: Any = "checkout_session" if action == "checkout_expire" else action.rpartition("_")[0]
    found = finding.get(account, workspace, kind, id_)
    about = view(found, account.endpoint)
    metadata = found.to_dict().get("metadata")
    mine = ours(metadata, WORKSPACE) == workspace
    why = [_DECIDED[action]] if action in _DECIDED else []
    why += [] if mine else ["it was not made here, but by somebody with access to the account"]
    amount = f", {shown(about.amount, about.currency)}" if about.amount is not None and about.currency else ""
    told = [f"{_DEEDS[action]} the {kind.replace('_', ' ')} {id_}{amount} ({about.status})."]
    lead_id = ours(metadata, LEAD) if mine else None
    with store.read(workspace) as work:
        told += [f"It is for {_named(work, lead_id)}."] if lead_id else []

    def guard(_work: Work) -> list[str]:
        if action in _FITTING and about.status not in _FITTING[action]:
            msg = f"{quoted(id_)} is {about.status}; {action} wants one that is {' or '.join(_FITTING[action])}."
            raise InvalidInput(msg)
        return []

    made = _proposal(account, action, {"workspace": workspace, "id": id_}, told, why=why, lead_id=lead_id)
    return replace(made, guard=guard)


def price(
    account: StripeAccount, workspace: str, *, product: str, amount: int, currency: str, interval: Interval | None
) -> Proposal:
    """Make a product with a price; once a person has approved it, it is on the allow-list."""
    money = Money(_amount(amount), currency_of(currency))
    name = clean(product, limit=250)
    often = f", every {interval}" if interval else ""
    told = [
        f"Product {quoted(name)} with a price of {shown(money.amount, money.currency)}{often}.",
        "It is put on the allow-list: leads may be asked to pay it without an approval, within the caps.",
    ]
    params = {
        "workspace": workspace,
        "product": name,
        "amount": money.amount,
        "currency": money.currency,
        "interval": interval,
    }
    return _proposal(account, "price", params, told, why=["it sets an amount that leads are asked to pay"], money=money)


def discount(
    account: StripeAccount,
    workspace: str,
    *,
    code: str,
    percent_off: float | None,
    amount_off: int | None,
    currency: str | None,
    most: int,
    reference: str = "",
) -> Proposal:
    """Make a coupon with a code for it.

    Raises:
        InvalidInput: it is both or neither of a percentage and an amount with its currency, or a percentage with more
            than two decimals.
    """
    if (percent_off is None) == (amount_off is None) or (amount_off is None) != (currency is None):
        msg = "Give either percent_off, or amount_off with its currency."
        raise InvalidInput(msg)
    if percent_off is not None and round(percent_off, 2) != percent_off:
        msg = f"{percent_off} has more than two decimals, which Stripe does not take; give a percentage such as 12.5."
        raise InvalidInput(msg)
    off: dict[str, Any] = {"percent_off": percent_off}
    said = f"{percent_off:g} %"
    if amount_off is not None and currency is not None:
        off = {"amount_off": _amount(amount_off), "currency": currency_of(currency).lower()}
        said = shown(amount_off, currency_of(currency))
    told = [f"Code {quoted(code)} for {said} off, once for each payment, for at most {most} of them."]
    params = {"workspace": workspace, "code": code.upper(), "most": most, **off}
    why = ["it takes something off what leads pay"]
    return _proposal(account, "discount", params, told, why=why, reference=reference)


def refund(
    store: Store,
    account: StripeAccount,
    workspace: str,
    *,
    payment: str,
    amount: int | None,
    currency: str | None,
    reference: str = "",
) -> Proposal:
    """Give a payment back, all that is left or a part. `payment` is a payment intent or a charge.

    Raises:
        NotFound: there is no such payment.
        InvalidInput: nothing was paid, less is left, or the currency is another.
    """
    charge = _charge(account, payment)
    if charge is not None:
        finding.require_mine(account, workspace, charge, payment)
    if charge is None or not charge.paid:
        msg = f"{quoted(payment)} was not paid, so there is nothing to refund."
        raise InvalidInput(msg)
    paid_in = charge.currency.upper()
    if currency is not None and currency_of(currency) != paid_in:
        msg = f"{quoted(payment)} was paid in {paid_in}, not in {currency_of(currency)}; nothing was changed."
        raise InvalidInput(msg)
    left = charge.amount - charge.amount_refunded
    money = Money(left if amount is None else _amount(amount), paid_in)
    if not 0 < money.amount <= left:
        msg = f"Of {quoted(payment)} {shown(left, paid_in)} is left to refund, not {shown(money.amount, paid_in)}."
        raise InvalidInput(msg)
    metadata = charge.to_dict().get("metadata")
    lead_id = ours(metadata, LEAD) if ours(metadata, WORKSPACE) == workspace else None
    with store.read(workspace) as work:
        whose = f" of {_named(work, lead_id)}" if lead_id else ""
    told = [
        f"Refund {shown(money.amount, paid_in)} of the payment {payment}{whose}, which was "
        f"{shown(charge.amount, paid_in)}."
    ]
    params = {"workspace": workspace, "payment": payment, "amount": money.amount}
    why = ["refunds are approved by a person"]
    given: dict[str, Any] = {"lead_id": lead_id, "money": money, "reference": reference}
    return _proposal(account, "refund", params, told, why=why, capped=REFUNDS, **given)


def _charge(account: StripeAccount, payment: str) -> Any | None:
    if payment.startswith("ch_"):
        return account.read(lambda client: client.v1.charges.retrieve(payment))
    intent = account.read(lambda client: client.v1.payment_intents.retrieve(payment))
    if intent.latest_charge is None:
        return None
    # Its id, unless an account answers with the whole of it.
    charge_id = getattr(intent.latest_charge, "id", intent.latest_charge)
    return account.read(lambda client: client.v1.charges.retrieve(str(charge_id)))


def _proposal(
    account: StripeAccount,
    kind: str,
    params: dict[str, Any],
    told: list[str],
    *,
    why: list[str] | None = None,
    lead_id: str | None = None,
    money: Money | None = None,
    reference: str = "",
    capped: Sequence[str] = (),
) -> Proposal:
    guard: Callable[[Work], list[str]] | None = None
    if capped and money:
        guard = partial(over_caps, kinds=capped, money=money, lead_id=lead_id)
    return Proposal(
        kind=f"stripe.{kind}",
        params=params,
        told=told,
        sandbox=account.endpoint.sandbox,
        repeatable=True,
        why=why or [],
        lead_id=lead_id,
        money=money,
        reference=reference,
        guard=guard,
    )


def _named(work: Work, lead_id: str) -> str:
    lead = lead_of(work, lead_id)
    name = " ".join(filter(None, (lead.first_name, lead.last_name)))
    return f"{quoted(name)} ({lead_id})" if name else lead_id


def _credited(work: Work, metadata: dict[str, str]) -> list[str]:
    campaign = work.session.get(Campaign, metadata[CAMPAIGN]) if CAMPAIGN in metadata else None
    return [f"Credited to the campaign {quoted(campaign.name)}, step {metadata[STEP]}."] if campaign else []


def _amount(amount: int) -> int:
    if not 0 < amount < MOST:
        msg = f"{amount} is no amount in minor units, such as 4900 for 49.00 USD."
        raise InvalidInput(msg)
    return amount
