"""Accounts at LinkedIn, their use, and lead forms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace


class LinkedInAccount(Base):
    """The LinkedIn member that a workspace is connected to, in the sandbox or for real. Both tokens are sealed
    (secrets.py); `refresh_token` is there only where LinkedIn approved the application for refreshing."""

    __tablename__ = "linkedin_accounts"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    sandbox: Mapped[bool] = mapped_column(primary_key=True)
    member: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    scopes: Mapped[list[str]]
    access_token: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]
    refresh_token: Mapped[str | None] = mapped_column(Text)
    refresh_expires_at: Mapped[datetime | None]
    connected_by: Mapped[str] = mapped_column(String(200))
    connected_at: Mapped[datetime]


class LinkedInAuthorization(Base):
    """A connection that somebody began. `state` is the digest of what the browser carries, `verifier` the sealed PKCE
    secret; `settled_at` is when the browser came back, and `error` what was wrong with it then."""

    __tablename__ = "linkedin_authorizations"
    state: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    sandbox: Mapped[bool]
    verifier: Mapped[str | None] = mapped_column(Text)
    redirect_uri: Mapped[str] = mapped_column(String(500))
    requested_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(1000))


class LinkedInUsage(Base):
    """Calls of one resource on a day of UTC (`2026-11-24`) by one application for one member, which is how LinkedIn
    counts them. `limited_until` is set by a 429."""

    __tablename__ = "linkedin_usage"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    app: Mapped[str] = mapped_column(String(100), primary_key=True)
    member: Mapped[str] = mapped_column(String(100), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    resource: Mapped[str] = mapped_column(KEYWORD, primary_key=True)
    calls: Mapped[int]
    limited_until: Mapped[datetime | None]


class LinkedInLeadSource(Base):
    """An owner of lead forms whose new leads LinkedIn reports to us. `id` is LinkedIn's name of the subscription."""

    __tablename__ = "linkedin_lead_sources"
    __table_args__ = (Index(None, "owner"),)
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    sandbox: Mapped[bool] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(100), primary_key=True)
    id: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]


class LinkedInResponse(Base):
    """A response to a lead form that was imported; no other import takes it again."""

    __tablename__ = "linkedin_responses"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    form: Mapped[str] = mapped_column(String(200))
    import_id: Mapped[str | None] = mapped_column(ID)
    at: Mapped[datetime]
