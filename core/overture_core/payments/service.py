"""Payments of leads. Who has paid is written to no more about it: what is pending to them is cancelled."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation

from pydantic import BaseModel
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput
from overture_core.ids import new_id
from overture_core.leads.finding import lead_of
from overture_core.messages.stopping import stop_lead
from overture_core.storage.schema import Payment
from overture_core.storage.store import Work
from overture_core.text import clean, quoted

BY_HAND = "manual"
MICROS = 1_000_000
_MOST = Decimal(10) ** 12


class PaymentView(BaseModel):
    """A payment. `amount` is in units of the currency, such as 12.50."""

    id: str
    lead_id: str
    at: datetime
    amount: Decimal
    currency: str
    source: str
    reference: str


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
) -> PaymentView:
    """Keep a payment, and cancel what is pending to the lead, on every channel. The same `source` and `reference`
    again is the same payment.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: there is no such currency (ISO 4217), or the reference is missing.
        Conflict: the reference is that of another payment.
    """
    lead_of(work, lead_id)
    code, name = currency.strip().upper(), clean(reference, limit=200)
    if not _is_currency(code):
        msg = f"{quoted(currency)} is no currency; write its three letters, such as EUR."
        raise InvalidInput(msg)
    if not name:
        msg = "A payment needs a reference, such as the invoice's number, so that it is kept once."
        raise InvalidInput(msg)
    same = (Payment.workspace_id == work.workspace, Payment.source == source, Payment.reference == name)
    known = work.session.scalar(select(Payment).where(*same))
    if known is not None:
        if known.lead_id != lead_id:
            msg = f"The reference {quoted(name)} belongs to a payment of another lead; check which of the two paid."
            raise Conflict(msg)
        if (known.amount_micros, known.currency) != (int(amount * MICROS), code):
            msg = (
                f"The reference {quoted(name)} belongs to a payment of {_view(known).amount} {known.currency}; give "
                "this one a reference of its own."
            )
            raise Conflict(msg)
        return _view(known)
    row = Payment(
        id=new_id("pay"),
        workspace_id=work.workspace,
        lead_id=lead_id,
        at=at or work.now(),
        amount_micros=int(amount * MICROS),
        currency=code,
        source=source,
        reference=name,
    )
    work.session.add(row)
    work.session.flush()
    stop_lead(work, lead_id, cause="paid")
    audit.record(work, "payment.recorded", lead_id, payment=row.id, source=source)
    return _view(row)


def _is_currency(code: str) -> bool:
    import pycountry  # reads its tables at import

    return pycountry.currencies.get(alpha_3=code) is not None


def list_(work: Work, *, limit: int = 50) -> list[PaymentView]:
    """Return payments, newest first."""
    rows = select(Payment).where(Payment.workspace_id == work.workspace).order_by(Payment.at.desc(), Payment.id.desc())
    return [_view(row) for row in work.session.scalars(rows.limit(limit))]


def _view(row: Payment) -> PaymentView:
    amount = (Decimal(row.amount_micros) / MICROS).normalize()
    return PaymentView(
        id=row.id,
        lead_id=row.lead_id,
        at=row.at,
        amount=amount.quantize(Decimal("0.01")) if amount == amount.quantize(Decimal("0.01")) else amount,
        currency=row.currency,
        source=row.source,
        reference=row.reference,
    )
