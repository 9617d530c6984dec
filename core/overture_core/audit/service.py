"""The audit: who did what and when, appended in the transaction of the deed itself.

Entries hold no personal data: people are told by their lead's id, addresses by a keyed hash. So an erasure need not
touch the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from itertools import chain
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, exists, insert, select, update
from sqlalchemy import event as events
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, SessionTransaction

from overture_core import secrets
from overture_core.audit.chain import START, Entry, find_break
from overture_core.storage.schema import AuditEntry, AuditHead
from overture_core.storage.store import Work
from overture_core.text import clean

_KEY = "overture_audit"
_Pending = tuple[SessionTransaction | None, dict[str, Any]]


class AuditView(BaseModel):
    """An entry as shown to people."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    actor: str
    action: str
    subject: str | None
    detail: dict[str, Any]
    hash: str


class AuditVerdict(BaseModel):
    """Whether the chain holds. `head` is the hash of its last entry: noted elsewhere, it proves later that nothing
    before it was written anew."""

    intact: bool
    entries: int
    head: str
    broken: str | None


def record(work: Work, action: str, subject: str | None = None, **detail: str | int | bool | None) -> None:
    """Note an action, for the end of the transaction: it is stored if and only if the transaction is.

    Appending at the end keeps the chain's one lock short, and last in every order of locks.
    """
    told = {key: clean(value, limit=500) if isinstance(value, str) else value for key, value in detail.items()}
    values = {
        "workspace_id": work.workspace,
        "at": work.now(),
        "actor": clean(work.actor, limit=200),
        "action": action,
        "subject": subject,
        "detail": {key: value for key, value in told.items() if value is not None},
    }
    session = work.session
    if _KEY not in session.info:
        session.info[_KEY] = []
        events.listen(session, "before_commit", _append)
        events.listen(session, "after_soft_rollback", _forget)
    session.info[_KEY].append((session.get_nested_transaction(), values))


def pseudonym(work: Work, kind: str, value: str) -> str:
    """Return what stands for an address in an entry: a keyed hash that this installation alone can make again."""
    return f"{kind}#{secrets.sign(work.settings, 'audit', f'{kind}:{value}')}"


def list_(work: Work, *, limit: int = 100) -> list[AuditView]:
    """Return the newest entries, oldest of them first."""
    newest = select(AuditEntry).where(AuditEntry.workspace_id == work.workspace)
    found = work.session.scalars(newest.order_by(AuditEntry.number.desc()).limit(limit)).all()
    return [AuditView.model_validate(row) for row in reversed(found)]


def verify(work: Work) -> AuditVerdict:
    """Compute the workspace's chain again."""
    # One statement, so that what others append meanwhile is in both or in neither.
    joined = (
        select(AuditHead.number, AuditHead.hash, AuditEntry)
        .outerjoin(AuditEntry, AuditEntry.workspace_id == AuditHead.workspace_id)
        .where(AuditHead.workspace_id == work.workspace)
        .order_by(AuditEntry.number)
    )
    with work.session.execute(joined.execution_options(yield_per=1_000)) as rows:
        return _judged(work, rows)


def _judged(work: Work, rows: Iterable[Row[int, str, AuditEntry]]) -> AuditVerdict:
    left = iter(rows)
    first = next(left, None)
    if first is None:
        orphans = work.session.scalar(select(exists().where(AuditEntry.workspace_id == work.workspace)))
        broken = "Entry 1 has lost its chain: the chain's head is gone." if orphans else None
        return AuditVerdict(intact=not orphans, entries=0, head=START, broken=broken)
    head = (first[0], first[1])
    broken = find_break(((_entry(row), row.hash) for _, _, row in chain([first], left) if row is not None), head=head)
    return AuditVerdict(intact=broken is None, entries=head[0], head=head[1], broken=broken)


def _entry(row: AuditEntry) -> Entry:
    return Entry(**{each.name: getattr(row, each.name) for each in fields(Entry)})


def _append(session: Session) -> None:
    """Chain what is pending, behind a lock on each workspace's head."""
    pending: list[_Pending] = session.info[_KEY]
    connection = session.connection() if pending else None
    while pending and connection is not None:
        workspace = pending[0][1]["workspace_id"]
        mine = [values for _, values in pending if values["workspace_id"] == workspace]
        pending[:] = [each for each in pending if each[1]["workspace_id"] != workspace]
        upsert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(
            upsert(AuditHead).on_conflict_do_nothing(), {"workspace_id": workspace, "number": 0, "hash": START}
        )
        head = update(AuditHead).where(AuditHead.workspace_id == workspace)
        moved = head.values(number=AuditHead.number + len(mine)).returning(AuditHead.number, AuditHead.hash)
        last, digest = connection.execute(moved).one()
        rows = []
        for number, values in enumerate(mine, last - len(mine) + 1):
            entry = Entry(**values, number=number, previous_hash=digest)
            digest = entry.digest()
            rows.append({**values, "number": number, "previous_hash": entry.previous_hash, "hash": digest})
        connection.execute(insert(AuditEntry), rows)
        connection.execute(head.values(hash=digest))


def _forget(session: Session, previous: SessionTransaction) -> None:
    """A savepoint that was taken back takes its entries with it; so does the whole transaction."""
    gone = previous if previous.nested else None
    session.info[_KEY][:] = [each for each in session.info[_KEY] if gone is not None and each[0] is not gone]
