"""Leads, what is known of them, and segments of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class Lead(Base):
    """A person. `last_contact_at` is when anybody last dealt with them, as the import told us."""

    __tablename__ = "leads"
    __table_args__ = (
        Index(None, "workspace_id", "last_contact_at", "id"),
        Index(None, "workspace_id", "country", "id"),
        Index(None, "workspace_id", "id"),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    first_name: Mapped[str | None] = mapped_column(String(200))
    last_name: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(320))
    phone: Mapped[str | None] = mapped_column(String(20))
    company: Mapped[str | None] = mapped_column(String(300))
    title: Mapped[str | None] = mapped_column(String(300))
    country: Mapped[str | None] = mapped_column(String(2))
    time_zone: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(20))
    linkedin_url: Mapped[str | None] = mapped_column(String(500))
    external_id: Mapped[str | None] = mapped_column(String(200))
    notes: Mapped[str | None] = mapped_column(Text)
    last_contact_at: Mapped[datetime | None]
    custom: Mapped[dict[str, Any]] = mapped_column(default=dict)
    import_id: Mapped[str | None] = mapped_column(ID)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class LeadIdentity(Base):
    """What a lead is recognised by. `kind`: email, phone, linkedin, external; `value` is normalised."""

    __tablename__ = "lead_identities"
    __table_args__ = (UniqueConstraint("workspace_id", "kind", "value"), Index(None, "lead_id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(KEYWORD)
    value: Mapped[str] = mapped_column(String(500))


class LeadTag(Base):
    """A label on a lead."""

    __tablename__ = "lead_tags"
    __table_args__ = (Index(None, "workspace_id", "tag"),)
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(100), primary_key=True)
    workspace_id: Mapped[str] = in_workspace()


class LeadSignal(Base):
    """Something that happened to a lead or their company (scoring/signals.py has the kinds), as `source` told us: a
    person, a file or the LinkedIn server. `note` is text from outside."""

    __tablename__ = "lead_signals"
    __table_args__ = (UniqueConstraint("lead_id", "kind", "observed_at"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(KEYWORD)
    observed_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(KEYWORD)
    note: Mapped[str | None] = mapped_column(String(500))
    recorded_at: Mapped[datetime]


class LeadScore(Base):
    """A lead's score as it was when scores were kept (scoring/keeping.py), for filters and the order by score."""

    __tablename__ = "lead_scores"
    __table_args__ = (Index("ix_lead_scores_order", "workspace_id", "score", "lead_id"),)
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    score: Mapped[int]


class ScoreState(Base):
    """How far a workspace's scores are kept: the profile they go by, since when the last whole round of them stands,
    and where a round that is under way has come to (None: there is none)."""

    __tablename__ = "score_states"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    profile: Mapped[dict[str, Any]]
    begun_at: Mapped[datetime]
    kept_at: Mapped[datetime | None]
    done_to: Mapped[str | None] = mapped_column(ID)


class Segment(Base):
    """A named filter over leads; with `frozen_at` those who met it then, whom `segment_members` has."""

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    name: Mapped[str] = mapped_column(String(100))
    filter: Mapped[dict[str, Any]]
    frozen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SegmentMember(Base):
    """A lead of a frozen segment."""

    __tablename__ = "segment_members"
    __table_args__ = (Index(None, "lead_id"),)
    segment_id: Mapped[str] = mapped_column(ID, ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True)
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
