"""What payments are credited to, what was given back of them, and what a provider of payments has about leads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("payments") as table:
        table.add_column(sa.Column("provider_payment", sa.String(200)))
        table.add_column(sa.Column("sandbox", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("message_id", sa.String(40)))
        table.add_column(sa.Column("campaign_id", sa.String(40)))
        table.add_column(sa.Column("step", sa.Integer()))
        table.add_column(sa.Column("variant", sa.String(40)))
        table.add_column(sa.Column("refunded_micros", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("disputed_micros", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("disputed_at", UtcDateTime()))
    op.create_index("ix_payments_source_payments_provider_payment", "payments", ["source", "provider_payment"])
    op.create_table(
        "billing_objects",
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_billing_objects_lead_id", "billing_objects", ["lead_id"])
    op.create_table(
        "allowed_prices",
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("product", sa.String(250), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("interval", sa.String(40)),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("allowed_by", sa.String(200), nullable=False),
        sa.Column("allowed_at", UtcDateTime(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("allowed_prices")
    op.drop_table("billing_objects")
    op.drop_index("ix_payments_source_payments_provider_payment", "payments")
    with op.batch_alter_table("payments") as table:
        for name in (
            *("disputed_at", "disputed_micros", "refunded_micros", "variant", "step", "campaign_id", "message_id"),
            *("sandbox", "provider_payment"),
        ):
            table.drop_column(name)
