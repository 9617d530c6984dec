"""Operations: calls at providers that are no messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import Json, UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operations",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("told", Json, nullable=False),
        sa.Column("why", Json, nullable=False),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="SET NULL")),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("currency", sa.String(3)),
        sa.Column("run_at", UtcDateTime()),
        sa.Column("repeatable", sa.Boolean(), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("lease_token", sa.String(40)),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("begun_at", UtcDateTime()),
        sa.Column("result", Json),
        sa.Column("error", sa.String(1000)),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_operations_workspace_id_operations_key", "operations", ["workspace_id", "key"])
    op.create_index(
        "ix_operations_workspace_id_operations_state_operations_run_at",
        "operations",
        ["workspace_id", "state", "run_at"],
    )
    op.create_index("ix_operations_lead_id", "operations", ["lead_id"])


def downgrade() -> None:
    op.drop_table("operations")
