"""Who may be written to and who never again, and what people release or erase."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class Consent(Base):
    """Evidence that a lead agreed or objected to a channel; the newest row of a channel counts. `wording` is what they
    agreed to and `given_at` when, where the source says so; `recorded_at` is when we learned of it."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "lead_id", "channel", "recorded_at"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(KEYWORD)
    granted: Mapped[bool]
    source: Mapped[str] = mapped_column(String(300))
    recorded_at: Mapped[datetime]
    wording: Mapped[str | None] = mapped_column(String(1000))
    given_at: Mapped[datetime | None]


class Suppression(Base):
    """An address, domain or person that is never contacted again. `value` is normalised; of an e-mail address `mailbox`
    is what it is compared by (leads/normalise.py)."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("workspace_id", "kind", "value"), Index(None, "workspace_id", "mailbox"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    kind: Mapped[str] = mapped_column(KEYWORD)
    value: Mapped[str] = mapped_column(String(320))
    mailbox: Mapped[str | None] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(KEYWORD)
    origin: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]


class ErasedAddress(Base):
    """An address of somebody who was erased, as a hash with this installation's key; never contacted again. `kind`:
    phone, mailbox, linkedin, external (an id in somebody's list), or email for those who were erased before mailboxes
    were compared."""

    __tablename__ = "erased_addresses"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(KEYWORD, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime]


class ExportRequest(Base):
    """An export that was asked for over MCP; a person releases or rejects it. `where` is its filter, in words."""

    __tablename__ = "export_requests"
    __table_args__ = (Index(None, "workspace_id", "state"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    state: Mapped[str] = mapped_column(KEYWORD)
    where: Mapped[str] = mapped_column("filter", Text)
    columns: Mapped[list[str]]
    format: Mapped[str] = mapped_column(KEYWORD)
    leads: Mapped[int]
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None]


class ErasureRequest(Base):
    """An erasure that was asked for over MCP; a person releases or rejects it. Of the lead it has the id alone."""

    __tablename__ = "erasure_requests"
    __table_args__ = (Index(None, "workspace_id", "state"), Index(None, "lead_id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(KEYWORD)
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None]
