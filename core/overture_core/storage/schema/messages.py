"""The ledger: messages, who has them in hand, and what providers say of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from overture_core.storage.schema.base import ID, KEYWORD, Base, in_workspace

# A million messages make several million events: past what 32 bits count.
_EventId = BigInteger().with_variant(Integer, "sqlite")
MISSED = "accepted_at IS NULL AND state IN ('failed', 'skipped')"


def _partial(name: str, condition: str, *columns: str, unique: bool = False) -> Index:
    """An index of the messages that meet `condition`."""
    return Index(
        f"ix_messages_{name}", *columns, unique=unique, sqlite_where=text(condition), postgresql_where=text(condition)
    )


class Message(Base):
    """One intended message. `merge` holds the values its template uses, frozen when it was planned; `sandbox` says
    for which world it is meant, so that nobody real gets what was approved for the sandbox, nor the other way round;
    `next_step` names the step that may follow this one, and is None once that was decided.

    `lease_token` names the lease that holds the row; every write-back must carry it. Of its references only
    the lead is checked by the database: the others are rows that planning has in hand and nothing deletes,
    and checking them took three quarters of writing a plan on PostgreSQL (docs/performance.md).
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("campaign_id", "lead_id", "step"),
        # Every change of a row costs an entry in each index that has it, so these hold only what is looked
        # for: what waits, what is in a worker's hands, what a provider has a name for.
        _partial("due", "state = 'due'", "workspace_id", "campaign_id", "channel", "due_at"),
        _partial("held", "state = 'held'", "workspace_id", "campaign_id", "due_at"),
        _partial("leased", "lease_token IS NOT NULL", "lease_token"),
        _partial("named", "provider_id IS NOT NULL", "provider", "provider_id"),
        _partial("keyed", "idempotency_key IS NOT NULL", "workspace_id", "idempotency_key", unique=True),
        _partial("planned", "state IN ('draft', 'skipped')", "plan_id"),
        _partial("unknown", "state = 'unknown'", "workspace_id", "due_at"),
        # What may be followed up: by when it was accepted, and what was never accepted by when it ended.
        _partial(
            "followed", "next_step IS NOT NULL AND accepted_at IS NOT NULL", "plan_id", "next_step", "accepted_at"
        ),
        _partial("missed", f"next_step IS NOT NULL AND {MISSED}", "plan_id", "next_step", "updated_at"),
        _partial("troubled", "state IN ('bounced', 'complained')", "campaign_id"),
        Index(None, "lead_id"),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ID)
    campaign_id: Mapped[str | None] = mapped_column(ID)
    plan_id: Mapped[str | None] = mapped_column(ID)
    step: Mapped[int] = mapped_column(default=1)
    next_step: Mapped[int | None]
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id"))
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    channel: Mapped[str] = mapped_column(KEYWORD)
    address: Mapped[str] = mapped_column(String(320))
    sandbox: Mapped[bool] = mapped_column(default=True, server_default=true())
    sender_id: Mapped[str | None] = mapped_column(ID)
    template_id: Mapped[str] = mapped_column(ID)
    merge: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(KEYWORD)
    reason: Mapped[str | None] = mapped_column(String(200))
    due_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None] = mapped_column(ID)
    provider: Mapped[str | None] = mapped_column(KEYWORD)
    provider_id: Mapped[str | None] = mapped_column(String(200))
    accepted_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Lease(Base):
    """A worker's hold on the messages that carry its `token`, until a time. It is renewed while they are
    worked on and deleted with the last of them; one that ran out is swept."""

    __tablename__ = "leases"
    __table_args__ = (Index(None, "workspace_id", "channel"),)
    token: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = in_workspace()
    channel: Mapped[str] = mapped_column(KEYWORD)
    campaign_id: Mapped[str | None] = mapped_column(ID)
    owner: Mapped[str] = mapped_column(String(200))
    until: Mapped[datetime]


class ProviderAccount(Base):
    """Whether a provider may be called now: the circuit breaker that all workers share. `until` is when an
    open one may be tried again, or when a try is given up."""

    __tablename__ = "provider_accounts"
    provider: Mapped[str] = mapped_column(KEYWORD, primary_key=True)
    state: Mapped[str] = mapped_column(KEYWORD)
    failures: Mapped[int]
    until: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(200))
    detail: Mapped[str | None] = mapped_column(String(1000))
    changed_at: Mapped[datetime]


class SenderDay(Base):
    """How many messages a sender began to send on a day (of UTC, `2026-11-24`); kept only while it is warmed up."""

    __tablename__ = "sender_days"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(KEYWORD, primary_key=True)
    sender: Mapped[str] = mapped_column(String(320), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    taken: Mapped[int]


class MessageEvent(Base):
    """One step in a message's life: a change of state with its cause, or an engagement (`to_state`
    equal to `from_state`). Only added to, beside the message's own row: foreign keys would check each of
    millions of rows for what cannot be otherwise."""

    __tablename__ = "message_events"
    __table_args__ = (Index(None, "message_id"),)
    id: Mapped[int] = mapped_column(_EventId, primary_key=True, autoincrement=True)
    workspace_id: Mapped[str] = mapped_column(ID)
    message_id: Mapped[str] = mapped_column(ID)
    at: Mapped[datetime]
    from_state: Mapped[str | None] = mapped_column(KEYWORD)
    to_state: Mapped[str] = mapped_column(KEYWORD)
    cause: Mapped[str] = mapped_column(String(100))
    detail: Mapped[str | None] = mapped_column(String(1000))


class WebhookEvent(Base):
    """An event as a provider sent it, verified and deduplicated, applied later by a worker."""

    __tablename__ = "webhook_events"
    __table_args__ = (UniqueConstraint("provider", "dedupe_key"), Index(None, "processed_at", "received_at"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    provider: Mapped[str] = mapped_column(KEYWORD)
    dedupe_key: Mapped[str] = mapped_column(String(200))
    event: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(KEYWORD)
