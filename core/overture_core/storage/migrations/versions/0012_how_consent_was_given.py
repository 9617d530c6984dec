"""Consents keep the words that were agreed to, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consents", sa.Column("wording", sa.String(1000), nullable=True))
    op.add_column("consents", sa.Column("given_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("consents", "given_at")
    op.drop_column("consents", "wording")
