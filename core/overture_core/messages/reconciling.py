"""Settles messages whose outcome is unknown: by the provider's own records, or by a person.

Nothing here sends. A look-up's answer moves a row only on evidence that belongs to no other row; a
message that the provider does not know stays `unknown` and is asked about ever more rarely, then no
more: absence of evidence is for a person to judge.

An unknown row has nothing to be due for, so its `due_at` says when it is looked up next; without one,
the machine has done what it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ScalarSelect, and_, func, literal, select, update

from overture_core.audit import service as audit
from overture_core.campaigns import world
from overture_core.errors import Conflict, NotFound, TemplateError
from overture_core.messages.channels import Channel
from overture_core.messages.content import compose
from overture_core.messages.states import State, change, record
from overture_core.storage.schema import Message, MessageEvent, Template
from overture_core.storage.store import Work
from overture_core.text import clean, quoted

LOOKUP = "lookup"
PERSON = "person"
SETTLED_BY_PERSON = "settled_by_person"
NOT_FOUND = "not_found_at_provider"
NOT_CERTAIN = "not_certain_at_provider"

# After the beginning of sending. Providers list what they took at once; the late ones are for a process
# that was stopped in the middle of its call and went on when its lease was gone.
ASKED_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 3, 10, 60, 360, 1440))
# A row that was taken for a look-up is left alone for so long: also the pause after a look-up that failed.
TAKEN_FOR = timedelta(minutes=5)
OTHER_WORLD_REST = timedelta(hours=1)
CLOCK_SKEW = timedelta(minutes=1)  # between our clock and the provider's
ACCEPTED_WITHOUT_ID = timedelta(days=1)  # by whom a person or an event without an id settled as accepted
IDS_A_STATEMENT = 500


class Resolution(StrEnum):
    """What a person says became of a message."""

    ACCEPTED = "accepted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A message to look up. `body` is as its recipient gets it; `since` is the earliest time, by the
    provider's clock, at which the provider can have taken it."""

    id: str
    address: str
    body: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A message that the provider has with the same address and body, under its own id."""

    provider_id: str
    created_at: datetime


def take_for_lookup(work: Work, channel: Channel, *, limit: int) -> list[Unsettled]:
    """Return up to `limit` unknown messages that are to be looked up now, and keep others from taking them.

    A look-up that fails or is never made comes again after `TAKEN_FOR`. Messages that went to the
    sandbox are not looked up at a real provider, nor the other way round.
    """
    rows = work.session.scalars(
        select(Message)
        .where(
            Message.workspace_id == work.workspace,
            Message.state == literal(State.UNKNOWN.value, literal_execute=True),
            Message.channel == channel,
            Message.due_at <= work.now(),
        )
        .order_by(Message.due_at, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    here = world.sandboxed(work.settings, channel)
    taken: list[Unsettled] = []
    strangers: list[str] = []
    for row in rows:
        body = _body(work, row)
        if body is None or row.sandbox is not here:
            strangers.append(row.id)
        else:
            taken.append(Unsettled(row.id, row.address, body, _began_at(work, row) - CLOCK_SKEW))
    _ask_again(work, [each.id for each in taken], work.now() + TAKEN_FOR)
    _ask_again(work, strangers, work.now() + OTHER_WORLD_REST)
    return taken


def apply_lookup(work: Work, message_id: str, found: Sequence[Found], *, provider: str) -> Found | None:
    """Settle an unknown message by what its provider has; returns the evidence that was used, if any.

    Evidence that another row has already is none. While several rows with the same address and text
    have no id of the provider's yet, none is settled until there is one for each, in order of time: one
    accepted message never stands for two rows.
    """
    row = work.session.scalar(
        select(Message)
        .where(Message.workspace_id == work.workspace, Message.id == message_id, Message.state == State.UNKNOWN)
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    if row is None:
        return None  # settled meanwhile: a webhook or a person was faster
    free = _unused(work, row, found, provider)
    rows = _alike(work, row)
    if len(free) < len(rows):
        _not_settled(work, row, NOT_CERTAIN if free else NOT_FOUND)
        return None
    evidence = free[rows.index(row.id)]
    values: dict[str, Any] = {
        "reason": None,
        "provider": provider,
        "provider_id": evidence.provider_id,
        "accepted_at": evidence.created_at,
    }
    detail = f"{provider} has it as {evidence.provider_id}."
    change(work, State.UNKNOWN, State.ACCEPTED, Message.id == row.id, cause=LOOKUP, detail=detail, values=values)
    return evidence


def resolve(work: Work, message_id: str, outcome: Resolution, *, by: str, note: str | None = None) -> None:
    """Settle one unknown message by the word of a person, whose name is kept. Nothing is sent.

    Raises:
        NotFound: there is no such message.
        Conflict: its outcome is not unknown.
    """
    if not resolve_all(work, [message_id], outcome, by=by, note=note):
        require_unknown(work, message_id)


def require_unknown(work: Work, message_id: str) -> None:
    """Make sure that there is something to settle.

    Raises:
        NotFound: there is no such message.
        Conflict: its outcome is not unknown.
    """
    row = work.session.get(Message, message_id)
    if row is None or row.workspace_id != work.workspace:
        msg = f"There is no message {quoted(message_id)}; `overture messages list --state unknown` shows those."
        raise NotFound(msg)
    if row.state != State.UNKNOWN:
        msg = f"The message {message_id} is {row.state}, so there is nothing to settle; see `overture messages show`."
        raise Conflict(msg)


def resolve_all(
    work: Work, message_ids: Sequence[str], outcome: Resolution, *, by: str, note: str | None = None
) -> list[str]:
    """Settle those of the messages that are still unknown; returns their ids."""
    target = State(outcome.value)
    detail = clean(f"{by}: {note}" if note else by, limit=1000)
    settled: list[str] = []
    for start in range(0, len(message_ids), IDS_A_STATEMENT):
        part = list(message_ids[start : start + IDS_A_STATEMENT])
        values: dict[str, Any] = {"reason": SETTLED_BY_PERSON}
        if target is State.ACCEPTED:
            # It counts for the frequency cap from when it can have left, not from when somebody looked.
            values |= {"accepted_at": func.coalesce(_began(), Message.updated_at)}
        settled += change(work, State.UNKNOWN, target, Message.id.in_(part), cause=PERSON, detail=detail, values=values)
    for each in settled:
        audit.record(work, "message.resolved", each, outcome=outcome.value, note=note)
    return settled


def _began() -> ScalarSelect[datetime]:
    """When the last attempt of a message began."""
    return (
        select(func.max(MessageEvent.at))
        .where(
            MessageEvent.message_id == Message.id,
            MessageEvent.from_state == State.CLAIMED,
            MessageEvent.to_state == State.SENDING,
        )
        .correlate(Message)
        .scalar_subquery()
    )


def _began_at(work: Work, row: Message) -> datetime:
    return work.session.scalar(select(_began()).where(Message.id == row.id)) or row.updated_at


def _body(work: Work, row: Message) -> str | None:
    template = work.session.get_one(Template, row.template_id)
    try:
        return compose(work.settings, template, row.id, row.merge).body
    except TemplateError:
        return None  # it cannot be told from others; a person can still settle it


def _unused(work: Work, row: Message, found: Sequence[Found], provider: str) -> list[Found]:
    """What may be this row's, oldest first. Looks into every workspace: they may share an account."""
    since = _began_at(work, row) - CLOCK_SKEW
    ids = {each.provider_id for each in found}
    used = set(
        work.session.scalars(
            select(Message.provider_id).where(Message.provider == provider, Message.provider_id.in_(ids))
        )
    )
    fresh = {each.provider_id: each for each in found if each.created_at >= since and each.provider_id not in used}
    return sorted(fresh.values(), key=lambda each: (each.created_at, each.provider_id))


def _alike(work: Work, row: Message) -> list[str]:
    """This row and those that could claim the same evidence, in the order in which they began.

    Crosses workspaces, as `_unused` does.
    """
    began = _began_at(work, row)
    without_id = and_(
        Message.lead_id == row.lead_id,
        Message.accepted_at >= began - ACCEPTED_WITHOUT_ID,
        Message.provider_id.is_(None),
    )
    # One query each, so that each finds its index; the states stand in them as text for the same reason.
    rivals = (
        Message.state == literal(State.UNKNOWN.value, literal_execute=True),
        and_(Message.lease_token.is_not(None), Message.state == State.SENDING),
        without_id,
    )
    others: dict[str, tuple[Message, datetime | None]] = {}
    for rival in rivals:
        alike_to = (Message.channel == row.channel, Message.address == row.address, Message.id != row.id)
        for other, at in work.session.execute(select(Message, _began()).where(*alike_to, rival)):
            others[other.id] = (other, at)
    body = _body(work, row)
    alike = [(began, row.id)]
    alike += [(at or other.updated_at, other.id) for other, at in others.values() if _body(work, other) == body]
    return [each for _, each in sorted(alike)]


def _not_settled(work: Work, row: Message, reason: str) -> None:
    began = _began_at(work, row)
    again = next((at for after in ASKED_AFTER if (at := began + after) > work.now()), None)
    _ask_again(work, [row.id], again)
    if again is None:
        work.session.execute(update(Message).where(Message.id == row.id).values(reason=reason))
        detail = "The provider was asked for the last time; only its own word or a person's settles it now."
        record(work, [row.id], State.UNKNOWN, State.UNKNOWN, cause=LOOKUP, detail=detail)


def _ask_again(work: Work, ids: Sequence[str], at: datetime | None) -> None:
    if ids:
        work.session.execute(
            update(Message)
            .where(Message.id.in_(ids), Message.state == State.UNKNOWN)
            .values(due_at=at)
            .execution_options(synchronize_session=False)
        )
