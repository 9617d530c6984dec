"""Applies what a provider of payments says: what was paid, given back or disputed, and how its objects stand.

Events come in any order, late and twice. What they tell of money is a total or names what it is about, so that the
order does not matter; one that comes before what it is about finds nothing, and is looked at again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.messages.evidence import BillingEvent, BillingKind
from overture_core.payments import objects, service
from overture_core.payments.money import from_minor, micros
from overture_core.storage.schema import BillingObject, Lead, Payment
from overture_core.storage.store import Work


class _Payer(NamedTuple):
    workspace: str
    lead_id: str


def apply_billing(work: Work, event: BillingEvent) -> bool:
    """Apply one event; tells whether it is about a lead or a payment of ours."""
    if event.kind in (BillingKind.REFUNDED, BillingKind.DISPUTED, BillingKind.LINKED):
        return _of_payment(work, event)
    payer = _payer(work, event)
    if payer is None:
        return False
    own = replace(work, workspace=payer.workspace)
    objects.note(
        own,
        event.object_id,
        kind=event.object_kind,
        lead_id=payer.lead_id,
        status=event.status,
        at=event.at,
        sandbox=event.sandbox,
    )
    if event.payment_link is not None:
        _use_up(own, event.payment_link, payer.lead_id, event)
    if event.kind is BillingKind.PAID:
        _pay(own, event, payer.lead_id)
    elif event.kind is BillingKind.FAILED:
        audit.record(own, "payment.failed", payer.lead_id, object=event.object_id, source=event.provider)
    return True


def _use_up(work: Work, link: str, lead_id: str, event: BillingEvent) -> None:
    """A link of ours is paid once (see overture_providers/stripe/operations.py): its session is its end."""
    known = work.session.get(BillingObject, (work.workspace, link))
    if known is not None:
        objects.note(
            work, link, kind=known.kind, lead_id=lead_id, status="complete", at=event.at, sandbox=event.sandbox
        )


def _pay(work: Work, event: BillingEvent, lead_id: str) -> None:
    if event.reference is None or event.amount is None or event.currency is None:
        return  # nothing changed hands: an invoice of zero, a trial
    service.record(
        work,
        lead_id,
        amount=from_minor(event.amount, event.currency),
        currency=event.currency,
        reference=event.reference,
        source=event.provider,
        at=event.at,
        message_id=event.message_id,
        provider_payment=event.payment,
        sandbox=event.sandbox,
    )


def _of_payment(work: Work, event: BillingEvent) -> bool:
    name = event.reference if event.kind is BillingKind.LINKED else event.payment
    row = service.find(work, event.provider, name) if name else None
    if row is None or row.sandbox is not event.sandbox:
        return False
    if event.kind is BillingKind.LINKED:
        row.provider_payment = event.payment or row.provider_payment
    elif event.kind is BillingKind.REFUNDED:
        # All that was given back so far: an earlier event that comes later tells of less.
        row.refunded_micros = max(row.refunded_micros, _micros(event, row))
    elif row.disputed_at is None or event.at >= row.disputed_at:
        row.disputed_micros, row.disputed_at = _micros(event, row), event.at
    work.session.flush()
    own = replace(work, workspace=row.workspace_id)
    audit.record(own, f"payment.{event.kind.value}", row.lead_id, payment=row.id, status=event.status)
    return True


def _micros(event: BillingEvent, row: Payment) -> int:
    return min(micros(event.amount or 0, row.currency), row.amount_micros)


def _payer(work: Work, event: BillingEvent) -> _Payer | None:
    """The lead that we named when we made the object, else the one whose customer it is."""
    if event.lead_id is not None:
        named = select(Lead.workspace_id, Lead.id).where(
            Lead.id == event.lead_id, Lead.workspace_id == event.workspace, Lead.erased_at.is_(None)
        )
        row = work.session.execute(named).first()
        return _Payer(*row) if row is not None else None
    if event.customer is None:
        return None
    known = select(BillingObject.workspace_id, BillingObject.lead_id).where(
        BillingObject.id == event.customer, BillingObject.sandbox == event.sandbox
    )
    row = work.session.execute(known.order_by(BillingObject.workspace_id).limit(1)).first()
    return _Payer(*row) if row is not None else None
