"""Who paid, and what there is at the provider of payments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class Payment(Base):
    """Something a lead paid, in millionths of the currency; `reference` names it at its `source`. `provider_payment`
    is the payment behind an invoice, by which refunds and disputes name it; `message_id` and what follows are what it
    is credited to; `variant` is a template."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("workspace_id", "source", "reference"),
        Index(None, "lead_id"),
        Index(None, "source", "provider_payment"),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    amount_micros: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    source: Mapped[str] = mapped_column(KEYWORD)
    reference: Mapped[str] = mapped_column(String(200))
    provider_payment: Mapped[str | None] = mapped_column(String(200))
    sandbox: Mapped[bool] = mapped_column(default=False, server_default=false())
    message_id: Mapped[str | None] = mapped_column(ID)
    campaign_id: Mapped[str | None] = mapped_column(ID)
    step: Mapped[int | None]
    variant: Mapped[str | None] = mapped_column(ID)
    refunded_micros: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    disputed_micros: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    disputed_at: Mapped[datetime | None]


class BillingObject(Base):
    """What a provider of payments has about a lead: a customer, an invoice, a subscription. `status` is the newest
    that was heard of, at `seen_at`."""

    __tablename__ = "billing_objects"
    __table_args__ = (Index(None, "lead_id"),)
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(KEYWORD)
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(KEYWORD)
    seen_at: Mapped[datetime]
    sandbox: Mapped[bool]


class AllowedPrice(Base):
    """A price that leads may be asked to pay without anybody's approval: `amount` in minor units of its currency,
    `interval` of a subscription. A person put it here; the amount is the provider's own and never changes."""

    __tablename__ = "allowed_prices"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    product: Mapped[str] = mapped_column(String(250))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[str | None] = mapped_column(KEYWORD)
    sandbox: Mapped[bool]
    allowed_by: Mapped[str] = mapped_column(String(200))
    allowed_at: Mapped[datetime]
