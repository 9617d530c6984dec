"""What a provider of payments has about leads: whose customer is whose, and how each object stands.

Webhooks come in any order and late: a status is replaced by a newer one alone, and one that ends an object stays.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from overture_core.storage.schema import BillingObject
from overture_core.storage.store import Work

# After one of these nothing follows. An invoice that is uncollectible may still be paid, so it is not among them.
ENDS = frozenset(
    (
        *("succeeded", "paid", "void", "complete", "expired", "canceled", "incomplete_expired", "deleted"),
        *("accepted", "inactive"),  # a quote, and a link
    )
)
# Events carry whole seconds: of two in the same second the one further on is the newer.
_ON_THE_WAY = (
    *("draft", "created", "incomplete", "requires_payment_method", "requires_confirmation", "requires_action"),
    *("open", "processing", "requires_capture", "trialing", "active", "paused", "past_due", "unpaid", "uncollectible"),
)
CUSTOMER = "customer"


def note(
    work: Work, object_id: str, *, kind: str, lead_id: str, status: str, at: datetime, sandbox: bool
) -> BillingObject:
    """Keep an object of a lead, and its status if that is newer than what is known."""
    known = work.session.get(BillingObject, (work.workspace, object_id))
    if known is None:
        known = BillingObject(
            workspace_id=work.workspace,
            id=object_id,
            kind=kind,
            lead_id=lead_id,
            status=status,
            seen_at=at,
            sandbox=sandbox,
        )
        work.session.add(known)
    elif known.status not in ENDS and (status in ENDS or _order(status, at) > _order(known.status, known.seen_at)):
        known.status, known.seen_at = status, at
    work.session.flush()
    return known


def customer_of(work: Work, lead_id: str, *, sandbox: bool) -> str | None:
    """Return the customer that a lead is at the provider, if they are one."""
    wanted = select(BillingObject.id).where(
        BillingObject.workspace_id == work.workspace,
        BillingObject.lead_id == lead_id,
        BillingObject.kind == CUSTOMER,
        BillingObject.status != "deleted",
        BillingObject.sandbox == sandbox,
    )
    return work.session.scalar(wanted.order_by(BillingObject.seen_at, BillingObject.id).limit(1))


def deleted_customers(work: Work, lead_id: str, *, sandbox: bool) -> list[str]:
    """Return the customers that a lead was at the provider, sorted."""
    gone = select(BillingObject.id).where(
        BillingObject.workspace_id == work.workspace,
        BillingObject.lead_id == lead_id,
        BillingObject.kind == CUSTOMER,
        BillingObject.status == "deleted",
        BillingObject.sandbox == sandbox,
    )
    return sorted(work.session.scalars(gone))


def of_lead(work: Work, lead_id: str, *, kind: str, sandbox: bool, limit: int) -> list[str]:
    """Return the ids of a lead's objects of one kind, those last heard of first."""
    wanted = select(BillingObject.id).where(
        BillingObject.workspace_id == work.workspace,
        BillingObject.lead_id == lead_id,
        BillingObject.kind == kind,
        BillingObject.sandbox == sandbox,
    )
    return list(work.session.scalars(wanted.order_by(BillingObject.seen_at.desc(), BillingObject.id).limit(limit)))


def is_over(work: Work, object_id: str) -> bool:
    """Whether an object is known to have ended: nobody can pay it any more, or need not."""
    known = work.session.get(BillingObject, (work.workspace, object_id))
    return known is not None and known.status in ENDS


def _order(status: str, at: datetime) -> tuple[datetime, int]:
    return at, _ON_THE_WAY.index(status) if status in _ON_THE_WAY else -1
