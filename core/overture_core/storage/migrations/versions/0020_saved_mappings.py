"""Column mappings have names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import Json, UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_mappings",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("mapping", Json, nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("workspace_id", "name", name="uq_import_mappings_workspace_id_name"),
    )


def downgrade() -> None:
    op.drop_table("import_mappings")
