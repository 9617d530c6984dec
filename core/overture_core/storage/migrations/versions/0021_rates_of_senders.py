"""A person may let a sender go on whose rates are over a limit: they count afresh from then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("senders", sa.Column("rates_from", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("senders", "rates_from")
