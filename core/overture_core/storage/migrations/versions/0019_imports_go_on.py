"""Imports have a state and a checkpoint; what a merge changed in a lead is kept, so that it can be undone.

Imports of before count as done where they have a report, and as failed where they have none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import Json, UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lead_changes",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("import_id", sa.String(40), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
    )
    op.create_index("ix_lead_changes_lead_id", "lead_changes", ["lead_id"])
    op.create_index("ix_lead_changes_import_id_lead_changes_id", "lead_changes", ["import_id", "id"])
    op.add_column("imports", sa.Column("state", sa.String(40), nullable=False, server_default="done"))
    op.add_column("imports", sa.Column("options", Json, nullable=False, server_default="{}"))
    op.add_column("imports", sa.Column("checkpoint", Json, nullable=False, server_default="{}"))
    op.add_column("imports", sa.Column("holder", sa.String(200), nullable=True))
    op.add_column("imports", sa.Column("actor", sa.String(200), nullable=True))
    op.add_column("imports", sa.Column("updated_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE imports SET state = 'failed' WHERE CAST(report AS VARCHAR(10)) = '{}'")


def downgrade() -> None:
    for name in ("updated_at", "actor", "holder", "checkpoint", "options", "state"):
        op.drop_column("imports", name)
    op.drop_table("lead_changes")
