"""Whether a sender may be used: verified until its provider, or a person, says that it is not.

What a person said stands until a person says otherwise: a check leaves it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, select

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput, NotFound
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Sender
from overture_core.storage.store import Work
from overture_core.text import clean, quoted

PROVIDER = "provider"


class SenderView(BaseModel):
    """A sender as shown to callers. `said_by` is None where nobody said anything yet."""

    model_config = ConfigDict(from_attributes=True)

    channel: Channel
    address: str
    verified: bool
    said_by: str | None
    said_at: datetime | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says of a sender; `verified` is None where nothing can be known, and `why` says it in words."""

    channel: Channel
    address: str
    verified: bool | None
    why: str


def list_(work: Work) -> list[SenderView]:
    """Return the workspace's senders, by channel and address."""
    return [SenderView.model_validate(row) for row in work.session.scalars(_mine(work))]


def decide(work: Work, address: str, *, verified: bool, note: str) -> list[SenderView]:
    """Keep what a person says of a sender, on every channel that has its address.

    Raises:
        NotFound: the workspace has no such sender.
        InvalidInput: the note is empty.
    """
    if not clean(note, limit=500):
        msg = "Say with --note why, for whoever asks later."
        raise InvalidInput(msg)
    rows = work.session.scalars(_mine(work).where(Sender.address == address.strip())).all()
    if not rows:
        msg = f"There is no sender {quoted(address)}; `overture senders list` shows them."
        raise NotFound(msg)
    for row in rows:
        _say(work, row, verified=verified, by=work.actor, note=note)
    return [SenderView.model_validate(row) for row in rows]


def take(work: Work, answers: Sequence[Answer]) -> None:
    """Keep what providers say; an answer that could not be had changes nothing, nor one against a person's word."""
    known = {(answer.channel, answer.address): answer for answer in answers if answer.verified is not None}
    for row in work.session.scalars(_mine(work).with_for_update()):
        answer = known.get((Channel(row.channel), row.address))
        if answer is not None and answer.verified is not None and row.said_by in {None, PROVIDER}:
            _say(work, row, verified=answer.verified, by=PROVIDER, note=answer.why)


def _say(work: Work, row: Sender, *, verified: bool, by: str, note: str) -> None:
    if (row.verified, row.said_by) != (verified, by):
        action = "sender.accepted" if verified else "sender.refused"
        audit.record(work, action, row.address, channel=row.channel, by=by, note=note)
    row.verified, row.said_by, row.said_at = verified, clean(by, limit=200), work.now()
    row.note = clean(note, limit=500)
    work.session.flush()


def _mine(work: Work) -> Select[Sender]:
    return select(Sender).where(Sender.workspace_id == work.workspace).order_by(Sender.channel, Sender.address)
