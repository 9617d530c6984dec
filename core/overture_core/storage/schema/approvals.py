"""What people approve, and calls at providers that are no messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class Approval(Base):
    """A person's (or a written policy's) decision on one content hash."""

    __tablename__ = "approvals"
    __table_args__ = (Index(None, "workspace_id", "state"), Index(None, "subject_id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    kind: Mapped[str] = mapped_column(KEYWORD)
    subject_id: Mapped[str] = mapped_column(ID)
    content_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(KEYWORD)
    requested_by: Mapped[str] = mapped_column(String(200))
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(200))
    decided_via: Mapped[str | None] = mapped_column(KEYWORD)
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(1000))


class Operation(Base):
    """A call that changes something at a provider, other than a message (operations/service.py). `key` is the digest of
    what it does, `told` and `why` the lines that a person reads, `amount` in minor units of the currency; `begun_at` is
    when it was first called, from which on the provider's idempotency key counts."""

    __tablename__ = "operations"
    __table_args__ = (
        Index(None, "workspace_id", "key"),
        Index(None, "workspace_id", "state", "run_at"),
        Index(None, "lead_id"),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    kind: Mapped[str] = mapped_column(KEYWORD)
    key: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]]
    told: Mapped[list[str]]
    why: Mapped[list[str]]
    lead_id: Mapped[str | None] = mapped_column(ID, ForeignKey("leads.id", ondelete="SET NULL"))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    run_at: Mapped[datetime | None]
    repeatable: Mapped[bool]
    sandbox: Mapped[bool]
    state: Mapped[str] = mapped_column(KEYWORD)
    lease_token: Mapped[str | None] = mapped_column(ID)
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    begun_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(String(1000))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
