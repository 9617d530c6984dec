"""The Stripe server's tools before the sandbox: what is made, what needs a person, and what bad input is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult
from pydantic import SecretStr
from sqlalchemy import select

from overture_core.errors import ConfigurationError
from overture_core.payments import prices, service
from overture_core.settings import Settings
from overture_core.storage.schema import BillingObject, Campaign, Operation, Payment
from overture_providers.endpoints import stripe_endpoint
from tests.integration.stripe.conftest import LEAD, WORKSPACE, Mode, Shop
from tests.sandbox_process import running_sandbox

pytestmark = pytest.mark.anyio


async def test_a_link_for_an_allowed_price_is_made_once_and_carries_our_metadata(shop: Shop, mode: Mode) -> None:
    shop.mode = mode
    asked: dict[str, Any] = {"by": "payment_link", "lead_id": LEAD, "price": shop.price(), "quantity": 2}
    first = await shop.call("stripe_request_payment", **asked)
    assert (first["state"], first["why"], first["error"]) == ("done", [], None)
    assert await shop.call("stripe_request_payment", **asked) == first
    (link,) = shop.objects("payment_link")
    assert (first["result"]["id"], first["result"]["link"]) == (link["id"], link["url"])
    said = await shop.text("stripe_request_payment", **asked)
    assert said == (
        f"Payment link for 'Ada Moss' ({LEAD}): 2 x 'Revival call' ({asked['price']}) at 49.00 USD, 98.00 USD in all. "
        f"Done: {link['id']} {link['url']} Sandbox: nobody outside is reached, no money moves."
    )
    assert shop.pay(link["id"])["metadata"] == {"overture_workspace": WORKSPACE, "overture_lead": LEAD}
    with shop.store.read(WORKSPACE) as work:
        noted = work.session.get_one(BillingObject, (WORKSPACE, link["id"]))
        assert (noted.kind, noted.lead_id, noted.status) == ("payment_link", LEAD, "active")


async def test_a_lead_is_one_customer_however_often_and_by_whatever_they_are_asked(shop: Shop) -> None:
    price, monthly = shop.price(), shop.price(900, recurring={"interval": "month"})
    made = await shop.call("stripe_ensure_customer", lead_id=LEAD)
    for by in ("checkout", "invoice", "quote"):
        done = await shop.call("stripe_request_payment", by=by, lead_id=LEAD, price=price)
        assert done["result"]["details"]["customer"] == made["result"]["id"]
    kept = await shop.approved("stripe_request_payment", by="subscription", lead_id=LEAD, price=monthly)
    assert (kept["kind"], kept["status"]) == ("subscription", "active")
    # The note is lost, as with another database: found again by what is written on it.
    with shop.store.begin(WORKSPACE, actor="test") as work:
        work.session.delete(work.session.get_one(BillingObject, (WORKSPACE, made["result"]["id"])))
    found = await shop.call("stripe_find", kind="customer", lead_id=LEAD)
    assert [each["id"] for each in found["objects"]] == [made["result"]["id"]]
    again = await shop.call("stripe_request_payment", by="checkout", lead_id=LEAD, price=price, quantity=2)
    assert again["result"]["details"]["customer"] == made["result"]["id"]
    assert len(shop.objects("customer")) == 1


async def test_an_invoice_is_drafted_finalised_sent_and_voided_and_a_person_decides_on_sending(shop: Shop) -> None:
    draft = await shop.call("stripe_request_payment", by="invoice", lead_id=LEAD, price=shop.price())
    id_ = draft["result"]["id"]
    assert (draft["result"]["status"], draft["result"]["amount"]) == ("draft", 4900)
    opened = await shop.call("stripe_change", action="invoice_finalize", id=id_)
    assert opened["result"]["status"] == "open"
    said = await shop.text("stripe_change", action="invoice_send", id=id_)
    assert said.startswith(f"Send the invoice {id_}, 49.00 USD (open). A person has to approve it first (it sends an")
    asked = await shop.call("stripe_change", action="invoice_send", id=id_)
    assert f"then call stripe_run_approved with {asked['id']}. Sandbox" in said
    sent = await shop.approved("stripe_change", action="invoice_send", id=id_)
    assert sent["link"]
    voided = await shop.call("stripe_change", action="invoice_void", id=id_)
    assert voided["result"]["status"] == "void"


async def test_quotes_subscriptions_sessions_and_links_move_on_and_end(shop: Shop) -> None:
    price, monthly = shop.price(), shop.price(900, recurring={"interval": "month"})

    async def made(by: str, price: str) -> str:
        return str((await shop.call("stripe_request_payment", by=by, lead_id=LEAD, price=price))["result"]["id"])

    quote = await made("quote", price)
    assert (await shop.call("stripe_change", action="quote_finalize", id=quote))["result"]["status"] == "open"
    assert (await shop.approved("stripe_change", action="quote_accept", id=quote))["status"] == "accepted"
    link = await made("payment_link", monthly)
    shop.pay(link)
    (running,) = (await shop.call("stripe_find", kind="subscription"))["objects"]
    ended = await shop.approved("stripe_change", action="subscription_cancel", id=running["id"])
    assert ended["status"] == "canceled"
    session = await made("checkout", price)
    assert (await shop.call("stripe_change", action="checkout_expire", id=session))["result"]["status"] == "expired"
    other = await made("payment_link", price)
    off = await shop.call("stripe_change", action="payment_link_deactivate", id=other)
    assert off["result"]["status"] == "inactive"


async def test_refunds_prices_and_discounts_are_made_only_after_a_person_approved(shop: Shop) -> None:
    with_price = await shop.approved("stripe_create_price", product="Audit", amount=9900, currency="eur")
    with shop.store.read(WORKSPACE) as work:
        assert prices.is_allowed(work, with_price["id"], sandbox=True)
    code = await shop.approved("stripe_create_discount", code="BACK10", percent_off=10)
    assert (code["details"]["code"], code["status"]) == ("BACK10", "active")
    link = await shop.call("stripe_request_payment", by="payment_link", lead_id=LEAD, price=with_price["id"])
    payment = shop.pay(link["result"]["id"])["payment_intent"]
    given = await shop.approved("stripe_refund", payment=payment, amount=900, currency="EUR")
    assert (given["amount"], given["currency"]) == (900, "EUR")
    status = (await shop.call("stripe_find", kind="payment_intent", id=payment))["objects"][0]
    assert (status["status"], status["amount"], status["details"]["lead_id"]) == ("succeeded", 9900, LEAD)
    kinds = ("product", "price", "coupon", "promotion_code", "refund", "charge")
    assert [len((await shop.call("stripe_find", kind=kind))["objects"]) for kind in kinds] == [1] * len(kinds)


async def test_what_is_above_a_cap_or_off_the_list_needs_a_person(
    settings: Settings, make_shop: Callable[..., Shop], warm_programs: Path
) -> None:
    with running_sandbox(settings.data_dir, program=[str(warm_programs / "sandbox")]) as url:
        caps = {"stripe_cap_call": {"USD": 5_000, "*": 0}, "stripe_cap_customer": {"*": 6_000}}
        shop = make_shop(sandbox_url=url, stripe_cap_day={"*": 100_000}, **caps)
        allowed, other = shop.price(), shop.price(100, allowed=False)

        async def why(price: str, quantity: int = 1) -> list[str]:
            asked = {"by": "payment_link", "lead_id": LEAD, "price": price, "quantity": quantity}
            return list((await shop.call("stripe_request_payment", **asked))["why"])

        assert await why(allowed, 2) == [
            "98.00 USD is above the cap of 50.00 USD (OVERTURE_STRIPE_CAP_CALL)",
            "98.00 USD is above the cap of 60.00 USD (OVERTURE_STRIPE_CAP_CUSTOMER)",
        ]
        assert await why(allowed) == []
        assert await why(other) == ["the price is not on the allow-list (`overture stripe allow` puts it there)"]
        assert await why(shop.price(1200)) == ["61.00 USD is above the cap of 60.00 USD (OVERTURE_STRIPE_CAP_CUSTOMER)"]
        assert "cap of 0 JPY" in (await why(shop.price(100, currency="jpy")))[0]
        assert len(shop.objects("payment_link")) == 1


async def test_a_person_at_a_trusted_client_is_asked_in_the_servers_words(shop: Shop, mode: Mode) -> None:
    shop.mode = mode
    shop.trust("desk")
    payment = shop.pay(
        (await shop.call("stripe_request_payment", by="payment_link", lead_id=LEAD, price=shop.price()))["result"]["id"]
    )["payment_intent"]
    waiting = await shop.call("stripe_refund", payment=payment)
    asked: list[str] = []

    async def person(_context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    async with shop.client(name="desk", ask=person) as client:
        done: Any = await client.call_tool("stripe_run_approved", {"operation_id": waiting["id"]})
    assert (done.is_error, done.structured_content["state"]) == (False, "done")
    (message,) = asked
    assert f"Refund 49.00 USD of the payment {payment} of 'Ada Moss' ({LEAD}), which was 49.00 USD." in message
    assert len(shop.objects("refund")) == 1


async def test_bad_input_gets_one_sentence_and_changes_nothing(shop: Shop) -> None:
    price = shop.price(allowed=False)
    paid = await shop.approved("stripe_request_payment", by="payment_link", lead_id=LEAD, price=price)
    payment = shop.pay(paid["id"])["payment_intent"]
    asked = {"by": "payment_link", "lead_id": LEAD, "price": price}
    for tool, arguments, said in (
        ("stripe_ensure_customer", {"lead_id": "lead_x"}, "There is no lead 'lead_x'"),
        ("stripe_find", {"kind": "customer", "id": "cus_none"}, "Stripe has nothing called 'cus_none' in this account"),
        ("stripe_find", {"kind": "refund", "query": "x"}, "Stripe cannot search refund objects"),
        ("stripe_request_payment", {**asked, "price": "price_none"}, "Stripe has nothing called 'price_none'"),
        ("stripe_request_payment", {**asked, "by": "subscription"}, "is paid once, which does not fit 'subscription'"),
        ("stripe_request_payment", {**asked, "quantity": 0}, "quantity: Input should be greater than or equal to 1"),
        ("stripe_refund", {"payment": payment, "currency": "EUR"}, f"'{payment}' was paid in USD, not in EUR"),
        ("stripe_refund", {"payment": payment, "amount": 5000}, "49.00 USD is left to refund, not 50.00 USD"),
        ("stripe_refund", {"payment": "pi_none"}, "Stripe has nothing called 'pi_none'"),
        ("stripe_create_price", {"product": "x", "amount": 1, "currency": "e1r"}, "'e1r' is no currency"),
        (
            "stripe_create_price",
            {"product": "x", "amount": True, "currency": "usd"},
            "amount: Input should be a valid int",
        ),
        ("stripe_create_price", {"product": "x", "amount": 1, "currency": "xxx"}, "'xxx' is no currency"),
        ("stripe_create_discount", {"code": "ABC", "percent_off": 1e-9}, "has more than two decimals"),
        ("stripe_create_discount", {"code": "ABC", "percent_off": 5, "currency": "EUR"}, "Give either percent_off"),
        ("stripe_create_discount", {"code": "ABC"}, "Give either percent_off, or amount_off with its currency."),
        ("stripe_change", {"action": "invoice_send", "id": "in_none"}, "Stripe has nothing called 'in_none'"),
        ("stripe_report_fee", {"campaign": "x"}, "No performance fee is set up"),
        ("stripe_report_revenue", {"campaign": "x"}, "There is no campaign 'x'"),
        ("stripe_run_approved", {"operation_id": "opr_none"}, "There is no operation 'opr_none'"),
    ):
        text = await shop.refused(tool, **arguments)
        assert said in text, text
        assert "\n" not in text
    assert [len(shop.objects(kind)) for kind in ("customer", "refund", "payment_link", "coupon")] == [0, 0, 1, 0]


async def test_what_stripe_refuses_fails_the_operation_and_can_be_asked_for_again(shop: Shop) -> None:
    price = shop.price()
    draft = await shop.call("stripe_request_payment", by="invoice", lead_id=LEAD, price=price)
    id_ = draft["result"]["id"]
    said = await shop.refused("stripe_change", action="invoice_void", id=id_)
    assert said == f"'{id_}' is draft; invoice_void wants one that is open or uncollectible."
    quote = await shop.call("stripe_request_payment", by="quote", lead_id=LEAD, price=price)
    said = await shop.refused("stripe_change", action="quote_accept", id=quote["result"]["id"])
    assert said == f"'{quote['result']['id']}' is draft; quote_accept wants one that is open."
    for _ in range(2):  # the same again has the same answer, though the status fits no more
        assert (await shop.call("stripe_change", action="invoice_finalize", id=id_))["result"]["status"] == "open"
    shop.fail(provider="stripe", kind="429", count=1)
    later = await shop.call("stripe_request_payment", by="payment_link", lead_id=LEAD, price=price)
    assert (later["state"], shop.objects("payment_link")) == ("ready", [])
    assert "did nothing" in later["error"]
    done = await shop.call("stripe_run_approved", operation_id=later["id"])
    assert (done["state"], len(shop.objects("payment_link"))) == ("done", 1)


async def test_a_wrong_key_and_live_data_are_told_in_one_sentence(make_shop: Callable[..., Shop], shop: Shop) -> None:
    keys = {"sandbox_only": False, "stripe_base_url": shop.url}
    wrong = make_shop(**keys, stripe_api_key=SecretStr("rk_test_wrong"))
    text = await wrong.refused("stripe_find", kind="customer")
    assert text.startswith("Stripe does not know the key in OVERTURE_STRIPE_API_KEY, and nothing was changed;")
    for key, said in (
        ("sk_live_x1", "is a live key, with which real money moves; set a test key, or OVERTURE_STRIPE_LIVE=1"),
        ("pk_test_x1", "is no key of a server"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            stripe_endpoint(Settings(sandbox_only=False, stripe_api_key=SecretStr(key)))
        assert said in await make_shop(**keys, stripe_api_key=SecretStr(key)).refused("stripe_get_account")
    ours = stripe_endpoint(shop.runtime.settings).api_key
    live = make_shop(**keys, stripe_api_key=SecretStr(ours.replace("rk_test_", "rk_live_")), stripe_live=True)
    assert "does not know the key" in await live.refused("stripe_find", kind="customer")


async def test_the_account_says_what_is_allowed_and_an_unrestricted_key_is_named(
    make_shop: Callable[..., Shop], shop: Shop, mode: Mode
) -> None:
    shop.mode = mode
    price = shop.price()
    said = await shop.text("stripe_get_account")
    assert said == (
        "Stripe in sandbox mode.\nSandbox: nobody outside is reached, no money moves.\n"
        f"{price}: 'Revival call', 49.00 USD"
    )
    secret = make_shop(sandbox_only=False, stripe_api_key=SecretStr("sk_test_x1"))
    said = await secret.text("stripe_get_account")
    assert "The key is a secret key that can do everything; a restricted key (rk_) can do less harm." in said
    async with shop.client() as client:
        templates = (await client.list_resource_templates()).resource_templates
        assert [each.uri_template for each in templates] == ["stripe://revenue/{campaign}"]
        (content,) = (await client.read_resource("stripe://account")).contents
        assert price in content.model_dump_json()
        prompt = await client.get_prompt("ask-for-payment", {"lead_id": LEAD})
        assert LEAD in prompt.messages[0].model_dump_json()


async def test_payments_of_a_lead_are_reported(shop: Shop) -> None:
    assert "Nothing was paid yet." in await shop.text("stripe_report_revenue")
    with shop.store.begin(WORKSPACE, actor="test") as work:
        service.record(
            work, LEAD, amount=service.amount_of("49"), currency="USD", reference="pi_1", source="stripe", sandbox=True
        )
    found = await shop.call("stripe_report_revenue")
    assert (found["total"], found["rows"][0]["campaign"]) == ({"USD": 4900}, "(no campaign)")


def brought_in(shop: Shop, reference: str, amount: str) -> None:
    """A payment that is credited to the campaign Spring."""
    with shop.store.begin(WORKSPACE, actor="test") as work:
        if work.session.get(Campaign, "cmp_spring") is None:
            at = work.now()
            work.session.add(
                Campaign(id="cmp_spring", workspace_id=WORKSPACE, name="Spring", state="running", created_at=at)
            )
            work.session.flush()
        given: dict[str, Any] = {"currency": "USD", "reference": reference, "source": "stripe", "sandbox": True}
        made = service.record(work, LEAD, amount=service.amount_of(amount), **given)
        work.session.get_one(Payment, made.id).campaign_id = "cmp_spring"


async def test_a_performance_fee_is_reported_once_for_the_same_revenue(
    settings: Settings, make_shop: Callable[..., Shop], warm_programs: Path
) -> None:
    with running_sandbox(settings.data_dir, program=[str(warm_programs / "sandbox")]) as url:
        shop = make_shop(sandbox_url=url)
        with shop.account() as account:
            client_of_ours = account.write("c", lambda client, options: client.v1.customers.create({}, options))
            meter = {"display_name": "Fee", "event_name": "fee", "default_aggregation": {"formula": "sum"}}
            account.write("m", lambda client, options: client.v1.billing.meters.create(meter, options))
        shop = make_shop(sandbox_url=url, stripe_fee_meter="fee", stripe_fee_customer=client_of_ours.id)
        brought_in(shop, "pi_1", "100")
        said = await shop.text("stripe_report_fee", campaign="Spring")
        assert said.startswith(
            "Report a performance fee of 10.00 USD for the campaign 'Spring' to the meter fee, for the"
        )
        assert "Nothing new is due" in await shop.refused("stripe_report_fee", campaign="Spring")
        brought_in(shop, "pi_2", "50")
        done = await shop.call("stripe_report_fee", campaign="Spring")
        assert (done["state"], done["result"]["kind"]) == ("done", "billing_meter_event")
        reported = sum(int(each["value"]) for each in usage(shop))
        assert reported == 1_500
        async with shop.client() as client:
            (content,) = (await client.read_resource("stripe://revenue/Spring")).contents
            assert '"total":{"USD":15000}' in str(content.model_dump()["text"])


def usage(shop: Shop) -> list[dict[str, Any]]:
    """What was reported to the sandbox's meter, as our operations say."""
    with shop.store.read(WORKSPACE) as work:
        return list(work.session.scalars(select(Operation.params).where(Operation.kind == "stripe.fee")))
