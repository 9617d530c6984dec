"""The seal on a plan's messages: what a person approves is exactly this.

Messages are sealed in pages, in the order of their leads. A page's digest covers every message in it;
the content hash covers what was asked and the digests of all pages. So a launch that goes page by page
can hold each page against what was approved in the very transaction that makes it due.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import select

from overture_core.messages.states import State
from overture_core.storage.schema import Message, Plan
from overture_core.storage.store import Work

_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":"))


class Row(NamedTuple):
    """What of a message is sealed: all that decides what is sent to whom, when and from where."""

    id: str
    lead_id: str
    step: int
    channel: str
    address: str
    sender_id: str | None
    template_id: str
    merge: dict[str, Any]
    due_at: datetime | None
    reason: str | None


class Page(NamedTuple):
    """A part of a plan: its messages to the leads after `after`, up to `until` (None: all others)."""

    after: str
    until: str | None
    messages: int
    digest: str


class Found(NamedTuple):
    """A message of a page as it stands in the database."""

    row: Row
    state: str


_COLUMNS = (*(getattr(Message, name) for name in Row._fields), Message.plan_id, Message.state)


def canonical(value: Any) -> str:
    """Return JSON that is the same for equal values."""
    return _CANONICAL.encode(value)


def digest(rows: Sequence[Row]) -> str:
    """Return the SHA-256 of a page's messages, which are in the order of their leads."""
    sealed = [[*row[:8], row.due_at.astimezone(UTC).isoformat() if row.due_at else None, row.reason] for row in rows]
    return hashlib.sha256(canonical(sealed).encode()).hexdigest()


def content_hash(plan: Plan) -> str:
    """Return the SHA-256 of what was asked and of the digests of the plan's pages."""
    return hashlib.sha256(canonical([plan.spec, plan.summary.get("pages")]).encode()).hexdigest()


def stored(ends: Sequence[tuple[str, int, str]]) -> list[list[Any]]:
    """Return the pages as a plan keeps them, from each one's last lead, number and digest. The last page has no end:
    a message that is put behind it belongs to it."""
    pages: list[list[Any]] = [list(end) for end in ends]
    if pages:
        pages[-1][0] = None
    return pages


def pages(plan: Plan) -> list[Page]:
    """Return the pages of a plan."""
    kept = plan.summary["pages"]
    ends = pairwise(["", *(until for until, _, _ in kept)])
    return [Page(after, until, number, sealed) for (after, until), (_, number, sealed) in zip(ends, kept, strict=True)]


def find(work: Work, plan: Plan, page: Page, *, lock: bool = False) -> list[Found]:
    """Return the messages of a page in the order of their leads; with `lock`, nobody changes them before the end of
    the transaction. Leads that the plan skips are not among them."""
    # By campaign and lead alone, which is one index: plan and state are looked at here, so that a database
    # without fresh statistics is not led to another.
    where = [Message.campaign_id == plan.campaign_id, Message.lead_id > page.after]
    if page.until is not None:
        where.append(Message.lead_id <= page.until)
    rows = select(*_COLUMNS).where(*where).order_by(Message.lead_id)
    if lock:
        rows = rows.with_for_update()
    return [
        Found(Row(*found[:10]), found[11])
        for found in work.session.execute(rows)
        if found[10] == plan.id and found[11] != State.SKIPPED
    ]


def unbroken(work: Work, plan: Plan) -> Iterator[bool]:
    """Tell of each page whether its messages are drafts as they were sealed."""
    for page in pages(plan):
        rows = [found.row for found in find(work, plan, page) if found.state == State.DRAFT]
        yield len(rows) == page.messages and digest(rows) == page.digest
