"""A message says itself whether it is meant for the sandbox: a direct one has no plan to ask."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("sandbox", sa.Boolean(), nullable=False, server_default=sa.true()))
    planned = (
        "(plans.spec -> 'sandbox' ->> messages.channel)::boolean"
        if op.get_bind().dialect.name == "postgresql"
        else "json_extract(plans.spec, '$.sandbox.' || messages.channel)"
    )
    op.execute(
        f"UPDATE messages SET sandbox = COALESCE((SELECT {planned} FROM plans WHERE plans.id = messages.plan_id), "
        f"{sa.true().compile(dialect=op.get_bind().dialect)})"
    )


def downgrade() -> None:
    op.drop_column("messages", "sandbox")
