"""A campaign says why it was paused, and troubled messages are found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TROUBLED = sa.text("state IN ('bounced', 'complained')")


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("paused_reason", sa.String(1000), nullable=True))
    op.add_column("campaigns", sa.Column("rates_from", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_messages_troubled", "messages", ["campaign_id"], sqlite_where=TROUBLED, postgresql_where=TROUBLED
    )


def downgrade() -> None:
    op.drop_index("ix_messages_troubled", "messages")
    op.drop_column("campaigns", "rates_from")
    op.drop_column("campaigns", "paused_reason")
