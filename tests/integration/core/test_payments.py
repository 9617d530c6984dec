"""Who paid is written to no more: what is pending is cancelled, and the gate says so for thirty days."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason, Verdict
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.messages.channels import Channel
from overture_core.payments import service as payments
from overture_core.payments.revenue import revenue
from overture_core.storage.schema import Lead, Message, Payment
from overture_core.storage.store import Store
from tests.integration.core.test_ledger_claims import WORKSPACE, launched

__all__ = ["launched"]
PAID: dict[str, Any] = {"amount": Decimal("12.5"), "currency": "eur", "reference": "INV-7"}


def lead_of(store: Store, number: int = 0) -> str:
    with store.read(WORKSPACE) as work:
        return work.session.scalars(select(Message.lead_id).order_by(Message.id)).all()[number]


def test_a_payment_cancels_what_is_pending_and_rests_the_lead(launched: Store, clock: ManualClock) -> None:
    lead = lead_of(launched)
    with launched.begin(WORKSPACE, actor="cli:ada") as work:
        made = payments.record(work, lead, **PAID)
        assert (made.amount, made.currency, made.source) == (Decimal("12.50"), "EUR", "manual")
    with launched.read(WORKSPACE) as work:
        of_lead = select(Message.state, Message.reason).where(Message.lead_id == lead)
        assert [tuple(row) for row in work.session.execute(of_lead)] == [("cancelled", "paid")]
        decision = contactability(work, work.session.get_one(Lead, lead), Channel.EMAIL)
        assert (decision.verdict, decision.reason) == (Verdict.NEVER, Reason.PAID)
    clock.advance(timedelta(days=31))
    with launched.read(WORKSPACE) as work:
        assert contactability(work, work.session.get_one(Lead, lead), Channel.EMAIL).reason is not Reason.PAID


def test_the_same_payment_is_kept_once_and_belongs_to_one_lead(launched: Store) -> None:
    first, second = lead_of(launched), lead_of(launched, 1)
    with launched.begin(WORKSPACE, actor="cli:ada") as work:
        assert payments.record(work, first, **PAID).id == payments.record(work, first, **PAID).id
        assert len(payments.list_(work)) == 1
        with pytest.raises(Conflict, match="another lead"):
            payments.record(work, second, **PAID)


@pytest.mark.parametrize("text", ["", "12,50", "-1", "NaN", "inf", "1.2345", "1e20", "12 EUR"])
def test_what_is_no_amount_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no amount"):
        payments.amount_of(text)


def test_an_unknown_lead_a_currency_and_a_missing_reference_are_told(launched: Store) -> None:
    lead = lead_of(launched)
    with launched.begin(WORKSPACE, actor="cli:ada") as work:
        with pytest.raises(NotFound, match="no lead 'nobody'"):
            payments.record(work, "nobody", **PAID)
        with pytest.raises(InvalidInput, match="three letters"):
            payments.record(work, lead, **{**PAID, "currency": "euro"})
        with pytest.raises(InvalidInput, match="needs a reference"):
            payments.record(work, lead, **{**PAID, "reference": " "})


def test_amounts_have_the_decimals_of_their_currency(launched: Store) -> None:
    lead = lead_of(launched)
    with launched.begin(WORKSPACE, actor="cli:ada") as work:
        for amount, currency in (("12.505", "EUR"), ("0.5", "JPY")):
            with pytest.raises(
                InvalidInput, match=rf"{amount} is no amount in {currency}, which has (two|no) decimals"
            ):
                payments.record(work, lead, amount=Decimal(amount), currency=currency, reference="INV-8")
        for amount, currency in (("3000", "JPY"), ("1.5", "KWD"), ("12", "EUR")):
            payments.record(work, lead, amount=Decimal(amount), currency=currency, reference=currency)
        shown = {each.currency: str(each.amount) for each in payments.list_(work)}
    assert shown == {"JPY": "3000", "KWD": "1.500", "EUR": "12.00"}


def test_what_was_refunded_and_is_disputed_too_went_back_once(launched: Store) -> None:
    yen = 1_000_000
    with launched.begin(WORKSPACE, actor="cli:ada") as work:
        for reference, refunded, disputed in (("both", 3000, 3000), ("part", 1000, 2500), ("kept", 0, 0)):
            given: dict[str, Any] = {"amount": Decimal(3000), "currency": "JPY", "reference": reference}
            row = work.session.get_one(Payment, payments.record(work, lead_of(launched), **given).id)
            row.refunded_micros, row.disputed_micros = refunded * yen, disputed * yen
        work.session.flush()
        found = revenue(work, sandbox=True)
    (row_,) = found.rows
    assert (row_.paid, row_.refunded, row_.disputed, row_.net) == (9000, 4000, 2000, 3000)
    assert found.total == {"JPY": 3000}


def test_a_reference_is_one_payment_and_a_currency_one_that_exists(launched: Store) -> None:
    lead = lead_of(launched)
    with launched.begin(WORKSPACE, actor="cli:ada") as work:
        payments.record(work, lead, **PAID)
        with pytest.raises(Conflict, match=r"belongs to a payment of 12\.50 EUR; give this one a reference of its own"):
            payments.record(work, lead, **{**PAID, "amount": Decimal(99)})
        with pytest.raises(InvalidInput, match="'ZZZ' is no currency"):
            payments.record(work, lead, **{**PAID, "currency": "ZZZ", "reference": "INV-8"})
