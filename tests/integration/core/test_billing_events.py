"""What Stripe says of money ends in the same whatever order it comes in, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from overture_core.messages import intake
from overture_core.messages.evidence import BillingEvent, BillingKind
from overture_core.payments import objects, service
from overture_core.payments.credit import credit_of
from overture_core.payments.revenue import Revenue, RevenueRow, revenue
from overture_core.storage.schema import BillingObject, Campaign, Message, Payment, Template
from overture_core.storage.store import Store
from tests.integration.core.test_ledger_claims import WORKSPACE, launched

__all__ = ["launched"]
_numbers = iter(range(1_000_000))


def message_of(store: Store, number: int = 0) -> Message:
    with store.read(WORKSPACE) as work:
        return work.session.scalars(select(Message).order_by(Message.id)).all()[number]


def event(store: Store, kind: BillingKind, *, after_s: int = 0, **more: Any) -> BillingEvent:
    given: dict[str, Any] = {
        "provider": "stripe",
        "dedupe_key": f"evt_{next(_numbers)}",
        "kind": kind,
        "at": store.clock.now() + timedelta(seconds=after_s),
        "sandbox": True,
        "object_id": "pi_1",
        "object_kind": "payment_intent",
        "status": "succeeded",
        "payment": "pi_1",
        "currency": "USD",
    }
    return BillingEvent(**{**given, **more})


def paid(store: Store, message: Message, *, name: str = "pi_1", **more: Any) -> BillingEvent:
    given = {"kind": BillingKind.PAID, "reference": name, "payment": None, "object_id": name, "amount": 4900}
    ours = {"workspace": WORKSPACE, "lead_id": message.lead_id, "message_id": message.id}
    return event(store, **{**given, **ours, **more})


def apply(store: Store, *events: BillingEvent) -> None:
    for each in events:  # one at a time, as they come
        intake.store_events(store, [each])
        intake.process(store)


def look_again(store: Store, clock: Any) -> None:
    for wait in intake.LOOKS_AGAIN:
        clock.advance(wait)
        intake.process(store)


def counted(store: Store, **more: Any) -> Revenue:
    with store.read(WORKSPACE) as work:
        return revenue(work, sandbox=True, **more)


def test_a_payment_stops_the_lead_and_is_credited_to_its_message(launched: Store) -> None:
    message = message_of(launched)
    apply(launched, paid(launched, message), paid(launched, message, object_id="cs_1", object_kind="checkout.session"))
    with launched.read(WORKSPACE) as work:
        (payment,) = service.list_(work)
        campaign = work.session.scalars(select(Campaign)).one()
        template = work.session.get_one(Template, message.template_id)
    assert (payment.message_id, payment.campaign_id, payment.step) == (message.id, campaign.id, 1)
    assert message_of(launched).state == "cancelled"
    assert counted(launched) == Revenue(
        rows=[
            RevenueRow(
                campaign=campaign.name,
                step=1,
                variant=f"{template.name} (version {template.version})",
                currency="USD",
                payments=1,
                leads=1,
                paid=4900,
                refunded=0,
                disputed=0,
                net=4900,
            )
        ],
        total={"USD": 4900},
        sandbox=True,
    )
    assert counted(launched, campaign=campaign.name) == counted(launched)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)], ids=str)
def test_refunds_and_disputes_lower_the_revenue_in_any_order(
    launched: Store, clock: Any, order: tuple[int, ...]
) -> None:
    message = message_of(launched)
    told = [
        paid(launched, message),
        event(launched, BillingKind.REFUNDED, after_s=1, amount=1000),
        event(launched, BillingKind.REFUNDED, after_s=2, amount=1500),
        event(launched, BillingKind.DISPUTED, after_s=3, amount=900, status="needs_response"),
    ]
    apply(launched, *(told[number] for number in order))
    look_again(launched, clock)
    (row,) = counted(launched).rows
    assert (row.paid, row.refunded, row.disputed, row.net) == (4900, 1500, 900, 2500)


@pytest.mark.parametrize("late", [False, True])
def test_a_dispute_that_was_won_holds_nothing_back_whichever_comes_first(launched: Store, late: bool) -> None:
    opened = event(launched, BillingKind.DISPUTED, after_s=1, amount=4900, status="needs_response")
    won = event(launched, BillingKind.DISPUTED, after_s=2, amount=0, status="won")
    apply(launched, paid(launched, message_of(launched)), *((won, opened) if late else (opened, won)))
    assert counted(launched).total == {"USD": 4900}


def test_a_refund_of_an_invoice_is_found_by_the_payment_behind_it(launched: Store) -> None:
    linked = event(launched, BillingKind.LINKED, reference="in_1", payment="pi_9", object_id="inpay_1")
    refunded = event(launched, BillingKind.REFUNDED, payment="pi_9", amount=4900, object_id="ch_9")
    apply(launched, paid(launched, message_of(launched), name="in_1"), linked, refunded)
    assert counted(launched).total == {"USD": 0}


def test_a_status_never_goes_back(launched: Store) -> None:
    lead = message_of(launched).lead_id
    at = launched.clock.now()
    later = at + timedelta(seconds=5)
    with launched.begin(WORKSPACE, actor="test") as work:
        for status, when in (
            *(("active", later), ("incomplete", at), ("past_due", later), ("trialing", later)),
            *(("canceled", at), ("active", later + timedelta(days=1))),
        ):
            kept = objects.note(work, "sub_1", kind="subscription", lead_id=lead, status=status, at=when, sandbox=True)
        assert kept.status == "canceled"
        other = objects.note(work, "sub_2", kind="subscription", lead_id=lead, status="active", at=later, sandbox=True)
        objects.note(work, "sub_2", kind="subscription", lead_id=lead, status="past_due", at=later, sandbox=True)
        objects.note(work, "sub_2", kind="subscription", lead_id=lead, status="active", at=later, sandbox=True)
        assert other.status == "past_due"


def test_a_customer_finds_the_lead_where_nothing_is_written_on_the_object(launched: Store) -> None:
    lead = message_of(launched).lead_id
    named = {"workspace": None, "lead_id": None, "message_id": None, "customer": "cus_1"}
    unknown = paid(launched, message_of(launched), name="in_2", **{**named, "customer": "cus_2"})
    with launched.begin(WORKSPACE, actor="test") as work:
        objects.note(work, "cus_1", kind="customer", lead_id=lead, status="created", at=work.now(), sandbox=True)
    apply(launched, paid(launched, message_of(launched), name="in_1", **named), unknown)
    with launched.read(WORKSPACE) as work:
        assert [each.lead_id for each in service.list_(work)] == [lead]


def test_what_is_of_the_other_world_or_of_another_workspace_is_not_taken(launched: Store) -> None:
    message = message_of(launched)
    apply(launched, paid(launched, message, workspace="other"), paid(launched, message, lead_id="lead_nobody"))
    assert counted(launched).rows == []
    apply(launched, paid(launched, message), event(launched, BillingKind.REFUNDED, amount=4900, sandbox=False))
    assert counted(launched).total == {"USD": 4900}
    with launched.read(WORKSPACE) as work:
        assert revenue(work, sandbox=False).rows == []


def test_a_failed_payment_and_a_trial_are_no_payments(launched: Store) -> None:
    message = message_of(launched)
    failed = paid(launched, message, kind=BillingKind.FAILED, status="requires_payment_method", reference=None)
    nothing = paid(launched, message, object_id="in_1", reference=None, amount=None)
    apply(launched, failed, nothing)
    assert counted(launched).rows == []
    with launched.read(WORKSPACE) as work:
        kept = work.session.execute(select(BillingObject.id, BillingObject.status).order_by(BillingObject.id))
        assert [tuple(row) for row in kept] == [("in_1", "succeeded"), ("pi_1", "requires_payment_method")]
        assert work.session.scalars(select(Payment)).all() == []
    assert message_of(launched).state == "due"


def test_credit_goes_to_what_was_answered_then_to_what_was_taken_last(launched: Store) -> None:
    first, other = message_of(launched), message_of(launched, 1)
    with launched.begin(WORKSPACE, actor="test") as work:
        assert credit_of(work, first.lead_id) is None
        assert credit_of(work, first.lead_id, other.id) is None  # another lead's message
        taken = update(Message).where(Message.id == first.id).values(accepted_at=work.now())
        work.session.execute(taken)
        found = credit_of(work, first.lead_id, "msg_nobody")
    assert found is not None
    assert (found.message_id, found.variant) == (first.id, first.template_id)
