"""Whether a sender may be used: verified until its provider, or a person, says that it is not.

What a person said stands until a person says otherwise: a check leaves it alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, func, select, update

from overture_core.audit import service as audit
from overture_core.contactability.rules import Reason
from overture_core.errors import InvalidInput, NotFound
from overture_core.messages.channels import Channel
from overture_core.messages.states import State, is_in
from overture_core.storage.schema import Message, Sender
from overture_core.storage.store import Work
from overture_core.text import clean, quoted
from overture_core.workspaces.service import sender_for

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
    rows = [row for row in work.session.scalars(_mine(work)) if _key(row.address) == _key(address)]
    if not rows:
        msg = f"There is no sender {quoted(address)}; `overture senders list` shows them."
        raise NotFound(msg)
    for row in rows:
        _say(work, row, verified=verified, by=work.actor, note=note)
    return [SenderView.model_validate(row) for row in rows]


def waiting(work: Work, address: str) -> int:
    """Count the messages that are to leave from a sender and have not yet."""
    ours = select(Sender.id).where(Sender.workspace_id == work.workspace, Sender.address == address)
    open_ = (is_in(State.DUE, State.CLAIMED, State.HELD), Message.sender_id.in_(ours))
    return work.session.scalar(select(func.count(Message.id)).where(*open_)) or 0


def refused(work: Work, channels: Collection[Channel]) -> list[str]:
    """Say of each sender of these channels that is refused by whom and why, and what a person may do."""
    found = [sender for channel in channels if (sender := sender_for(work, channel)) is not None]
    return [
        f"The sender {row.address} is not verified ({row.said_by}: {row.note}); nothing leaves from it until a person "
        f"says `overture senders accept {row.address}`{', or its provider that it is' * (row.said_by == PROVIDER)}."
        for row in found
        if not row.verified
    ]


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
    if verified:
        wake(work, row, Reason.UNVERIFIED_SENDER)


def wake(work: Work, row: Sender, reason: Reason) -> None:
    """Have it asked at once again about what waits for a sender for this reason."""
    held = (is_in(State.HELD), Message.sender_id == row.id, Message.reason == reason)
    woken = update(Message).where(Message.workspace_id == work.workspace, *held).values(due_at=work.now())
    work.session.execute(woken, execution_options={"synchronize_session": False})


def _key(address: str) -> str:
    """The form in which senders are compared: a number may be written with blanks, an address with capitals."""
    return "".join(address.split()).lower()


def _mine(work: Work) -> Select[Sender]:
    return select(Sender).where(Sender.workspace_id == work.workspace).order_by(Sender.channel, Sender.address)
