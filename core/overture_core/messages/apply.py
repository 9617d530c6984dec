"""Applies what providers say of messages: their states, their engagement, and what it stops.

Many events at once end in what one after the other would: each message's events are followed in their
order, and all messages that take the same step take it in one statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, or_, select, update

from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.messages.states import NO_LEASE, State, change
from overture_core.messages.stopping import Refusal, refuse
from overture_core.storage.among import among
from overture_core.storage.schema import Message, MessageEvent
from overture_core.storage.store import Work

MOST = 500  # events a call: their ids are bound parameters of one statement
_LEFT = (State.SENDING, State.UNKNOWN)
# Where each kind of evidence takes a message, and from which states.
_EFFECT: dict[Kind, tuple[State, tuple[State, ...]]] = {
    Kind.ACCEPTED: (State.ACCEPTED, _LEFT),
    Kind.DEFERRED: (State.ACCEPTED, _LEFT),  # the next server makes the provider wait: it has the message
    Kind.DELIVERED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.OPENED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.CLICKED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.UNSUBSCRIBED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.BOUNCED: (State.BOUNCED, (*_LEFT, State.ACCEPTED, State.DELIVERED)),
    Kind.FAILED: (State.FAILED, (*_LEFT, State.ACCEPTED)),
    Kind.COMPLAINED: (State.COMPLAINED, (*_LEFT, State.ACCEPTED, State.DELIVERED, State.BOUNCED)),
}
_STOPS = {Kind.BOUNCED: "bounce", Kind.COMPLAINED: "complaint", Kind.UNSUBSCRIBED: "unsubscribe"}
_ENGAGEMENT = {Kind.OPENED: "opened_at", Kind.CLICKED: "clicked_at"}


class _Known(NamedTuple):
    """A message as it stands, locked."""

    id: str
    workspace_id: str
    lead_id: str
    channel: str
    address: str
    state: str


class _Step(NamedTuple):
    """What messages that change together have in common. `left` is set where no write-back came yet."""

    source: State
    target: State
    cause: str
    detail: str | None
    reason: str | None
    left: tuple[datetime, str, str | None] | None


@dataclass(slots=True)
class _Turn:
    """The notes on messages before their next step, then that step."""

    notes: list[dict[str, Any]] = field(default_factory=list)
    steps: dict[_Step, list[str]] = field(default_factory=lambda: defaultdict(list))


def apply_deliveries(work: Work, events: Sequence[DeliveryEvent]) -> list[bool]:
    """Apply up to `MOST` events in their order; tells of each whether its message is known."""
    messages = _find(work, events)
    of_workspace: dict[str, list[tuple[DeliveryEvent, _Known]]] = defaultdict(list)
    for event, message in zip(events, messages, strict=True):
        if message is not None:
            of_workspace[message.workspace_id].append((event, message))
    for workspace, known in of_workspace.items():
        own = replace(work, workspace=workspace)
        _move(own, known)
        _mark_engagement(own, known)
        refuse(own, [refusal for event, message in known if (refusal := _refusal(event, message)) is not None])
    return [message is not None for message in messages]


def _find(work: Work, events: Sequence[DeliveryEvent]) -> list[_Known | None]:
    """Each event's message, by our own id, else by the provider's. Crosses workspaces: a webhook has none."""
    named = [event for event in events if event.message_id is None and event.provider_id is not None]
    by_provider: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    if named:
        rows = select(Message.id, Message.provider, Message.provider_id, Message.channel, Message.address).where(
            Message.provider.in_(sorted({event.provider for event in named})),
            Message.provider_id.in_(sorted({event.provider_id or "" for event in named})),
        )
        for row in work.session.execute(rows):
            by_provider[row.provider, row.provider_id, row.channel].append((row.id, row.address))
    ids = [event.message_id or _only(event, by_provider) for event in events]
    # Locked in the order of their ids: two workers never wait for each other.
    locked = (
        select(Message.id, Message.workspace_id, Message.lead_id, Message.channel, Message.address, Message.state)
        .where(among(Message.id, {each for each in ids if each is not None}))
        .order_by(Message.id)
        .with_for_update()
    )
    known = {(row.id, row.channel): _Known(*row) for row in work.session.execute(locked)}
    return [known.get((each or "", event.channel)) for each, event in zip(ids, events, strict=True)]


def _only(event: DeliveryEvent, by_provider: Mapping[tuple[str, str, str], list[tuple[str, str]]]) -> str | None:
    """The one message that a provider's id means; a batch's id needs the address too."""
    named = by_provider.get((event.provider, event.provider_id or "", event.channel), [])
    fitting = [each for each, address in named if event.address in {None, address}]
    return fitting[0] if len(fitting) == 1 else None


def _move(work: Work, known: Sequence[tuple[DeliveryEvent, _Known]]) -> None:
    """Take each message through its events. The turns keep a message's steps, and notes, in their order."""
    turns: list[_Turn] = [_Turn()]
    at: dict[str, tuple[State, int]] = {}
    for event, message in known:
        state, turn = at.get(message.id, (State(message.state), 0))
        target = _target(event, state)
        if target is None:
            # Nothing to move (already there, or the events came in another order): keep it as a note.
            turns[turn].notes.append(_note(work, event, message.id, state))
            continue
        turns[turn].steps[_step(event, state, target)].append(message.id)
        at[message.id] = (target, turn + 1)
        if turn + 1 == len(turns):
            turns.append(_Turn())
    for each in turns:
        if each.notes:
            work.session.execute(insert(MessageEvent), each.notes)
        for step, ids in each.steps.items():
            _take(work, step, ids)


def _target(event: DeliveryEvent, state: State) -> State | None:
    target, sources = _EFFECT.get(event.kind, (None, ()))
    return target if state in sources else None


def _step(event: DeliveryEvent, source: State, target: State) -> _Step:
    return _Step(
        source=source,
        target=target,
        cause=_cause(event),
        # What a server says when it takes a message differs for each and explains nothing; the stored event has it.
        detail=None if event.kind is Kind.DELIVERED else event.detail,
        reason=event.code if target in {State.BOUNCED, State.FAILED} else None,
        left=(event.at, event.provider, event.provider_id) if source in _LEFT else None,
    )


def _take(work: Work, step: _Step, ids: list[str]) -> None:
    values: dict[str, Any] = {"reason": step.reason}
    if step.left is not None:
        # The write-back never came, or comes later and finds nothing to do.
        values |= dict(zip(("accepted_at", "provider", "provider_id"), step.left, strict=True))
        values |= NO_LEASE
    mine = among(Message.id, ids)
    change(work, step.source, step.target, mine, cause=step.cause, detail=step.detail, values=values)


def _note(work: Work, event: DeliveryEvent, message_id: str, state: State) -> dict[str, Any]:
    return {
        "workspace_id": work.workspace,
        "message_id": message_id,
        "at": event.at,
        "from_state": state,
        "to_state": state,
        "cause": _cause(event),
        "detail": event.detail,
    }


def _mark_engagement(work: Work, known: Sequence[tuple[DeliveryEvent, _Known]]) -> None:
    """Keep the earliest time at which each message was opened, and clicked."""
    earliest: dict[str, dict[str, datetime]] = defaultdict(dict)
    for event, message in known:
        if (name := _ENGAGEMENT.get(event.kind)) is not None:
            seen = earliest[name]
            seen[message.id] = min(event.at, seen.get(message.id, event.at))
    table = Message.__table__
    for name, times in earliest.items():
        column, first = table.c[name], bindparam("first", type_=table.c[name].type)
        marked = (
            update(Message)
            .where(Message.id == bindparam("message"), or_(column.is_(None), column > first))
            .values({name: first})
        )
        rows = [{"message": each, "first": time} for each, time in times.items()]
        work.session.connection().execute(marked, rows)


def _refusal(event: DeliveryEvent, message: _Known) -> Refusal | None:
    reason = _STOPS.get(event.kind)
    if reason is None or (event.kind is Kind.BOUNCED and not event.permanent):
        return None
    # A person said no: that counts for every channel, a dead mailbox only for its own.
    person = None if event.kind is Kind.BOUNCED else message.lead_id
    return Refusal(Channel(message.channel), message.address, reason, _cause(event), person)


def _cause(event: DeliveryEvent) -> str:
    return f"{event.provider}:{event.kind}"
