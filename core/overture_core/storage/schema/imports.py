"""What imports did, and what they changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class LeadChange(Base):
    """What one row of a file changed in a lead who was there before: `detail` has `fields` and `custom` as
    {name: [before, after]}, and what was added: `identities`, `tags`, and the ids of `consents`. `stayed` has the
    fields that an undo had to leave."""

    __tablename__ = "lead_changes"
    __table_args__ = (Index(None, "lead_id"), Index(None, "import_id", "id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    import_id: Mapped[str | None] = mapped_column(ID)
    line: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]
    undone_at: Mapped[datetime | None]


class LeadImport(Base):
    """One run of an import, with how the file was read and what became of its rows. States are in leads/imports.py;
    `checkpoint` is written in the transaction of each chunk, `holder` names the process that is at it."""

    __tablename__ = "imports"
    __table_args__ = (Index(None, "workspace_id", "created_at"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    filename: Mapped[str] = mapped_column(String(500))
    sha256: Mapped[str] = mapped_column(String(64))
    report: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(KEYWORD, default="done", server_default="done")
    options: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    checkpoint: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    holder: Mapped[str | None] = mapped_column(String(200))
    actor: Mapped[str | None] = mapped_column(String(200))
    updated_at: Mapped[datetime | None]


class ImportMapping(Base):
    """What the columns of a kind of file are, by a name: {column: field}."""

    __tablename__ = "import_mappings"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    name: Mapped[str] = mapped_column(String(100))
    mapping: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class ImportReject(Base):
    """A row that an import could not take, as it stood in the file."""

    __tablename__ = "import_rejects"
    import_id: Mapped[str] = mapped_column(ID, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    original: Mapped[str] = mapped_column(Text)
    reasons: Mapped[list[str]]
