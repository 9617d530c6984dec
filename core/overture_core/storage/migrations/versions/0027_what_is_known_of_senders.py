"""Who says whether a sender is verified, when and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("senders") as senders:
        senders.add_column(sa.Column("said_by", sa.String(200)))
        senders.add_column(sa.Column("said_at", UtcDateTime()))
        senders.add_column(sa.Column("note", sa.String(500)))


def downgrade() -> None:
    with op.batch_alter_table("senders") as senders:
        for column in ("note", "said_at", "said_by"):
            senders.drop_column(column)
