"""Stripe's webhook over HTTP: what is refused, and the way from a payment at the sandbox to a stopped lead."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
import uvicorn
from sqlalchemy import select

from overture_core.messages import intake
from overture_core.payments import service
from overture_core.settings import Settings
from overture_core.storage.schema import WebhookEvent
from overture_core.storage.store import Store
from overture_providers.endpoints import STRIPE_EVENTS_PATH, stripe_endpoint
from overture_providers.stripe.signature import HEADER, sign
from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime
from tests.integration.stripe.conftest import LEAD, WORKSPACE, Shop
from tests.sandbox_process import running_sandbox

pytestmark = pytest.mark.anyio
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "mode": "payment",
    "status": "complete",
    "payment_status": "paid",
    "payment_intent": "pi_1",
    "amount_total": 4900,
    "currency": "usd",
    "metadata": {"overture_workspace": WORKSPACE, "overture_lead": LEAD},
}


@pytest.fixture
async def http(make_shop: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Shop]]:
    shop: Shop = make_shop()
    app = create_app(shop.runtime)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8765") as client:
        yield client, shop


def body(**more: Any) -> bytes:
    at = int(datetime(2026, 11, 23, 16, 30, tzinfo=UTC).timestamp())
    event = {"id": "evt_1", "object": "event", "type": "checkout.session.completed", "created": at, "livemode": False}
    return json.dumps({**event, "data": {"object": SESSION}, **more}).encode()


async def post(found: tuple[httpx.AsyncClient, Shop], raw: bytes, *, secret: str | None = None) -> httpx.Response:
    client, shop = found
    endpoint, now = stripe_endpoint(shop.runtime.settings), int(shop.store.clock.now().timestamp())
    header = sign(raw, secret or endpoint.webhook_secret or "", now)
    return await client.post(STRIPE_EVENTS_PATH, content=raw, headers={HEADER: header})


async def test_an_event_is_stored_once_and_applied_by_a_worker(http: tuple[httpx.AsyncClient, Shop]) -> None:
    raw, (_, shop) = body(), http
    assert [(await post(http, raw)).status_code for _ in range(2)] == [204, 204]
    with shop.store.read(WORKSPACE) as work:
        assert work.session.scalars(select(WebhookEvent.dedupe_key)).all() == ["evt_1"]
    assert intake.process(shop.store) == 1
    with shop.store.read(WORKSPACE) as work:
        (paid,) = service.list_(work)
    assert (paid.lead_id, paid.amount, paid.reference, paid.sandbox) == (LEAD, service.amount_of("49.00"), "pi_1", True)


async def test_what_is_not_stripes_is_refused_with_the_reason(http: tuple[httpx.AsyncClient, Shop]) -> None:
    client, shop = http
    forged = await post(http, body(), secret="whsec_other")
    assert (forged.status_code, forged.json()["error"]) == (403, "signature_invalid")
    unsigned = await client.post(STRIPE_EVENTS_PATH, content=body())
    assert unsigned.status_code == 403
    live = await post(http, body(livemode=True))
    assert (live.status_code, "live data" in live.json()["message"]) == (400, True)
    assert (await post(http, b"[]")).status_code == 400
    assert (await post(http, b" " * (2**20 + 1))).status_code == 413
    assert (await client.get(STRIPE_EVENTS_PATH)).status_code == 405
    assert "Thank you" in (await client.get("/stripe/thanks")).text
    with shop.store.read(WORKSPACE) as work:
        assert work.session.scalars(select(WebhookEvent)).all() == []


async def test_without_a_secret_every_webhook_is_refused(make_shop: Any) -> None:
    shop: Shop = make_shop(sandbox_only=False, stripe_api_key="rk_test_x1")
    transport = httpx.ASGITransport(create_app(shop.runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client:
        answer = await post((client, shop), body())
        assert (answer.status_code, answer.json()["error"]) == (503, "configuration")


@pytest.fixture
def receiving(settings: Settings, sqlite_store: Store, warm_programs: Path) -> Iterator[tuple[Shop, str]]:
    """The whole application on a port of its own, under the machine's clock, and a sandbox that tells it."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    program, receiver = [str(warm_programs / "sandbox")], f"http://127.0.0.1:{port}"
    with running_sandbox(settings.data_dir, program=program, webhook_url=receiver) as url:
        here = settings.model_copy(update={"sandbox_url": url, "http_port": port})
        runtime = Runtime(here, Store(here))
        server = uvicorn.Server(uvicorn.Config(create_app(runtime), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]})
        thread.start()
        yield Shop(runtime), url
        server.should_exit = True
        thread.join(timeout=15)
        runtime.close()


async def test_what_happens_at_the_sandbox_is_told_by_webhooks_that_the_sdk_accepts_too(
    receiving: tuple[Shop, str], make_shop: Any, wait_for: Any
) -> None:
    make_shop()  # the lead
    shop, url = receiving
    price = shop.price()
    link = await shop.call("stripe_request_payment", by="payment_link", lead_id=LEAD, price=price)
    payment = shop.pay(link["result"]["id"])["payment_intent"]
    invoice = await shop.call("stripe_request_payment", by="invoice", lead_id=LEAD, price=price)
    await shop.call("stripe_change", action="invoice_finalize", id=invoice["result"]["id"])
    shop.pay(invoice["result"]["id"], fails=True)
    shop.pay(invoice["result"]["id"])
    await shop.approved("stripe_refund", payment=payment, amount=900)
    disputed = {"payment_intent": payment, "status": "needs_response"}
    httpx.post(f"{url}/sandbox/stripe/dispute", json=disputed, trust_env=False).raise_for_status()

    def told() -> bool:
        waiting = httpx.get(f"{url}/sandbox/summary.json", trust_env=False).json()["webhooks"].get("waiting", 0)
        intake.process(shop.store)
        return not waiting and not intake.waiting(shop.store)

    wait_for(told)
    with shop.store.read(WORKSPACE) as work:
        paid = {each.reference: (each.amount, each.returned) for each in service.list_(work)}
    amount = service.amount_of
    assert paid == {payment: (amount("49"), amount("49")), invoice["result"]["id"]: (amount("49"), amount("0"))}
    report = await shop.call("stripe_report_revenue")
    assert report["total"] == {"USD": 4900}
    assert (report["rows"][0]["refunded"], report["rows"][0]["disputed"]) == (900, 4000)
    raw, secret = body().decode(), stripe_endpoint(shop.runtime.settings).webhook_secret
    header = sign(raw.encode(), secret or "", int(datetime.now(UTC).timestamp()))
    assert stripe.Webhook.construct_event(raw, header, secret).type == "checkout.session.completed"
