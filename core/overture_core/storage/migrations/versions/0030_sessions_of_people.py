"""Links that open a session on the dashboard once, and the sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, ended in (("page_links", "used_at"), ("page_sessions", "ended_at")):
        op.create_table(
            table,
            sa.Column("hash", sa.String(64), primary_key=True),
            sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
            sa.Column("person", sa.String(200), nullable=False),
            sa.Column("created_at", UtcDateTime(), nullable=False),
            sa.Column("expires_at", UtcDateTime(), nullable=False),
            sa.Column(ended, UtcDateTime()),
        )


def downgrade() -> None:
    op.drop_table("page_sessions")
    op.drop_table("page_links")
