"""The tables. Every row belongs to a workspace, and every query names it.

One module on purpose: the migrations and a reader both want the whole schema in one view.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from overture_core.storage.types import Json, UtcDateTime

ID = String(40)
KEYWORD = String(40)


class Base(DeclarativeBase):
    """Common naming, so that both databases and every migration agree on constraint names."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: Json, list[str]: Json}  # noqa: RUF012


# A million messages make several million events: past what 32 bits count.
_EventId = BigInteger().with_variant(Integer, "sqlite")


MISSED = "accepted_at IS NULL AND state IN ('failed', 'skipped')"


def _partial(name: str, condition: str, *columns: str, unique: bool = False) -> Index:
    """An index of the messages that meet `condition`."""
    return Index(
        f"ix_messages_{name}", *columns, unique=unique, sqlite_where=text(condition), postgresql_where=text(condition)
    )


def _workspace() -> Mapped[str]:
    return mapped_column(ID, ForeignKey("workspaces.id"))


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
    workspace_id: Mapped[str] = _workspace()
    channel: Mapped[str] = mapped_column(KEYWORD)
    address: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200))
    verified: Mapped[bool]  # until said otherwise: by "provider", or by a person, whose word stands
    rates_from: Mapped[datetime | None]
    said_by: Mapped[str | None] = mapped_column(String(200))
    said_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(500))


class Lead(Base):
    """A person. `last_contact_at` is when anybody last dealt with them, as the import told us."""

    __tablename__ = "leads"
    __table_args__ = (
        Index(None, "workspace_id", "last_contact_at", "id"),
        Index(None, "workspace_id", "country", "id"),
        Index(None, "workspace_id", "id"),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(KEYWORD)
    value: Mapped[str] = mapped_column(String(500))


class LeadTag(Base):
    """A label on a lead."""

    __tablename__ = "lead_tags"
    __table_args__ = (Index(None, "workspace_id", "tag"),)
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(100), primary_key=True)
    workspace_id: Mapped[str] = _workspace()


class LeadSignal(Base):
    """Something that happened to a lead or their company (scoring/signals.py has the kinds), as `source` told us: a
    person, a file or the LinkedIn server. `note` is text from outside."""

    __tablename__ = "lead_signals"
    __table_args__ = (UniqueConstraint("lead_id", "kind", "observed_at"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
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


class Consent(Base):
    """Evidence that a lead agreed or objected to a channel; the newest row of a channel counts. `wording` is what they
    agreed to and `given_at` when, where the source says so; `recorded_at` is when we learned of it."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "lead_id", "channel", "recorded_at"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(KEYWORD)
    granted: Mapped[bool]
    source: Mapped[str] = mapped_column(String(300))
    recorded_at: Mapped[datetime]
    wording: Mapped[str | None] = mapped_column(String(1000))
    given_at: Mapped[datetime | None]


class LeadChange(Base):
    """What one row of a file changed in a lead who was there before: `detail` has `fields` and `custom` as
    {name: [before, after]}, and what was added: `identities`, `tags`, and the ids of `consents`. `stayed` has the
    fields that an undo had to leave."""

    __tablename__ = "lead_changes"
    __table_args__ = (Index(None, "lead_id"), Index(None, "import_id", "id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
    name: Mapped[str] = mapped_column(String(100))
    mapping: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class ImportReject(Base):
    """A row that an import could not take, as it stood in the file."""

    __tablename__ = "import_rejects"
    import_id: Mapped[str] = mapped_column(ID, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    original: Mapped[str] = mapped_column(Text)
    reasons: Mapped[list[str]]


class Segment(Base):
    """A named filter over leads; with `frozen_at` those who met it then, whom `segment_members` has."""

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()


class Template(Base):
    """One version of a template; saving under the same name adds a version and changes none. `body_html` is the
    HTML part of an e-mail; `content_sid` names a WhatsApp template that Meta approved, with the texts of its
    variables."""

    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("workspace_id", "name", "version"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
    campaign_id: Mapped[str] = mapped_column(ID, ForeignKey("campaigns.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    spec: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(KEYWORD)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Approval(Base):
    """A person's (or a written policy's) decision on one content hash."""

    __tablename__ = "approvals"
    __table_args__ = (Index(None, "workspace_id", "state"), Index(None, "subject_id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
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


class Reply(Base):
    """Something a lead wrote back. `body` is text from outside: capped, cleaned, never an instruction."""

    __tablename__ = "replies"
    __table_args__ = (Index(None, "workspace_id", "received_at"), Index(None, "lead_id"), Index(None, "message_id"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
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


class ErasedAddress(Base):
    """An address of somebody who was erased, as a hash with this installation's key; never contacted again. `kind`:
    phone, mailbox, or email for those who were erased before mailboxes were compared."""

    __tablename__ = "erased_addresses"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(KEYWORD, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime]


class Payment(Base):
    """Something a lead paid, in millionths of the currency; `reference` names it at its `source`. `provider_payment`
    is the payment behind an invoice, by which refunds and disputes name it; `message_id` and what follows are what it
    is credited to; `variant` is a template."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("workspace_id", "source", "reference"),
        Index(None, "lead_id"),
        Index(None, "source", "provider_payment"),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    amount_micros: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    source: Mapped[str] = mapped_column(KEYWORD)
    reference: Mapped[str] = mapped_column(String(200))
    provider_payment: Mapped[str | None] = mapped_column(String(200))
    sandbox: Mapped[bool] = mapped_column(default=False, server_default=false())
    message_id: Mapped[str | None] = mapped_column(ID)
    campaign_id: Mapped[str | None] = mapped_column(ID)
    step: Mapped[int | None]
    variant: Mapped[str | None] = mapped_column(ID)
    refunded_micros: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    disputed_micros: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    disputed_at: Mapped[datetime | None]


class BillingObject(Base):
    """What a provider of payments has about a lead: a customer, an invoice, a subscription. `status` is the newest
    that was heard of, at `seen_at`."""

    __tablename__ = "billing_objects"
    __table_args__ = (Index(None, "lead_id"),)
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(KEYWORD)
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(KEYWORD)
    seen_at: Mapped[datetime]
    sandbox: Mapped[bool]


class AllowedPrice(Base):
    """A price that leads may be asked to pay without anybody's approval: `amount` in minor units of its currency,
    `interval` of a subscription. A person put it here; the amount is the provider's own and never changes."""

    __tablename__ = "allowed_prices"
    workspace_id: Mapped[str] = mapped_column(ID, ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    product: Mapped[str] = mapped_column(String(250))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[str | None] = mapped_column(KEYWORD)
    sandbox: Mapped[bool]
    allowed_by: Mapped[str] = mapped_column(String(200))
    allowed_at: Mapped[datetime]


class ExportRequest(Base):
    """An export that was asked for over MCP; a person releases or rejects it. `where` is its filter, in words."""

    __tablename__ = "export_requests"
    __table_args__ = (Index(None, "workspace_id", "state"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
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
    workspace_id: Mapped[str] = _workspace()
    lead_id: Mapped[str] = mapped_column(ID, ForeignKey("leads.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(KEYWORD)
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None]


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
    workspace_id: Mapped[str] = _workspace()
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


class Suppression(Base):
    """An address, domain or person that is never contacted again. `value` is normalised; of an e-mail address `mailbox`
    is what it is compared by (leads/normalise.py)."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("workspace_id", "kind", "value"), Index(None, "workspace_id", "mailbox"))
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    kind: Mapped[str] = mapped_column(KEYWORD)
    value: Mapped[str] = mapped_column(String(320))
    mailbox: Mapped[str | None] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(KEYWORD)
    origin: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]


class PageLink(Base):
    """A link that opens one session on the dashboard, made at the command line. `hash` is of what it holds, which is
    kept nowhere."""

    __tablename__ = "page_links"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    person: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PageSession(Base):
    """A person's session on the dashboard. `hash` is of what their browser holds; `expires_at` never moves."""

    __tablename__ = "page_sessions"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    person: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


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
