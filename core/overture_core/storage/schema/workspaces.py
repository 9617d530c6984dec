"""Workspaces, the addresses that they send from, and the sessions of people on the dashboard."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class Workspace(Base):
    """A tenant. `policy` is the written pre-approval (campaigns/policy.py), `trusted_clients` the MCP
    clients whose elicitation counts as a person's answer; both are set from the CLI alone."""

    __tablename__ = "workspaces"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    created_at: Mapped[datetime]
    policy: Mapped[dict[str, Any]] = mapped_column(default=dict)
    trusted_clients: Mapped[list[str]] = mapped_column(default=list)
    stopped_at: Mapped[datetime | None]
    stopped_by: Mapped[str | None] = mapped_column(String(200))
    stop_reason: Mapped[str | None] = mapped_column(Text)


class Sender(Base):
    """An address that messages come from. What was accepted before `rates_from` does not count for its automatic pause
    (health/senders.py)."""

    __tablename__ = "senders"
    __table_args__ = (UniqueConstraint("channel", "address"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    channel: Mapped[str] = mapped_column(KEYWORD)
    address: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200))
    verified: Mapped[bool]  # until said otherwise: by "provider", or by a person, whose word stands
    rates_from: Mapped[datetime | None]
    said_by: Mapped[str | None] = mapped_column(String(200))
    said_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(500))


class PageLink(Base):
    """A link that opens one session on the dashboard, made at the command line. `hash` is of what it holds, which is
    kept nowhere."""

    __tablename__ = "page_links"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    person: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PageSession(Base):
    """A person's session on the dashboard. `hash` is of what their browser holds; `expires_at` never moves."""

    __tablename__ = "page_sessions"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    person: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
