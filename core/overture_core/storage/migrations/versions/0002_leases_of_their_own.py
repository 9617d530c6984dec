"""Leases and providers have rows of their own; messages and their events keep only the indexes that are looked into."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PARTIAL = (
    ("waiting", "state IN ('due', 'held')", ["workspace_id", "campaign_id", "channel", "due_at"], False),
    ("leased", "lease_token IS NOT NULL", ["lease_token"], False),
    ("named", "provider_id IS NOT NULL", ["provider", "provider_id"], False),
    ("keyed", "idempotency_key IS NOT NULL", ["workspace_id", "idempotency_key"], True),
    ("planned", "state IN ('draft', 'skipped')", ["plan_id"], False),
    ("unknown", "state = 'unknown'", ["workspace_id", "due_at"], False),
)
_UNCHECKED = (
    ("workspace_id", "workspaces"),
    ("campaign_id", "campaigns"),
    ("plan_id", "plans"),
    ("sender_id", "senders"),
    ("template_id", "templates"),
)
_OLD = (
    ("ix_messages_campaign_id_messages_state", ["campaign_id", "state"]),
    ("ix_messages_lead_id_messages_state", ["lead_id", "state"]),
    ("ix_messages_lease_token", ["lease_token"]),
    ("ix_messages_provider_messages_provider_id", ["provider", "provider_id"]),
    ("ix_messages_state_messages_channel_messages_due_at", ["state", "channel", "due_at"]),
)


def upgrade() -> None:
    _take_back_what_is_held()
    op.create_table(
        "leases",
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("campaign_id", sa.String(length=40), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_leases_workspace_id")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_workspace_id_leases_channel"), "leases", ["workspace_id", "channel"])
    op.create_table(
        "provider_accounts",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("detail", sa.String(length=1000), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_accounts")),
    )
    with op.batch_alter_table("messages") as batch_op:
        for name, _ in _OLD:
            batch_op.drop_index(name)
        batch_op.drop_constraint("uq_messages_workspace_id_idempotency_key", type_="unique")
        for column, _ in _UNCHECKED:
            batch_op.drop_constraint(f"fk_messages_{column}", type_="foreignkey")
        batch_op.drop_column("owner")
        batch_op.drop_column("lease_until")
    for name, condition, columns, unique in _PARTIAL:
        where = sa.text(condition)
        op.create_index(
            f"ix_messages_{name}", "messages", columns, unique=unique, sqlite_where=where, postgresql_where=where
        )
    op.create_index(op.f("ix_messages_lead_id"), "messages", ["lead_id"])
    op.create_index(op.f("ix_replies_message_id"), "replies", ["message_id"])
    with op.batch_alter_table("message_events") as batch_op:
        batch_op.drop_index("ix_message_events_message_id_message_events_at")
        batch_op.drop_constraint("fk_message_events_message_id", type_="foreignkey")
        batch_op.drop_constraint("fk_message_events_workspace_id", type_="foreignkey")
        batch_op.create_index(op.f("ix_message_events_message_id"), ["message_id"])
        batch_op.alter_column(
            "id", type_=_event_id(sa.BigInteger()), existing_type=sa.Integer(), existing_nullable=False
        )


def downgrade() -> None:
    _take_back_what_is_held()
    with op.batch_alter_table("message_events") as batch_op:
        batch_op.drop_index(op.f("ix_message_events_message_id"))
        batch_op.alter_column(
            "id", type_=sa.Integer(), existing_type=_event_id(sa.BigInteger()), existing_nullable=False
        )
        batch_op.create_foreign_key(
            "fk_message_events_message_id", "messages", ["message_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.create_foreign_key("fk_message_events_workspace_id", "workspaces", ["workspace_id"], ["id"])
        batch_op.create_index("ix_message_events_message_id_message_events_at", ["message_id", "at"])
    op.drop_index(op.f("ix_replies_message_id"), "replies")
    op.drop_index(op.f("ix_messages_lead_id"), "messages")
    for name, *_ in _PARTIAL:
        op.drop_index(f"ix_messages_{name}", "messages")
    with op.batch_alter_table("messages") as batch_op:
        batch_op.add_column(sa.Column("owner", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("lease_until", UtcDateTime(), nullable=True))
        for column, table in _UNCHECKED:
            batch_op.create_foreign_key(f"fk_messages_{column}", table, [column], ["id"])
        batch_op.create_unique_constraint(
            "uq_messages_workspace_id_idempotency_key", ["workspace_id", "idempotency_key"]
        )
        for name, columns in _OLD:
            batch_op.create_index(name, columns)
    op.drop_table("provider_accounts")
    op.drop_table("leases")


def _event_id(type_: sa.types.TypeEngine[int]) -> sa.types.TypeEngine[int]:
    return type_ if op.get_bind().dialect.name == "postgresql" else sa.Integer()


def _take_back_what_is_held() -> None:
    """No worker runs across a migration: what was claimed had not left, what was being sent is not known."""
    for state, becomes, reason in (("claimed", "due", None), ("sending", "unknown", "no_answer_recorded")):
        held = sa.text("SELECT id FROM messages WHERE state = :state").bindparams(state=state)
        for (message_id,) in op.get_bind().execute(held).all():
            op.get_bind().execute(
                sa.text("UPDATE messages SET state = :becomes, reason = :reason, lease_token = NULL WHERE id = :id"),
                {"becomes": becomes, "reason": reason, "id": message_id},
            )
            op.get_bind().execute(
                sa.text(
                    "INSERT INTO message_events (workspace_id, message_id, at, from_state, to_state, cause) "
                    "SELECT workspace_id, id, CURRENT_TIMESTAMP, :state, :becomes, 'migration' FROM messages WHERE id = :id"
                ),
                {"state": state, "becomes": becomes, "id": message_id},
            )
