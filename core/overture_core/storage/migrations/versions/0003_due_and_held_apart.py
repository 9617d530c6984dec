"""Due and held messages have an index each: whoever wakes the held ones does not read through all that are due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WAITING = ("waiting", "state IN ('due', 'held')", ["workspace_id", "campaign_id", "channel", "due_at"])
_APART = (
    ("due", "state = 'due'", ["workspace_id", "campaign_id", "channel", "due_at"]),
    ("held", "state = 'held'", ["workspace_id", "campaign_id", "due_at"]),
)


def upgrade() -> None:
    op.drop_index("ix_messages_waiting", "messages")
    for index in _APART:
        _create(*index)


def downgrade() -> None:
    for name, *_ in _APART:
        op.drop_index(f"ix_messages_{name}", "messages")
    _create(*_WAITING)


def _create(name: str, condition: str, columns: list[str]) -> None:
    where = sa.text(condition)
    op.create_index(f"ix_messages_{name}", "messages", columns, sqlite_where=where, postgresql_where=where)
