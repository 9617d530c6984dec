"""Messages that a person sends: delivering one leaves a task, and what the person says of it is what became of it.

While the task is open its message is held without a time, so that whatever stops a lead (a reply, a payment, a
refusal, a cancelled campaign) takes it back like any other that waits, and the task with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, insert, select

from overture_core.ids import new_id
from overture_core.messages.states import NO_LEASE, State, change, held_by
from overture_core.storage.among import among
from overture_core.storage.schema import Message, Task
from overture_core.storage.store import Work

WAITS, DONE, SKIPPED = "waits_for_a_person", "sent_by_hand", "skipped_by_hand"
PROVIDER = "person"
TASK_KIND = "linkedin_message"
WITHIN = timedelta(days=1)


class Handed(NamedTuple):
    """A message for a person: what to send, and the page where."""

    message_id: str
    text: str
    link: str


def hand_over(work: Work, token: str, messages: Sequence[Handed]) -> int:
    """Leave a task for each message that a chunk still holds; returns how many."""
    by_id = {each.message_id: each for each in messages}
    if not by_id:
        return 0
    mine = (held_by(token), among(Message.id, list(by_id)))
    values = {"reason": WAITS, "due_at": None, **NO_LEASE}
    moved = change(work, State.CLAIMED, State.HELD, *mine, cause="worker", values=values)
    of_lead = select(Message.id, Message.lead_id).where(among(Message.id, moved))
    leads = dict(work.session.execute(of_lead).all())
    now = work.now()
    rows = [
        {
            "id": new_id("tsk"),
            "workspace_id": work.workspace,
            "lead_id": leads[each],
            "kind": TASK_KIND,
            "created_at": now,
            "due_at": now + WITHIN,
            "message_id": each,
            "text": by_id[each].text,
            "link": by_id[each].link,
        }
        for each in moved
    ]
    if rows:
        work.session.execute(insert(Task), rows)
    return len(rows)


def waits() -> ColumnElement[bool]:
    """Return the condition that a message still waits for a person."""
    return (Message.state == State.HELD) & (Message.reason == WAITS)


def settle(work: Work, message_id: str, *, done: bool) -> bool:
    """Write down that a person sent a message, or will not; false if it was taken back meanwhile."""
    mine = (Message.id == message_id, Message.reason == WAITS)
    if not done:
        return bool(change(work, State.HELD, State.SKIPPED, *mine, cause="person", values={"reason": SKIPPED}))
    values = {"reason": None, "provider": PROVIDER, "accepted_at": work.now()}
    if not change(work, State.HELD, State.ACCEPTED, *mine, cause="person", detail=DONE, values=values):
        return False
    # Whoever sent it by hand saw it arrive.
    change(work, State.ACCEPTED, State.DELIVERED, Message.id == message_id, cause="person", detail=DONE)
    return True
