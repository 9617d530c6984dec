"""Payments of leads. Who has paid is written to no more about it: what is pending to them is cancelled."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation

from pydantic import BaseModel
from sqlalchemy import or_, select

from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput
from overture_core.ids import new_id
from overture_core.leads.finding import lead_of
from overture_core.messages.stopping import stop_lead
from overture_core.payments.credit import credit_of
from overture_core.payments.money import MICROS, currency_of, places
from overture_core.storage.schema import Payment
from overture_core.storage.store import Work
from overture_core.text import clean, quoted

BY_HAND = "manual"
_MOST = Decimal(10) ** 12


class PaymentView(BaseModel):
    """A payment. Amounts are in units of the currency, such as 12.50; `returned` is what was refunded or disputed.

    `message_id`, `campaign_id`, `step` and `variant` say what it is credited to.
    """

    id: str
    lead_id: str
    at: datetime
    amount: Decimal
    currency: str
    source: str
    reference: str
    returned: Decimal
    message_id: str | None
    campaign_id: str | None
    step: int | None
    variant: str | None
    sandbox: bool


def amount_of(text: str) -> Decimal:
    """Read an amount such as `120` or `12.50`.

    Raises:
        InvalidInput: it is none, negative, or has more than three decimals.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(_NO_AMOUNT.format(quoted(text))) from error
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not 0 <= amount < _MOST or not isinstance(exponent, int) or exponent < -3:
        raise InvalidInput(_NO_AMOUNT.format(quoted(text)))
    return amount


_NO_AMOUNT = "{} is no amount; write it like 120 or 12.50, without a sign of the currency."


def record(
    work: Work,
    lead_id: str,
    *,
    amount: Decimal,
    currency: str,
    reference: str,
    source: str = BY_HAND,
    at: datetime | None = None,
    message_id: str | None = None,
    provider_payment: str | None = None,
    sandbox: bool = False,
) -> PaymentView:
    """Keep a payment, and cancel what is pending to the lead, on every channel. The same `source` and `reference`
    again is the same payment.

    It is credited to the message `message_id`, or to the one that payments/credit.py finds. `provider_payment` is
    what the provider calls the payment behind an invoice.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: there is no such currency (ISO 4217), the amount has more decimals than it, or the reference is
            missing.
        Conflict: the reference is that of another payment.
    """
    lead_of(work, lead_id)
    code, name = currency_of(currency), clean(reference, limit=200)
    if not name:
        msg = "A payment needs a reference, such as the invoice's number, so that it is kept once."
        raise InvalidInput(msg)
    if amount != round(amount, places(code)):
        has = {0: "no decimals", 2: "two decimals", 3: "three decimals"}[places(code)]
        msg = f"{amount} is no amount in {code}, which has {has}."
        raise InvalidInput(msg)
    same = (Payment.workspace_id == work.workspace, Payment.source == source, Payment.reference == name)
    known = work.session.scalar(select(Payment).where(*same))
    if known is not None:
        if known.lead_id != lead_id:
            msg = f"The reference {quoted(name)} belongs to a payment of another lead; check which of the two paid."
            raise Conflict(msg)
        if source == BY_HAND and (known.amount_micros, known.currency) != (int(amount * MICROS), code):
            msg = (
                f"The reference {quoted(name)} belongs to a payment of {_view(known).amount} {known.currency}; give "
                "this one a reference of its own."
            )
            raise Conflict(msg)
        return _view(known)
    credit = credit_of(work, lead_id, message_id)
    row = Payment(
        id=new_id("pay"),
        workspace_id=work.workspace,
        lead_id=lead_id,
        at=at or work.now(),
        amount_micros=int(amount * MICROS),
        currency=code,
        source=source,
        reference=name,
        provider_payment=provider_payment,
        sandbox=sandbox,
        message_id=credit.message_id if credit else None,
        campaign_id=credit.campaign_id if credit else None,
        step=credit.step if credit else None,
        variant=credit.variant if credit else None,
        refunded_micros=0,
        disputed_micros=0,
    )
    work.session.add(row)
    work.session.flush()
    stop_lead(work, lead_id, cause="paid")
    audit.record(work, "payment.recorded", lead_id, payment=row.id, source=source)
    return _view(row)


def find(work: Work, source: str, name: str) -> Payment | None:
    """Return the payment that a provider calls `name`, itself or the payment behind it; in any workspace, since a
    webhook has none. Nobody else changes it before the end of the transaction."""
    named = or_(Payment.reference == name, Payment.provider_payment == name)
    wanted = select(Payment).where(Payment.source == source, named).order_by(Payment.id).limit(1)
    return work.session.scalar(wanted.with_for_update())


def list_(work: Work, *, limit: int = 50) -> list[PaymentView]:
    """Return payments, newest first."""
    rows = select(Payment).where(Payment.workspace_id == work.workspace).order_by(Payment.at.desc(), Payment.id.desc())
    return [_view(row) for row in work.session.scalars(rows.limit(limit))]


def _view(row: Payment) -> PaymentView:
    return PaymentView(
        id=row.id,
        lead_id=row.lead_id,
        at=row.at,
        amount=_decimal(row.amount_micros, row.currency),
        currency=row.currency,
        source=row.source,
        reference=row.reference,
        returned=_decimal(min(row.amount_micros, row.refunded_micros + row.disputed_micros), row.currency),
        message_id=row.message_id,
        campaign_id=row.campaign_id,
        step=row.step,
        variant=row.variant,
        sandbox=row.sandbox,
    )


def _decimal(micros: int, currency: str) -> Decimal:
    amount = Decimal(micros) / MICROS
    usual = round(amount, places(currency))
    return usual if amount == usual else amount.normalize()
