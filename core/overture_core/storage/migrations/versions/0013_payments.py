"""What leads paid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.UniqueConstraint(
            "workspace_id",
            "source",
            "reference",
            name="uq_payments_workspace_id_source_reference",
        ),
    )
    op.create_index("ix_payments_lead_id", "payments", ["lead_id"])


def downgrade() -> None:
    op.drop_table("payments")
