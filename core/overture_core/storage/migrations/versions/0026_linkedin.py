"""LinkedIn: the connected member, connections on their way, calls by day, sources of leads and what they brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import Json, UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "linkedin_accounts",
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("sandbox", sa.Boolean(), primary_key=True),
        sa.Column("member", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("access_token", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("refresh_token", sa.Text()),
        sa.Column("refresh_expires_at", UtcDateTime()),
        sa.Column("connected_by", sa.String(200), nullable=False),
        sa.Column("connected_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "linkedin_authorizations",
        sa.Column("state", sa.String(64), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("verifier", sa.Text()),
        sa.Column("redirect_uri", sa.String(500), nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("settled_at", UtcDateTime()),
        sa.Column("error", sa.String(1000)),
    )
    op.create_table(
        "linkedin_usage",
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("app", sa.String(100), primary_key=True),
        sa.Column("member", sa.String(100), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("resource", sa.String(40), primary_key=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("limited_until", UtcDateTime()),
    )
    op.create_table(
        "linkedin_lead_sources",
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("sandbox", sa.Boolean(), primary_key=True),
        sa.Column("owner", sa.String(100), primary_key=True),
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_linkedin_lead_sources_owner", "linkedin_lead_sources", ["owner"])
    op.create_table(
        "linkedin_responses",
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("form", sa.String(200), nullable=False),
        sa.Column("import_id", sa.String(40)),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("message_id", sa.String(40)))
        tasks.add_column(sa.Column("text", sa.Text()))
        tasks.add_column(sa.Column("link", sa.String(500)))
        tasks.add_column(sa.Column("outcome", sa.String(40)))
        tasks.create_foreign_key("fk_tasks_message_id", "messages", ["message_id"], ["id"])
        tasks.create_unique_constraint("uq_tasks_message_id", ["message_id"])
    op.execute("UPDATE tasks SET outcome = 'done' WHERE done_at IS NOT NULL")


def downgrade() -> None:
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_constraint("uq_tasks_message_id")
        tasks.drop_constraint("fk_tasks_message_id")
        for column in ("message_id", "text", "link", "outcome"):
            tasks.drop_column(column)
    for table in ("responses", "lead_sources", "usage", "authorizations", "accounts"):
        op.drop_table(f"linkedin_{table}")
