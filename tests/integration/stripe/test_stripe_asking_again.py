"""Asking a lead for payment more than once: at the same time, after it was paid or ended, and with a code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from overture_core.messages.evidence import BillingEvent
from overture_core.operations import service as operations
from overture_core.payments.applying import apply_billing
from overture_providers.stripe.events import verify_and_parse
from overture_providers.stripe.signature import sign
from tests.integration.stripe.conftest import LEAD, WORKSPACE, Shop

pytestmark = pytest.mark.anyio


async def test_a_promotion_code_can_be_redeemed_on_links_and_sessions(shop: Shop) -> None:
    asked = {"lead_id": LEAD, "price": shop.price()}
    link = await shop.call("stripe_request_payment", by="payment_link", **asked)
    session = await shop.call("stripe_request_payment", by="checkout", **asked)
    paid = shop.pay(link["result"]["id"])
    with shop.account() as account:
        made: list[Any] = [
            account.read(lambda client: client.v1.payment_links.retrieve(link["result"]["id"])),
            account.read(lambda client: client.v1.checkout.sessions.retrieve(session["result"]["id"])),
            account.read(lambda client: client.v1.checkout.sessions.retrieve(paid["id"])),
        ]
    assert [each.allow_promotion_codes for each in made] == [True, True, True]


async def test_what_is_used_up_or_ended_is_made_anew_and_a_reference_makes_another(shop: Shop) -> None:
    asked: dict[str, Any] = {"lead_id": LEAD, "price": shop.price()}

    async def made(by: str, **more: Any) -> str:
        return str((await shop.call("stripe_request_payment", by=by, **asked, **more))["result"]["id"])

    link = await made("payment_link")
    assert await made("payment_link", reference="second") != link
    with shop.store.begin(WORKSPACE, actor="worker") as work:
        assert apply_billing(work, completed(shop.pay(link)))
    second = await made("payment_link")
    assert second != link
    await shop.call("stripe_change", action="payment_link_deactivate", id=second)
    third = await made("payment_link")
    assert third not in (link, second)
    assert await made("payment_link") == third
    invoice = await made("invoice")
    await shop.call("stripe_change", action="invoice_finalize", id=invoice)
    assert await made("invoice") == invoice
    await shop.call("stripe_change", action="invoice_void", id=invoice)
    assert await made("invoice") != invoice


def completed(session: dict[str, Any]) -> BillingEvent:
    """What the webhook makes of a completed session."""
    at = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
    event = {"id": "evt_1", "type": "checkout.session.completed", "created": int(at.timestamp()), "livemode": False}
    raw = json.dumps({**event, "data": {"object": session}}).encode()
    header = sign(raw, "whsec_x", int(at.timestamp()))
    (told,) = verify_and_parse(raw, header, "whsec_x", live=False, sandbox=True, now=at)
    return told


async def test_calls_made_at_once_do_not_pass_a_cap_together(shop: Shop) -> None:
    asked = {"by": "payment_link", "lead_id": LEAD, "price": shop.price()}
    states: list[str] = []

    async def ask(quantity: int) -> None:
        states.append((await shop.call("stripe_request_payment", **asked, quantity=quantity))["state"])

    async with anyio.create_task_group() as group:
        for quantity in range(10, 4, -1):  # 490.00 down to 245.00 USD, of 1,000.00 for one lead
            group.start_soon(ask, quantity)
    assert {*states} == {"done", "waiting"}
    with shop.store.read(WORKSPACE) as work:
        assert operations.spent(work, ["stripe.payment_link"], "USD", lead_id=LEAD) <= 100_000


async def test_a_customer_who_was_deleted_at_stripe_is_made_anew(shop: Shop) -> None:
    price = shop.price()

    def delete(id_: str) -> None:
        with shop.account() as account:
            account.write(f"delete-{id_}", lambda c, o: c.v1.customers.delete(id_, {}, o))

    first = (await shop.call("stripe_ensure_customer", lead_id=LEAD))["result"]["id"]
    for _ in range(2):
        delete(first)
        second = (await shop.call("stripe_ensure_customer", lead_id=LEAD))["result"]["id"]
        assert second != first
        assert (await shop.call("stripe_ensure_customer", lead_id=LEAD))["result"]["id"] == second
        first = second
    delete(first)
    asked = await shop.call("stripe_request_payment", by="invoice", lead_id=LEAD, price=price)
    (customer,) = shop.objects("customer")
    assert asked["result"]["details"]["customer"] == customer["id"]


async def test_all_of_a_lead_is_found_whoever_pays(shop: Shop) -> None:
    async def found(kind: str) -> list[str]:
        page = await shop.call("stripe_find", kind=kind, lead_id=LEAD)
        return [each["id"] for each in page["objects"]]

    price = shop.price()
    link = await shop.call("stripe_request_payment", by="payment_link", lead_id=LEAD, price=price)
    paid = shop.pay(link["result"]["id"])
    assert await found("customer") == []  # a link makes nobody our customer
    assert await found("payment_intent") == [paid["payment_intent"]]
    assert len(await found("charge")) == 1
    assert await found("payment_link") == [link["result"]["id"]]
    session = await shop.call("stripe_request_payment", by="checkout", lead_id=LEAD, price=price)
    assert session["result"]["kind"] == "checkout_session"
    quote = await shop.call("stripe_request_payment", by="quote", lead_id=LEAD, price=price)
    invoice = await shop.call("stripe_request_payment", by="invoice", lead_id=LEAD, price=price)
    assert await found("checkout_session") == [session["result"]["id"]]
    assert await found("quote") == [quote["result"]["id"]]
    assert await found("invoice") == [invoice["result"]["id"]]
    assert (await found("subscription"), await found("promotion_code")) == ([], [])
    for kind in ("refund", "coupon", "product", "price"):
        assert f"A {kind} is no lead's; leave the lead out" in await shop.refused(
            "stripe_find", kind=kind, lead_id=LEAD
        )
    assert "There is no lead 'lead_x'" in await shop.refused("stripe_find", kind="charge", lead_id="lead_x")
    both = {"lead_id": LEAD, "query": "amount>1"}
    assert "Give one of id, query and lead_id" in await shop.refused("stripe_find", kind="charge", **both)
