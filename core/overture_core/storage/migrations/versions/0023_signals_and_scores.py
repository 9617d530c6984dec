"""What happened to leads, and their scores as they are kept for filters and an order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import Json, UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lead_signals",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("note", sa.String(500)),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("lead_id", "kind", "observed_at", name="uq_lead_signals_lead_id_kind_observed_at"),
    )
    op.create_table(
        "lead_scores",
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
    )
    columns = ["workspace_id", "score", "lead_id"]
    op.create_index("ix_lead_scores_order", "lead_scores", columns)
    op.create_table(
        "score_states",
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("profile", Json, nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("kept_at", UtcDateTime()),
        sa.Column("done_to", sa.String(40)),
    )


def downgrade() -> None:
    for name in ("score_states", "lead_scores", "lead_signals"):
        op.drop_table(name)
