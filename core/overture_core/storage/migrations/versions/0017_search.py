"""Leads are found by words and in an order; segments can be frozen.

SQLite keeps its index of words by triggers: `lead_rows` gives each lead a number that stays, as the rows of a table
without one of its own are numbered anew by VACUUM. A later migration that makes the table `leads` anew has to make the
triggers anew too. PostgreSQL indexes an expression, which is that of
segments/fulltext.py.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from overture_core.storage.types import UtcDateTime

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None

_SOURCES = {
    "name": "coalesce({row}first_name, '') || ' ' || coalesce({row}last_name, '')",
    "company": "coalesce({row}company, '')",
    "title": "coalesce({row}title, '')",
    "email": "coalesce({row}email, '')",
}
_PARTS = ", ".join(_SOURCES)
_WEIGHTS = {"name": "A", "company": "B", "title": "C", "email": "D"}
_DOCUMENT = " || ".join(
    f"setweight(to_tsvector('simple', regexp_replace({source.format(row='')}, '[!-/:-@[-`{{-~]+', ' ', 'g')), "
    f"'{_WEIGHTS[part]}')"
    for part, source in _SOURCES.items()
)


def _values(row: str) -> str:
    return ", ".join(f"{source.format(row=f'{row}.')} AS {part}" for part, source in _SOURCES.items())


_PUT_IN = f"""
INSERT INTO lead_words (rowid, {_PARTS}) SELECT n, {_values("new")} FROM lead_rows WHERE lead_id = new.id;
"""
_TAKE_OUT = f"""
INSERT INTO lead_words (lead_words, rowid, {_PARTS})
SELECT 'delete', n, {_values("old")} FROM lead_rows WHERE lead_id = old.id;
"""
_ON_SQLITE = (
    "CREATE TABLE lead_rows (n INTEGER PRIMARY KEY, lead_id VARCHAR(40) NOT NULL UNIQUE)",
    f"CREATE VIEW lead_texts AS SELECT n, {_values('leads')} FROM lead_rows JOIN leads ON leads.id = lead_id",
    f"""CREATE VIRTUAL TABLE lead_words USING fts5(
        {_PARTS}, content='lead_texts', content_rowid='n', tokenize='unicode61 remove_diacritics 0', prefix='2 3'
    )""",
    f"""CREATE TRIGGER leads_words_in AFTER INSERT ON leads BEGIN
        INSERT INTO lead_rows (lead_id) VALUES (new.id); {_PUT_IN}
    END""",
    f"""CREATE TRIGGER leads_words_anew AFTER UPDATE OF first_name, last_name, company, title, email ON leads BEGIN
        {_TAKE_OUT} {_PUT_IN}
    END""",
    f"""CREATE TRIGGER leads_words_out AFTER DELETE ON leads BEGIN
        {_TAKE_OUT} DELETE FROM lead_rows WHERE lead_id = old.id;
    END""",
    "INSERT INTO lead_rows (lead_id) SELECT id FROM leads",
    "INSERT INTO lead_words (lead_words) VALUES ('rebuild')",
)
_BY_CONTACT = "ix_leads_workspace_id_leads_last_contact_at_leads_id"
_OLD = {"country": ["workspace_id", "country"], "last_contact_at": ["workspace_id", "last_contact_at"]}


def upgrade() -> None:
    op.add_column("segments", sa.Column("frozen_at", UtcDateTime(), nullable=True))
    op.create_table(
        "segment_members",
        sa.Column("segment_id", sa.String(40), sa.ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("lead_id", sa.String(40), sa.ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("workspace_id", sa.String(40), sa.ForeignKey("workspaces.id"), nullable=False),
    )
    op.create_index("ix_segment_members_lead_id", "segment_members", ["lead_id"])
    for name in _OLD:
        op.drop_index(f"ix_leads_workspace_id_leads_{name}", "leads")
    op.create_index("ix_leads_workspace_id_leads_country_leads_id", "leads", ["workspace_id", "country", "id"])
    op.create_index("ix_leads_workspace_id_leads_id", "leads", ["workspace_id", "id"])
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(_BY_CONTACT, "leads", ["workspace_id", "last_contact_at", "id"])
        for statement in _ON_SQLITE:
            op.execute(statement)
    else:
        # Unknown ones first, as SQLite has them.
        op.execute(f"CREATE INDEX {_BY_CONTACT} ON leads (workspace_id, last_contact_at NULLS FIRST, id)")
        op.execute(f"CREATE INDEX ix_leads_words ON leads USING gin (({_DOCUMENT}))")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("in", "anew", "out"):
            op.execute(f"DROP TRIGGER leads_words_{name}")
        op.execute("DROP TABLE lead_words")
        op.execute("DROP VIEW lead_texts")
        op.execute("DROP TABLE lead_rows")
    else:
        op.execute("DROP INDEX ix_leads_words")
    op.drop_index("ix_leads_workspace_id_leads_id", "leads")
    op.drop_index(_BY_CONTACT, "leads")
    op.drop_index("ix_leads_workspace_id_leads_country_leads_id", "leads")
    for name, columns in _OLD.items():
        op.create_index(f"ix_leads_workspace_id_leads_{name}", "leads", columns)
    op.drop_table("segment_members")
    op.drop_column("segments", "frozen_at")
