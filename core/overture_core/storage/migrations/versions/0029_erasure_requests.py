"""Erasures that a model asked for, until a person releases them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure_requests",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_at", UtcDateTime()),
    )
    op.create_index(
        "ix_erasure_requests_workspace_id_erasure_requests_state", "erasure_requests", ["workspace_id", "state"]
    )
    op.create_index("ix_erasure_requests_lead_id", "erasure_requests", ["lead_id"])


def downgrade() -> None:
    op.drop_table("erasure_requests")
