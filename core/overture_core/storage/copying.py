"""A workspace's copy in another database, for what must not touch the original."""

from __future__ import annotations

from sqlalchemy import insert, select

from overture_core.storage import migrate
from overture_core.storage.schema import (
    AuditEntry,
    AuditHead,
    Base,
    ImportReject,
    LeadChange,
    LinkedInAccount,
    LinkedInAuthorization,
    LinkedInLeadSource,
    LinkedInResponse,
    LinkedInUsage,
    MessageEvent,
    Operation,
    PageLink,
    PageSession,
    ScoreState,
)
from overture_core.storage.store import Store

# What happened before, and rows of files that became nothing: no rule asks for these. Nor are scores kept anew.
_HISTORY = (MessageEvent, ImportReject, LeadChange, AuditHead, AuditEntry, ScoreState)
# Nor may a copy do what was asked of a real provider, or hold the keys to it or to anybody's session.
_ELSEWHERE = (Operation, LinkedInAccount, LinkedInAuthorization, LinkedInUsage, LinkedInLeadSource, LinkedInResponse)
_SESSIONS = (PageLink, PageSession)
_LEFT_OUT = {each.__tablename__ for each in (*_HISTORY, *_ELSEWHERE, *_SESSIONS)}
_ROWS_AT_ONCE = 1_000


def copy_workspace(source: Store, target: Store, workspace: str) -> None:
    """Copy a workspace as it stands at one moment into `target`, whose database is empty: also from PostgreSQL to
    SQLite. The log of events, the audit, rejected rows and merges of imports, operations, connections to LinkedIn, and
    what has no workspace stay behind.

    Raises:
        NotFound: there is no such workspace.
        DatabaseUnavailable: one of the two cannot be reached.
    """
    migrate.upgrade(target.engine, target.settings)
    with source.read(workspace) as work, target.engine.begin() as copied:
        read = work.session.connection().execution_options(yield_per=_ROWS_AT_ONCE)
        for table in Base.metadata.sorted_tables:
            key = table.c.get("workspace_id", table.c.id if table.name == "workspaces" else None)
            if key is None or table.name in _LEFT_OUT:
                continue
            for rows in read.execute(select(table).where(key == workspace)).mappings().partitions():
                copied.execute(insert(table), [dict(row) for row in rows])
