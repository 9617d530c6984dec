"""Templates, and campaigns with their plans."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class Template(Base):
    """One version of a template; saving under the same name adds a version and changes none. `body_html` is the
    HTML part of an e-mail; `content_sid` names a WhatsApp template that Meta approved, with the texts of its
    variables."""

    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("workspace_id", "name", "version"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]
    channel: Mapped[str] = mapped_column(KEYWORD)
    subject: Mapped[str | None] = mapped_column(String(998))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    body_html: Mapped[str | None] = mapped_column(Text)
    content_sid: Mapped[str | None] = mapped_column(String(40))
    content_variables: Mapped[dict[str, Any] | None]


class Campaign(Base):
    """A named effort towards a segment. States are in campaigns/states.py. `paused_reason` is set by the automatic
    pause (health/service.py); what was accepted before `rates_from` does not count for it. `trace` names the call that
    launched it, as a W3C traceparent."""

    __tablename__ = "campaigns"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    name: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(KEYWORD)
    created_at: Mapped[datetime]
    launched_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    paused_reason: Mapped[str | None] = mapped_column(String(1000))
    rates_from: Mapped[datetime | None]
    trace: Mapped[str | None] = mapped_column(String(60))


class Plan(Base):
    """What would be sent, frozen under `content_hash`. `spec` is what was asked (segment, templates,
    channel order, start), `summary` what came of it (counts, exclusions, cost, samples)."""

    __tablename__ = "plans"
    __table_args__ = (Index(None, "campaign_id", "created_at"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    campaign_id: Mapped[str] = mapped_column(ID, ForeignKey("campaigns.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    spec: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(KEYWORD)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
