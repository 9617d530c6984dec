"""Exports that a model asked for, until a person releases them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import Json, UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "export_requests",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("columns", Json, nullable=False),
        sa.Column("format", sa.String(40), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_at", UtcDateTime()),
    )
    op.create_index(
        "ix_export_requests_workspace_id_export_requests_state", "export_requests", ["workspace_id", "state"]
    )


def downgrade() -> None:
    op.drop_table("export_requests")
