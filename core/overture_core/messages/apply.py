"""Applies what a provider says of one message: its state, its engagement, and what it stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.messages.states import State, change, record
from overture_core.messages.stopping import stop_lead, suppress_address
from overture_core.storage.schema import Message
from overture_core.storage.store import Work

_LEFT = (State.SENDING, State.UNKNOWN)
# Where each kind of evidence takes a message, and from which states.
_EFFECT: dict[Kind, tuple[State, tuple[State, ...]]] = {
    Kind.ACCEPTED: (State.ACCEPTED, _LEFT),
    Kind.DELIVERED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.OPENED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.CLICKED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.UNSUBSCRIBED: (State.DELIVERED, (*_LEFT, State.ACCEPTED)),
    Kind.BOUNCED: (State.BOUNCED, (*_LEFT, State.ACCEPTED, State.DELIVERED)),
    Kind.FAILED: (State.FAILED, (*_LEFT, State.ACCEPTED)),
    Kind.COMPLAINED: (State.COMPLAINED, (*_LEFT, State.ACCEPTED, State.DELIVERED, State.BOUNCED)),
}
_STOPS = {Kind.BOUNCED: "bounce", Kind.COMPLAINED: "complaint", Kind.UNSUBSCRIBED: "unsubscribe"}


def apply_delivery(work: Work, event: DeliveryEvent) -> bool:
    """Apply one event; false if its message is not known."""
    message = _find(work, event)
    if message is None:
        return False
    work = replace(work, workspace=message.workspace_id)
    if not _move(work, message, event):
        # Nothing to move (already there, or the events came in another order): keep it as a note.
        record(
            work,
            [message.id],
            State(message.state),
            State(message.state),
            cause=_cause(event),
            detail=event.detail,
            at=event.at,
        )
    _mark_engagement(work, message, event)
    _stop(work, message, event)
    return True


def _find(work: Work, event: DeliveryEvent) -> Message | None:
    """The message by our own id, else by the provider's. Crosses workspaces: a webhook has none."""
    if event.message_id is not None:
        return work.session.get(Message, event.message_id, populate_existing=True)
    if event.provider_id is None:
        return None
    known = select(Message).where(
        Message.provider == event.provider, Message.provider_id == event.provider_id, Message.channel == event.channel
    )
    if event.address is not None:
        known = known.where(Message.address == event.address)
    found = work.session.scalars(known.limit(2), execution_options={"populate_existing": True}).all()
    return found[0] if len(found) == 1 else None


def _move(work: Work, message: Message, event: DeliveryEvent) -> bool:
    if event.kind not in _EFFECT:
        return False
    target, sources = _EFFECT[event.kind]
    for source in sources:
        values: dict[str, Any] = {"reason": event.code if target in {State.BOUNCED, State.FAILED} else None}
        if source in _LEFT:
            # The write-back never came, or comes later and finds nothing to do.
            values |= {"accepted_at": event.at, "provider": event.provider, "provider_id": event.provider_id}
            values |= {"owner": None, "lease_token": None, "lease_until": None}
        if change(
            work, source, target, Message.id == message.id, cause=_cause(event), detail=event.detail, values=values
        ):
            return True
    return False


def _mark_engagement(work: Work, message: Message, event: DeliveryEvent) -> None:
    column = {Kind.OPENED: Message.opened_at, Kind.CLICKED: Message.clicked_at}.get(event.kind)
    if column is not None:
        work.session.execute(
            update(Message)
            .where(Message.id == message.id, column.is_(None))
            .values({column: event.at})
            .execution_options(synchronize_session=False)
        )


def _stop(work: Work, message: Message, event: DeliveryEvent) -> None:
    reason = _STOPS.get(event.kind)
    if reason is None or (event.kind is Kind.BOUNCED and not event.permanent):
        return
    suppress_address(work, event.channel, message.address, reason=reason, origin=_cause(event))
    if event.kind is not Kind.BOUNCED:
        # A person said no: that counts for every channel, a dead mailbox only for its own.
        stop_lead(work, message.lead_id, cause=reason)


def _cause(event: DeliveryEvent) -> str:
    return f"{event.provider}:{event.kind}"
