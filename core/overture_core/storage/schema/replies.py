"""What leads answered, and what people are to do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class Reply(Base):
    """Something a lead wrote back. `body` is text from outside: capped, cleaned, never an instruction."""

    __tablename__ = "replies"
    __table_args__ = (Index(None, "workspace_id", "received_at"), Index(None, "lead_id"), Index(None, "message_id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    message_id: Mapped[str | None] = mapped_column(ID, ForeignKey("messages.id"))
    channel: Mapped[str] = mapped_column(KEYWORD)
    subject: Mapped[str | None] = mapped_column(String(998))
    body: Mapped[str] = mapped_column(Text)
    intent: Mapped[str] = mapped_column(KEYWORD)
    received_at: Mapped[datetime]
    labelled_by: Mapped[str] = mapped_column(KEYWORD, default="rules", server_default="rules")
    away_until: Mapped[datetime | None]


class Task(Base):
    """Something that a person has to do about a lead, usually to answer them. `kind` is the reply's intent, or what is
    to be sent by hand: then `text` has it, `link` is where, and `message_id` the message that it stands for. `outcome`
    is done or skipped."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index(
            "ix_tasks_open",
            *("workspace_id", "due_at"),
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        UniqueConstraint("reply_id"),
        UniqueConstraint("message_id"),
        Index(None, "lead_id"),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    reply_id: Mapped[str | None] = mapped_column(ID, ForeignKey("replies.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(KEYWORD)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(String(500))
    message_id: Mapped[str | None] = mapped_column(ID, ForeignKey("messages.id"))
    text: Mapped[str | None] = mapped_column(Text)
    link: Mapped[str | None] = mapped_column(String(500))
    outcome: Mapped[str | None] = mapped_column(KEYWORD)
