"""Suppressed e-mail addresses are compared by the mailbox that they lead to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.leads.normalise import mailbox

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_INDEX = "ix_suppressions_workspace_id_suppressions_mailbox"
_ROWS_AT_ONCE = 1_000


def upgrade() -> None:
    op.add_column("suppressions", sa.Column("mailbox", sa.String(320), nullable=True))
    told = sa.table("suppressions", sa.column("id"), sa.column("kind"), sa.column("value"), sa.column("mailbox"))
    connection, last = op.get_bind(), ""
    page = sa.select(told.c.id, told.c.value).where(told.c.kind == "email").order_by(told.c.id).limit(_ROWS_AT_ONCE)
    mended = told.update().where(told.c.id == sa.bindparam("of")).values(mailbox=sa.bindparam("is"))
    while rows := connection.execute(page.where(told.c.id > last)).all():
        connection.execute(mended, [{"of": row.id, "is": mailbox(row.value)} for row in rows])
        last = rows[-1].id
    op.create_index(_INDEX, "suppressions", ["workspace_id", "mailbox"])


def downgrade() -> None:
    op.drop_index(_INDEX, "suppressions")
    op.drop_column("suppressions", "mailbox")
