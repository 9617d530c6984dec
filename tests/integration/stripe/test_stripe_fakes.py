"""The tools before fakes of Stripe that others wrote, each as a process of its own, for what they cover."""

from __future__ import annotations

from typing import Any

import pytest

from overture_core.errors import NotFound, ProviderRefused
from overture_providers.stripe.errors import KeyTaken
from tests.integration.stripe.conftest import Shop

pytestmark = pytest.mark.anyio
CARD = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2035, "cvc": "123"}}


async def test_localstripe_finds_customers_and_payments_and_refunds_them(localstripe_shop: Shop) -> None:
    shop = localstripe_shop
    with shop.account() as account:

        def make(key: str, call: Any, **params: Any) -> Any:
            return account.write(key, lambda client, options: call(client.v1)(params, options))

        customer = make("c", lambda v1: v1.customers.create, email="ada@northwind.example", metadata={"a": "b"})
        card = make("card", lambda v1: v1.payment_methods.create, **CARD)
        paying = {"amount": 4900, "currency": "usd", "customer": customer.id, "payment_method": card.id}
        intent = make("pi", lambda v1: v1.payment_intents.create, **paying, confirm=True)
        make("co", lambda v1: v1.coupons.create, id="BACK10", percent_off=10, duration="once")
        make("p", lambda v1: v1.products.create, name="Revival call", type="service")
        with pytest.raises(NotFound):
            account.read(lambda client: client.v1.customers.retrieve("cus_none"))
    (found,) = (await shop.call("stripe_find", kind="customer", id=customer.id))["objects"]
    assert (found["id"], found["details"]["email"]) == (customer.id, "ada@northwind.example")
    assert found["page"] == f"https://dashboard.stripe.com/test/customers/{customer.id}"
    status = (await shop.call("stripe_find", kind="payment_intent", id=intent.id))["objects"][0]
    assert (status["status"], status["amount"], status["currency"]) == ("succeeded", 4900, "USD")
    for kind, name in (("coupon", "BACK10"), ("product", None)):
        listed = (await shop.call("stripe_find", kind=kind))["objects"]
        assert name is None or name in [each["id"] for each in listed]
        assert listed
    given = await shop.approved("stripe_refund", payment=intent.id, amount=1000)
    assert (given["kind"], given["amount"], given["currency"]) == ("refund", 1000, "USD")
    with shop.account() as account:
        refunds = account.read(lambda client: client.v1.refunds.list()).data
    assert [(each.id, each.amount) for each in refunds] == [(given["id"], 1000)]
    text = await shop.text("stripe_find", kind="customer")
    assert "The key is a secret key that can do everything" in text


async def test_stripe_stateful_mock_makes_prices_and_refunds_once_under_a_key(mock_shop: Shop) -> None:
    shop = mock_shop
    made = await shop.approved("stripe_create_price", product="Revival call", amount=4900, currency="USD")
    assert (made["amount"], made["currency"]) == (4900, "USD")
    (found,) = (await shop.call("stripe_find", kind="price", id=made["id"]))["objects"]
    assert found["details"]["product"].startswith("prod_")
    with shop.account() as account:

        def charge(amount: int, source: str = "tok_visa") -> Any:
            params = {"amount": amount, "currency": "usd", "source": source}
            return account.write(f"ch-{source}", lambda client, options: client.v1.charges.create(params, options))

        first = charge(4900)
        assert charge(4900).id == first.id
        with pytest.raises(KeyTaken):
            charge(100)
        with pytest.raises(ProviderRefused, match="declined"):
            charge(4900, "tok_chargeDeclined")
    given = await shop.approved("stripe_refund", payment=first.id, amount=1000, currency="usd")
    assert given["amount"] == 1000
    assert "39.00 USD is left to refund, not 49.00 USD" in await shop.refused(
        "stripe_refund", payment=first.id, amount=4900
    )
    assert "was paid in USD, not in EUR" in await shop.refused("stripe_refund", payment=first.id, currency="EUR")
