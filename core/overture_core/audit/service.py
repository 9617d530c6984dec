"""The audit: who did what and when, appended in the transaction of the deed itself.

Entries hold no personal data: people are told by their lead's id, addresses by a keyed hash. So an erasure need not
touch the chain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime
from itertools import chain, count
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import event as events
from sqlalchemy import exists, insert, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from overture_core import secrets
from overture_core.audit.beside import without_entry
from overture_core.audit.chain import START, Entry, find_break
from overture_core.errors import AuditBroken, InvalidInput
from overture_core.storage.schema import AuditEntry, AuditHead
from overture_core.storage.store import Work
from overture_core.text import clean

_KEY = "overture_audit"
_HEAD = re.compile(r"(?:([0-9]{1,18}):)?([0-9a-f]{64})")
# Of values that a column cannot hold unless somebody put them there: JSON, times and text that are none.
_UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError, DBAPIError)
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
    """Return the newest entries, oldest of them first.

    Raises:
        AuditBroken: an entry cannot be read as one any more.
    """
    newest = select(AuditEntry).where(AuditEntry.workspace_id == work.workspace)
    try:
        _require_tables(work)
        found = work.session.scalars(newest.order_by(AuditEntry.number.desc()).limit(limit)).all()
        return [AuditView.model_validate(row) for row in reversed(found)]
    except _UNREADABLE as error:
        _raise_outage(error)
        msg = f"The audit is broken. {verify(work).broken or 'It cannot be read.'}"
        raise AuditBroken(msg) from error


def verify(work: Work, noted: str | None = None) -> AuditVerdict:
    """Compute the workspace's chain again, and hold it against what the other tables say was done.

    `noted` is a head as it was told some time: `number:hash`, or the hash alone. It has to be part of the chain.

    Raises:
        InvalidInput: `noted` is no head.
    """
    wanted = _noted(noted) if noted is not None else None
    try:
        _require_tables(work)
        found = _whole(work)
    except AuditBroken as error:
        return AuditVerdict(intact=False, entries=0, head=START, broken=error.message)
    except _UNREADABLE as error:
        _raise_outage(error)
        found = _entry_by_entry(work)
    broken = found.broken
    if broken is None and wanted is not None and not _has(work, *wanted):
        broken = "The head that you noted is not part of it: what came before was written anew, or its end was cut off."
    broken = broken or without_entry(work)
    return found.model_copy(update={"intact": broken is None, "broken": broken})


def _noted(head: str) -> tuple[int | None, str]:
    written = _HEAD.fullmatch(head.strip().lower())
    if written is None:
        msg = "A noted head is written as `overture audit verify` prints it: NUMBER:HASH, or the 64 digits of the hash."
        raise InvalidInput(msg)
    return (int(written[1]) if written[1] else None, written[2])


def _has(work: Work, number: int | None, digest: str) -> bool:
    if digest == START:
        return number in (None, 0)
    mine = (AuditEntry.workspace_id == work.workspace, AuditEntry.hash == digest)
    there = select(exists().where(*mine, *([AuditEntry.number == number] if number is not None else [])))
    return bool(work.session.scalar(there))


def _whole(work: Work) -> AuditVerdict:
    # One statement, so that what others append meanwhile is in both or in neither.
    joined = (
        select(AuditHead.number, AuditHead.hash, AuditEntry)
        .outerjoin(AuditEntry, AuditEntry.workspace_id == AuditHead.workspace_id)
        .where(AuditHead.workspace_id == work.workspace)
        .order_by(AuditEntry.number)
    )
    with work.session.execute(joined.execution_options(yield_per=1_000)) as rows:
        left = iter(rows)
        first = next(left, None)
        if first is None:
            return _without_head(work)
        entries = (_chained(row) for _, _, row in chain([first], left) if row is not None)
        return _judged(entries, (first[0], first[1]))


def _entry_by_entry(work: Work) -> AuditVerdict:
    """The same for a chain that can't be read in one go, so that what can't be read is named."""
    of_workspace = AuditHead.workspace_id == work.workspace
    kept = work.session.execute(select(AuditHead.number, AuditHead.hash).where(of_workspace)).one_or_none()
    return _without_head(work) if kept is None else _judged(_each(work), (kept[0], kept[1]))


def _each(work: Work) -> Iterator[tuple[Entry, str] | None]:
    mine = select(AuditEntry).where(AuditEntry.workspace_id == work.workspace)
    for number in count(1):
        try:
            row = work.session.scalar(mine.where(AuditEntry.number == number))
            if row is None:
                return
            yield _chained(row)
        except _UNREADABLE as error:
            _raise_outage(error)
            yield None


def _without_head(work: Work) -> AuditVerdict:
    orphans = work.session.scalar(select(exists().where(AuditEntry.workspace_id == work.workspace)))
    broken = "Entry 1 has lost its chain: the chain's head is gone." if orphans else None
    return AuditVerdict(intact=not orphans, entries=0, head=START, broken=broken)


def _judged(chained: Iterable[tuple[Entry, str] | None], head: tuple[int, str]) -> AuditVerdict:
    if not isinstance(head[0], int) or not isinstance(head[1], str):
        return AuditVerdict(
            intact=False, entries=0, head=START, broken="The chain's head is not what was written: it cannot be read."
        )
    broken = find_break(chained, head=head)
    return AuditVerdict(intact=broken is None, entries=head[0], head=head[1], broken=broken)


def _chained(row: AuditEntry) -> tuple[Entry, str] | None:
    entry = Entry(**{each.name: getattr(row, each.name) for each in fields(Entry)})
    try:
        entry.digest()
    except _UNREADABLE:
        return None
    return entry, row.hash


def _require_tables(work: Work) -> None:
    """Who drops a table, or a column of it, takes every entry away."""
    told = inspect(work.session.connection())
    for table in (AuditEntry, AuditHead):
        name = table.__tablename__
        there = {each["name"] for each in told.get_columns(name)} if told.has_table(name) else set()
        if not there.issuperset(column.name for column in table.__table__.columns):
            msg = f"Entry 1 is missing: the table {name} is not as it was made."
            raise AuditBroken(msg)


def _raise_outage(error: Exception) -> None:
    """Raise an error of the database that says nothing of what is stored, such as a lost connection."""
    stored = isinstance(error, DataError) or "decode" in str(error).lower()
    if isinstance(error, DBAPIError) and not stored:
        raise error


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
