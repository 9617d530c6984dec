"""The audit chain."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base


class AuditHead(Base):
    """The end of a workspace's audit chain: the row that everybody who appends to it locks."""

    __tablename__ = "audit_heads"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class AuditEntry(Base):
    """Who did what and when. `hash` covers the row and, by `previous_hash`, all before it (audit/chain.py); no row
    is ever changed or removed."""

    __tablename__ = "audit_entries"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(KEYWORD)
    subject: Mapped[str | None] = mapped_column(String(100))
    detail: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
