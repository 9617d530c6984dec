"""A template may have an HTML part, or name a WhatsApp template that Meta approved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import Json

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = (("body_html", sa.Text()), ("content_sid", sa.String(40)), ("content_variables", Json))


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("templates", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name, _ in reversed(_COLUMNS):
        op.drop_column("templates", name)
