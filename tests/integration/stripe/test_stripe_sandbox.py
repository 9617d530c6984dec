"""The sandbox's Stripe, judged by stripe-python: its types, its errors, its idempotency and its webhooks."""

from __future__ import annotations

import typing
from types import NoneType
from typing import Any, Literal

import httpx
import pytest
import stripe

from overture_core.errors import NotFound, OutcomeUnknown, ProviderBusy, ProviderRefused, ProviderUnavailable
from overture_providers.endpoints import stripe_endpoint
from overture_providers.sandbox.stripe.shapes import CLASSES, class_of, fields
from overture_providers.stripe.errors import KeyTaken
from overture_providers.stripe.metadata import LEAD as LEAD_KEY
from tests.integration.stripe.conftest import LEAD, Shop

METADATA = {"overture_workspace": "default", LEAD_KEY: LEAD}


def problems(value: Any, hint: Any, where: str) -> list[str]:
    """How a value as JSON differs from one of stripe-python's types."""
    options = typing.get_args(hint)
    origin = typing.get_origin(hint) or hint
    if hint is Any or (value is None and NoneType in options):
        return []
    if origin is typing.Union:
        tried = [problems(value, each, where) for each in options if each is not NoneType]
        return [] if [] in tried else tried[-1]
    if origin is Literal:
        return [] if value in options else [f"{where}: {value!r} is none of {options}"]
    if origin in (str, int, bool, float):
        right = isinstance(value, origin) or (origin is float and isinstance(value, int))
        return (
            [] if right and (origin is bool or value is not True) else [f"{where}: {value!r} is no {origin.__name__}"]
        )
    if origin is list:
        return [each for number, item in enumerate(value) for each in problems(item, options[0], f"{where}[{number}]")]
    name = getattr(origin, "__name__", "")
    if name == "Decimal":
        return [] if isinstance(value, str) else [f"{where}: {value!r} is no decimal"]
    if name == "ListObject":
        return problems(value["data"], list[options[0]], f"{where}.data")  # type: ignore[valid-type]
    if name == "UntypedStripeObject" or not isinstance(value, dict) or not getattr(origin, "__annotations__", None):
        return [] if isinstance(value, dict) else [f"{where}: {value!r} is no object"]
    found = fields(origin)
    unknown = [f"{where}.{each}: there is no such field" for each in value if each not in found]
    inside = [
        each for key, item in value.items() if key in found for each in problems(item, found[key], f"{where}.{key}")
    ]
    missing = [f"{where}.{key}: missing" for key, of in found.items() if key not in value and not optional(of)]
    return [*unknown, *inside, *missing]


def optional(hint: Any) -> bool:
    return NoneType in typing.get_args(hint) or hint is Any


def everything(shop: Shop) -> None:
    """Make one of all that the sandbox can make."""
    price, monthly = shop.price(), shop.price(900, recurring={"interval": "month"})
    line = [{"price": price, "quantity": 1}]
    with shop.account() as account:

        def make(name: str, call: Any, **params: Any) -> Any:
            return account.write(name, lambda client, options: call(client.v1)(params, options))

        def do(name: str, call: Any, id_: str) -> Any:
            return account.write(name, lambda client, options: call(client.v1)(id_, {}, options))

        customer = make("c", lambda v1: v1.customers.create, email="ada@northwind.example", metadata=METADATA)
        link = make("l", lambda v1: v1.payment_links.create, line_items=line, metadata=METADATA)
        url = "http://127.0.0.1:9/thanks"
        session = make("s", lambda v1: v1.checkout.sessions.create, mode="payment", line_items=line, success_url=url)
        due = {"customer": customer.id, "collection_method": "send_invoice", "days_until_due": 14}
        invoice = make("i", lambda v1: v1.invoices.create, **due)
        make(
            "ii", lambda v1: v1.invoice_items.create, customer=customer.id, invoice=invoice.id, pricing={"price": price}
        )
        do("send", lambda v1: v1.invoices.send_invoice, invoice.id)
        make("sub", lambda v1: v1.subscriptions.create, items=[{"price": monthly}], **due)
        quote = make("q", lambda v1: v1.quotes.create, customer=customer.id, line_items=line)
        do("qf", lambda v1: v1.quotes.finalize_quote, quote.id)
        do("qa", lambda v1: v1.quotes.accept, quote.id)
        coupon = make("co", lambda v1: v1.coupons.create, percent_off=10.0)
        promotion = {"type": "coupon", "coupon": coupon.id}
        make("pc", lambda v1: v1.promotion_codes.create, promotion=promotion, code="BACK10")
        meter = {"display_name": "Fee", "event_name": "fee", "default_aggregation": {"formula": "sum"}}
        make("m", lambda v1: v1.billing.meters.create, **meter)
        usage = {"stripe_customer_id": customer.id, "value": "25"}
        told = make("me", lambda v1: v1.billing.meter_events.create, event_name="fee", payload=usage)
        assert problems(told.to_dict(), class_of("billing.meter_event"), "meter event") == []
        for id_ in (link.id, session.id, invoice.id):
            paid = shop.pay(id_)
        intent = account.read(lambda client: client.v1.payment_intents.list({"limit": 1})).data[0]
        make("r", lambda v1: v1.refunds.create, payment_intent=intent.id, amount=100)
        assert paid["status"] == "paid"
        disputed = {"payment_intent": intent.id, "status": "needs_response"}
        httpx.post(f"{shop.url}/sandbox/stripe/dispute", json=disputed, trust_env=False).raise_for_status()


LISTS = {
    "balance": "balance",
    "billing.meter": "billing/meters",
    "billing.meter_event": None,  # no list of them: the answer to making one is looked at
    "checkout.session": "checkout/sessions",
    "item": None,
    "line_item": None,
    "subscription_item": None,
}


def test_every_object_of_the_sandbox_has_the_types_of_the_sdk(shop: Shop) -> None:
    everything(shop)
    key = stripe_endpoint(shop.runtime.settings).api_key
    with httpx.Client(base_url=shop.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as http:
        for name in CLASSES:
            path = LISTS.get(name, f"{name}s")
            if path is None:
                continue
            answer = http.get(f"/v1/{path}", params={"limit": "20"} if path != "balance" else {}).json()
            found = [answer] if path == "balance" else answer["data"]
            assert found, f"the sandbox has made no {name}"
            for each in found:
                made = stripe.StripeObject.construct_from(each, key).to_dict()
                assert made["object"] == name
                assert problems(each, class_of(name), name) == []


def test_an_answer_is_repeated_under_its_key_and_refused_to_other_data(shop: Shop) -> None:
    with shop.account() as account:

        def make(email: str) -> Any:
            return account.write("key-1", lambda client, options: client.v1.customers.create({"email": email}, options))

        first = make("ada@northwind.example")
        assert make("ada@northwind.example").id == first.id
        with pytest.raises(KeyTaken):
            make("bob@fabrikam.example")
        assert [each.id for each in account.read(lambda client: client.v1.customers.list()).data] == [first.id]


def test_search_finds_by_fields_and_metadata_and_pages_go_on(shop: Shop) -> None:
    with shop.account() as account:

        def make(number: int) -> None:
            params = {"email": f"lead{number}@example.com", "metadata": {LEAD_KEY: f"lead_{number}"}}
            account.write(f"k{number}", lambda client, options: client.v1.customers.create(params, options))

        for number in range(3):
            make(number)

        def found(query: str) -> list[str | None]:
            page = account.read(lambda client: client.v1.customers.search({"query": query}))
            return [each.email for each in page.data]

        assert found(f"metadata['{LEAD_KEY}']:'lead_1'") == ["lead1@example.com"]
        assert found('email~"lead" AND -email:"lead1@example.com"') == ["lead2@example.com", "lead0@example.com"]
        assert found("email:'lead0@example.com' OR email:'lead2@example.com'") == [
            "lead2@example.com",
            "lead0@example.com",
        ]
        with pytest.raises(ProviderRefused, match="unable to parse"):
            found("email =")
        page = account.read(lambda client: client.v1.customers.list({"limit": 2}))
        assert page.has_more
        rest = account.read(lambda client: client.v1.customers.list({"starting_after": page.data[-1].id}))
        assert [each.email for each in rest.data] == ["lead0@example.com"]


def test_errors_are_one_sentence_each_and_nothing_is_made(shop: Shop) -> None:
    with shop.account() as account:

        def make(**params: Any) -> Any:
            return account.write(f"k{params}", lambda client, options: client.v1.prices.create(params, options))

        with pytest.raises(ProviderRefused, match="Missing required param: product"):
            make(unit_amount=1, currency="usd")
        with pytest.raises(ProviderRefused, match="unknown parameter: colour"):
            make(product="x", unit_amount=1, currency="usd", colour="red")
        with pytest.raises(NotFound, match="nothing called 'prod_none'"):
            make(product="prod_none", unit_amount=1, currency="usd")
        with pytest.raises(NotFound):
            account.read(lambda client: client.v1.invoices.retrieve("in_none"))
        assert account.read(lambda client: client.v1.prices.list()).data == []


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("429", ProviderBusy, "more requests"),
        ("401", ProviderUnavailable, "does not know the key"),
        ("drop", OutcomeUnknown, "broke off"),
        ("500", OutcomeUnknown, "error of its own"),
    ],
)
def test_faults_are_told_apart_by_what_can_have_been_done(
    shop: Shop, kind: str, error: type[Exception], said: str
) -> None:
    shop.fail(provider="stripe", kind=kind, count=3)
    with shop.account() as account, pytest.raises(error, match=said) as caught:
        account.write("k", lambda client, options: client.v1.customers.create({}, options))
    assert type(caught.value) is (error if kind in ("429", "401") else type(caught.value))


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(shop: Shop) -> None:
    shop.fail(provider="stripe", kind="drop", count=1, after_accept=True)
    with shop.account() as account:
        made = account.write("k", lambda client, options: client.v1.customers.create({}, options))
        assert [each.id for each in account.read(lambda client: client.v1.customers.list()).data] == [made.id]


def test_the_page_behind_a_link_pays_it_once_and_only_from_itself(shop: Shop) -> None:
    line = [{"price": shop.price(), "quantity": 2}]
    with shop.account() as account:
        params = {"line_items": line, "restrictions": {"completed_sessions": {"limit": 1}}}
        link = account.write("k", lambda client, options: client.v1.payment_links.create(params, options))
    with httpx.Client(trust_env=False) as http:
        assert "98.00 USD" in http.get(link.url).text
        assert http.post(link.url, headers={"Origin": "http://elsewhere.example"}).status_code == 403
        assert "Paid" in http.post(link.url, headers={"Origin": shop.url}).text
        assert http.post(link.url, headers={"Origin": shop.url}).status_code == 400
        assert "98.00 USD" in http.get(f"{shop.url}/sandbox").text
