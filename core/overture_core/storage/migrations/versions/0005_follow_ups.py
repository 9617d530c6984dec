"""A message names the step that may follow it, with the indexes by which those whose time has come are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDEXES = (
    ("followed", "next_step IS NOT NULL AND accepted_at IS NOT NULL", "accepted_at"),
    (
        "missed",
        "next_step IS NOT NULL AND accepted_at IS NULL AND state IN ('failed', 'skipped')",
        "updated_at",
    ),
)


def upgrade() -> None:
    op.add_column("messages", sa.Column("next_step", sa.Integer(), nullable=True))
    for name, condition, column in _INDEXES:
        where = sa.text(condition)
        columns = ["plan_id", "next_step", column]
        op.create_index(f"ix_messages_{name}", "messages", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, *_ in _INDEXES:
        op.drop_index(f"ix_messages_{name}", "messages")
    op.drop_column("messages", "next_step")
