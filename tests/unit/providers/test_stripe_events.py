"""Stripe's webhook: its signature, by Stripe's own vectors, and what its events mean."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput, SignatureInvalid
from overture_core.messages.evidence import BillingEvent, BillingKind
from overture_providers.stripe.events import verify_and_parse
from overture_providers.stripe.signature import TOLERANCE_S, sign, verify

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "stripe_webhook.json").read_text(encoding="utf-8"))
SECRET = "whsec_test"
AT = 1_795_000_000
NOW = datetime.fromtimestamp(AT, tz=UTC)
METADATA = {"overture_workspace": "default", "overture_lead": "lead_1", "overture_message": "msg_1"}
OURS = {"workspace": "default", "lead_id": "lead_1", "message_id": "msg_1"}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_signatures_are_judged_as_stripes_own_vectors_say(case: dict[str, Any]) -> None:
    now = datetime.fromtimestamp(case["now"], tz=UTC)
    assert case["tolerance"] == TOLERANCE_S

    def check() -> None:
        verify(case["payload"].encode(), case["header"], case["secret"], now=now)

    if case["expect"]:
        check()
    else:
        with pytest.raises(SignatureInvalid):
            check()


def test_a_header_from_the_future_or_with_two_times_is_refused() -> None:
    for header in (sign(b"{}", SECRET, AT + 301), f"t={AT},{sign(b'{}', SECRET, AT)}", None, "t=1e9,v1=0", "v1=é"):
        with pytest.raises(SignatureInvalid):
            verify(b"{}", header, SECRET, now=NOW)


@pytest.mark.parametrize(("at", "said"), [(AT + 301, "minutes ahead"), (AT - 301, "minutes old")])
def test_a_webhook_that_is_off_in_time_says_which_way(at: int, said: str) -> None:
    with pytest.raises(SignatureInvalid, match=said):
        verify(b"{}", sign(b"{}", SECRET, at), SECRET, now=NOW)


def parsed(kind: str, about: dict[str, Any], *, live: bool = False, **more: Any) -> list[BillingEvent]:
    event = {"id": "evt_1", "type": kind, "created": AT - 5, "livemode": live, "data": {"object": about}, **more}
    raw = json.dumps(event).encode()
    return verify_and_parse(raw, sign(raw, SECRET, AT), SECRET, live=False, sandbox=False, now=NOW)


def told(kind: str, about: dict[str, Any]) -> dict[str, Any]:
    """What an event means, without what all have in common."""
    (event,) = parsed(kind, about)
    assert (event.provider, event.dedupe_key, event.at) == ("stripe", "evt_1", datetime.fromtimestamp(AT - 5, tz=UTC))
    left_out = {"type", "provider", "dedupe_key", "at", "sandbox", "object_id", "object_kind"}
    return event.model_dump(exclude=left_out, exclude_none=True)


def test_a_paid_session_and_its_payment_intent_are_one_payment() -> None:
    session: dict[str, Any] = {"id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid"}
    session |= {"status": "complete", "payment_intent": "pi_1", "amount_total": 4900, "currency": "usd"}
    intent = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount_received": 4900}
    paid = {"kind": BillingKind.PAID, "reference": "pi_1", "amount": 4900, "currency": "USD", **OURS}
    assert told("checkout.session.completed", {**session, "metadata": METADATA}) == {**paid, "status": "complete"}
    assert told("payment_intent.succeeded", {**intent, "currency": "usd", "metadata": METADATA}) == {
        **paid,
        "status": "succeeded",
    }


def test_an_invoice_is_one_payment_and_its_payment_intent_none_of_its_own() -> None:
    invoice = {"id": "in_1", "object": "invoice", "status": "paid", "amount_paid": 900, "currency": "eur"}
    of_subscription = {"parent": {"subscription_details": {"metadata": METADATA}}, "customer": "cus_1"}
    assert told("invoice.paid", {**invoice, **of_subscription}) == {
        "kind": BillingKind.PAID,
        "status": "paid",
        "reference": "in_1",
        "amount": 900,
        "currency": "EUR",
        "customer": "cus_1",
        **OURS,
    }
    assert told("invoice.paid", {**invoice, "amount_paid": 0})["kind"] is BillingKind.STATUS
    intent = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount_received": 900}
    assert told("payment_intent.succeeded", {**intent, "currency": "eur"})["kind"] is BillingKind.STATUS
    behind = {"id": "inpay_1", "object": "invoice_payment", "status": "paid", "invoice": "in_1"}
    linked = told("invoice_payment.paid", {**behind, "payment": {"type": "x", "payment_intent": "pi_1"}})
    assert linked == {"kind": BillingKind.LINKED, "status": "paid", "reference": "in_1", "payment": "pi_1"}


@pytest.mark.parametrize(
    ("kind", "status", "held"),
    [
        ("charge.dispute.created", "needs_response", 4900),
        ("charge.dispute.created", "warning_needs_response", 0),
        ("charge.dispute.updated", "under_review", 4900),
        ("charge.dispute.closed", "lost", 4900),
        ("charge.dispute.closed", "won", 0),
    ],
)
def test_a_dispute_holds_its_amount_back_until_it_is_won(kind: str, status: str, held: int) -> None:
    about = {"id": "du_1", "object": "dispute", "status": status, "amount": 4900, "currency": "usd"}
    found = told(kind, {**about, "payment_intent": "pi_1"})
    assert (found["kind"], found["payment"], found["amount"]) == (BillingKind.DISPUTED, "pi_1", held)


@pytest.mark.parametrize(
    ("kind", "object_", "status", "meaning"),
    [
        ("invoice.payment_failed", "invoice", "open", BillingKind.FAILED),
        ("payment_intent.payment_failed", "payment_intent", "requires_payment_method", BillingKind.FAILED),
        ("payment_intent.canceled", "payment_intent", "canceled", BillingKind.STATUS),
        ("customer.subscription.updated", "subscription", "past_due", BillingKind.STATUS),
        ("customer.subscription.deleted", "subscription", "canceled", BillingKind.STATUS),
        ("customer.deleted", "customer", "deleted", BillingKind.STATUS),
        ("checkout.session.expired", "checkout.session", "expired", BillingKind.STATUS),
    ],
)
def test_everything_else_is_a_status(kind: str, object_: str, status: str, meaning: BillingKind) -> None:
    found = told(kind, {"id": "x_1", "object": object_, "status": status, "metadata": METADATA})
    assert {name: found[name] for name in ("kind", "status", *OURS)} == {"kind": meaning, "status": status, **OURS}


def test_a_refund_tells_all_that_was_given_back() -> None:
    about = {"id": "ch_1", "object": "charge", "status": "succeeded", "amount": 4900, "amount_refunded": 1500}
    found = told("charge.refunded", {**about, "payment_intent": "pi_1", "currency": "usd"})
    assert (found["kind"], found["payment"], found["amount"]) == (BillingKind.REFUNDED, "pi_1", 1500)


def test_kinds_that_mean_nothing_to_us_and_data_of_the_other_mode() -> None:
    assert parsed("product.created", {"id": "prod_1", "object": "product"}) == []
    with pytest.raises(InvalidInput, match="live data, and our key is a test key"):
        parsed("invoice.paid", {"id": "in_1", "object": "invoice"}, live=True)


def test_what_somebody_else_wrote_into_our_metadata_is_not_taken() -> None:
    for lead in ("lead_1' OR '1'='1", "x" * 41, 7, None, ""):
        about = {"id": "pi_1", "object": "payment_intent", "metadata": {**METADATA, "overture_lead": lead}}
        assert "lead_id" not in told("payment_intent.created", about)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=10,
)
_FIELDS = st.sampled_from(
    ["id", "object", "status", "currency", "metadata", "parent", "amount", "amount_paid", "payment_intent", "customer"]
)
_KINDS = st.sampled_from(["invoice.paid", "charge.refunded", "payment_intent.succeeded", "charge.dispute.closed", "x"])


@given(_KINDS, st.dictionaries(_FIELDS, _JSON), st.dictionaries(st.sampled_from(["id", "created", "livemode"]), _JSON))
def test_any_signed_json_is_understood_or_refused_in_one_sentence(
    kind: str, about: dict[str, Any], more: dict[str, Any]
) -> None:
    with suppress(InvalidInput):
        for event in parsed(kind, about, **more):
            assert BillingEvent.model_validate_json(event.model_dump_json()) == event


@given(st.binary(max_size=200))
def test_any_signed_bytes_are_refused_in_one_sentence(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        verify_and_parse(raw, sign(raw, SECRET, AT), SECRET, live=False, sandbox=True, now=NOW)
