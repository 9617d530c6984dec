"""A workspace says whether all its sending is stopped, since when, by whom and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("stopped_at", UtcDateTime(), nullable=True))
    op.add_column("workspaces", sa.Column("stopped_by", sa.String(200), nullable=True))
    op.add_column("workspaces", sa.Column("stop_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("stop_reason", "stopped_by", "stopped_at"):
        op.drop_column("workspaces", name)
