"""Replies say who labelled them and until when somebody is away; tasks are what they leave for a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.add_column("replies", sa.Column("labelled_by", sa.String(40), nullable=False, server_default="rules"))
    op.add_column("replies", sa.Column("away_until", UtcDateTime(), nullable=True))
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("reply_id", sa.String(40), sa.ForeignKey("replies.id", ondelete="CASCADE"), nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", sa.String(200), nullable=True),
        sa.Column("note", sa.String(500), nullable=True),
        sa.UniqueConstraint("reply_id", name="uq_tasks_reply_id"),
    )
    op.create_index("ix_tasks_open", "tasks", ["workspace_id", "due_at"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_tasks_lead_id", "tasks", ["lead_id"])


def downgrade() -> None:
    op.drop_table("tasks")
    op.drop_column("replies", "away_until")
    op.drop_column("replies", "labelled_by")
