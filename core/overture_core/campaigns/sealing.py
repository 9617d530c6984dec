"""The seal on a plan's messages: what a person approves is exactly this.

Messages are sealed in pages, in the order of their leads. A page's digest covers every message in it;
the content hash covers what was asked and the digests of all pages. So a launch that goes page by page
can hold each page against what was approved in the very transaction that makes it due.

The database writes the text that is hashed, from its own rows: reading a million of them as objects
would be most of the work of a launch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, cast, extract, func, select

from overture_core.messages.states import State
from overture_core.storage.schema import Message, Plan
from overture_core.storage.store import Work

_AS_SEALED = (State.DRAFT, State.CANCELLED)


class Page(NamedTuple):
    """A part of a plan: its messages to the leads after `after`, up to `until` (None: all others)."""

    after: str
    until: str | None
    messages: int
    digest: str


class Found(NamedTuple):
    """A message as it stands in the database; `sealed` is the text that the digest covers."""

    id: str
    state: str
    reason: str | None
    sealed: str


def seal(work: Work, plan_id: str, campaign_id: str, after: str, until: str) -> tuple[int, str]:
    """Return the number and the digest of a plan's drafts to the leads after `after` up to `until`."""
    drafts = [each for each in _found(work, plan_id, campaign_id, after, until) if each.state == State.DRAFT]
    return len(drafts), digest(drafts)


def content_hash(plan: Plan) -> str:
    """Return the SHA-256 of what was asked and of the digests of the plan's pages."""
    sealed = [plan.spec, plan.summary.get("pages")]
    return hashlib.sha256(json.dumps(sealed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def stored(ends: Sequence[tuple[str, int, str]]) -> list[list[Any]]:
    """Return the pages as a plan keeps them, from each one's last lead, number and digest. The last page has no end:
    a message that is put behind it belongs to it."""
    kept: list[list[Any]] = [list(end) for end in ends]
    if kept:
        kept[-1][0] = None
    return kept


def pages(plan: Plan) -> list[Page]:
    """Return the pages of a plan."""
    kept = plan.summary["pages"]
    ends = pairwise(["", *(until for until, _, _ in kept)])
    return [Page(after, until, number, sealed) for (after, until), (_, number, sealed) in zip(ends, kept, strict=True)]


def find(work: Work, plan: Plan, page: Page, *, lock: bool = False) -> list[Found]:
    """Return the messages of a page in the order of their leads; with `lock`, nobody changes them before the end of
    the transaction. Leads that the plan skips are not among them."""
    return _found(work, plan.id, plan.campaign_id, page.after, page.until, lock=lock)


def fits(page: Page, messages: Sequence[Found]) -> bool:
    """Tell whether messages are those that the page was sealed with."""
    return len(messages) == page.messages and digest(messages) == page.digest


def unbroken(work: Work, plan: Plan) -> Iterator[bool]:
    """Tell of each page whether its messages are as they were sealed. Who asked to stop since then, or paid, is
    cancelled: that is no edit."""
    for page in pages(plan):
        yield fits(page, [each for each in find(work, plan, page) if each.state in _AS_SEALED])


def digest(messages: Sequence[Found]) -> str:
    """Return the SHA-256 of what decides on messages."""
    return hashlib.sha256("\n".join([each.sealed for each in messages]).encode()).hexdigest()


def _found(
    work: Work, plan_id: str, campaign_id: str, after: str, until: str | None, *, lock: bool = False
) -> list[Found]:
    connection = work.session.connection()
    # Only campaign and lead can be looked up, which is one index; the rest stands in a function, so that a database
    # without fresh statistics is not led to another.
    where = [
        Message.campaign_id == campaign_id,
        Message.lead_id > after,
        func.coalesce(Message.plan_id, "") == plan_id,
        func.coalesce(Message.state, "") != State.SKIPPED,
    ]
    if until is not None:
        where.append(Message.lead_id <= until)
    wanted = select(Message.id, Message.state, Message.reason, _sealed(connection.dialect.name)).where(*where)
    wanted = wanted.order_by(Message.lead_id)
    return [Found._make(row) for row in connection.execute(wanted.with_for_update() if lock else wanted)]


def _sealed(dialect: str) -> ColumnElement[str]:
    """All that decides what is sent to whom, when and from where, as a JSON array that is the same for equal values."""
    sqlite = dialect == "sqlite"
    array = func.json_array if sqlite else func.json_build_array
    # PostgreSQL writes a time by the settings of the connection; the seconds since 1970 are always the same.
    due_at: ColumnElement[Any] = cast(Message.due_at if sqlite else extract("epoch", Message.due_at), Text)
    named = (Message.id, Message.lead_id, Message.step, Message.channel, Message.address, Message.sandbox)
    # Not the reason: one who asks to stop has another, and whether a message waits follows from its time.
    return cast(array(*named, Message.sender_id, Message.template_id, cast(Message.merge, Text), due_at), Text)
