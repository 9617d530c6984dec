"""The allow-list of prices: what leads may be asked to pay without anybody's approval. Only a person adds to it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import NotFound
from overture_core.storage.schema import AllowedPrice
from overture_core.storage.store import Work
from overture_core.text import clean, quoted


class PriceView(BaseModel):
    """An allowed price. `amount` is in minor units of the currency; `interval` is that of a subscription."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    product: str
    amount: int
    currency: str
    interval: str | None
    sandbox: bool
    allowed_by: str
    allowed_at: datetime


def allow(
    work: Work, price_id: str, *, product: str, amount: int, currency: str, interval: str | None, sandbox: bool
) -> PriceView:
    """Put a price of the provider's on the list; one that is there stays as it is."""
    row = work.session.get(AllowedPrice, (work.workspace, price_id))
    if row is None:
        row = AllowedPrice(
            workspace_id=work.workspace,
            id=price_id,
            product=clean(product, limit=250),
            amount=amount,
            currency=currency,
            interval=interval,
            sandbox=sandbox,
            allowed_by=clean(work.actor, limit=200),
            allowed_at=work.now(),
        )
        work.session.add(row)
        work.session.flush()
        audit.record(work, "price.allowed", price_id, amount=amount, currency=currency)
    return PriceView.model_validate(row)


def disallow(work: Work, price_id: str) -> None:
    """Take a price off the list.

    Raises:
        NotFound: it is not there.
    """
    row = work.session.get(AllowedPrice, (work.workspace, price_id))
    if row is None:
        msg = f"The price {quoted(price_id)} is not on the list; `overture stripe prices` shows it."
        raise NotFound(msg)
    work.session.delete(row)
    work.session.flush()
    audit.record(work, "price.disallowed", price_id)


def is_allowed(work: Work, price_id: str, *, sandbox: bool) -> bool:
    """Tell whether leads may be asked to pay it."""
    row = work.session.get(AllowedPrice, (work.workspace, price_id))
    return row is not None and row.sandbox == sandbox


def list_(work: Work, *, sandbox: bool | None = None) -> list[PriceView]:
    """Return the list, by product."""
    rows = select(AllowedPrice).where(AllowedPrice.workspace_id == work.workspace)
    if sandbox is not None:
        rows = rows.where(AllowedPrice.sandbox == sandbox)
    found = work.session.scalars(rows.order_by(AllowedPrice.product, AllowedPrice.amount, AllowedPrice.id))
    return [PriceView.model_validate(row) for row in found]
