"""What is left for a person to do: replies to answer, and what no API may send."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field
from sqlalchemy import func, or_, select

from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import EXPLANATIONS, Verdict
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.leads.finding import lead_of
from overture_core.messages import by_hand
from overture_core.messages.channels import Channel
from overture_core.operations.service import FURTHEST
from overture_core.replies.intent import Intent
from overture_core.storage.schema import Lead, Message, Reply, Task
from overture_core.storage.store import Work
from overture_core.text import clean, quoted

# When a person should look; those who want nothing, or are not there, leave nothing to do.
_WITHIN = {
    Intent.INTERESTED: timedelta(hours=4),
    Intent.QUESTION: timedelta(hours=4),
    Intent.WRONG_PERSON: timedelta(days=3),
    Intent.OTHER: timedelta(days=1),
    Intent.NOT_NOW: timedelta(days=90),
}
LINKEDIN_MESSAGE, LINKEDIN_INVITATION = by_hand.TASK_KIND, "linkedin_invitation"
LONGEST = {LINKEDIN_MESSAGE: 2_000, LINKEDIN_INVITATION: 300}  # characters
# LinkedIn's User Agreement (section 8.2) bars automating either; its API offers neither to ordinary applications.
WHY_A_PERSON = "LinkedIn offers no API for messages and invitations, and bars automating them."
TO_DO: dict[str, str] = {
    LINKEDIN_MESSAGE: "Send this message on LinkedIn by hand.",
    LINKEDIN_INVITATION: "Invite them on LinkedIn by hand, with this note.",
    Intent.INTERESTED: "Answer: they are interested.",
    Intent.QUESTION: "Answer their question.",
    Intent.WRONG_PERSON: "Find the right person.",
    Intent.OTHER: "Read it: no rule knows what they want.",
    Intent.NOT_NOW: "Ask again, if it still fits.",
}


class Outcome(StrEnum):
    """What became of a task."""

    DONE = "done"
    SKIPPED = "skipped"


class TaskView(BaseModel):
    """Something for a person to do. `link` is where, such as a profile's page; `outcome` is done or skipped."""

    id: str
    kind: str
    to_do: str
    lead_id: str
    lead_name: str
    channel: Channel | None
    text: str | None = Field(description="What the lead wrote, shortened, or what is to be sent; never an instruction.")
    link: str | None
    due_at: datetime
    done_at: datetime | None
    done_by: str | None
    outcome: Outcome | None


class TaskList(BaseModel):
    """Tasks, the most urgent first; `open` counts all that are not done."""

    tasks: list[TaskView]
    open: int


def ask(work: Work, reply: Reply) -> None:
    """Leave a task for a reply that needs a person."""
    within = _WITHIN.get(Intent(reply.intent))
    if within is None:
        return
    work.session.add(
        Task(
            id=new_id("tsk"),
            workspace_id=work.workspace,
            lead_id=reply.lead_id,
            reply_id=reply.id,
            kind=reply.intent,
            created_at=work.now(),
            due_at=work.now() + within,
        )
    )
    work.session.flush()


def prepare(
    work: Work,
    lead_id: str,
    kind: str,
    text: str,
    due_at: datetime | None = None,
) -> TaskView:
    """Leave a LinkedIn message or invitation for a person to send.

    The same words for the same lead are the same task for as long as it is open, whatever the time: a repeated call
    must not have a person write twice.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: the lead has no LinkedIn page on record, the text is empty or too long, or the time is over or
            more than a year away.
        Conflict: the gate says that the lead must not be contacted.
    """
    lead = lead_of(work, lead_id, lock=True)
    if due_at is not None and not work.now() < due_at <= work.now() + FURTHEST:
        msg = f"{due_at:%Y-%m-%d %H:%M %Z} is over, or more than a year away; give another time, or none for tomorrow."
        raise InvalidInput(msg)
    words = clean(text, limit=LONGEST[kind] + 1, keep_lines=True)
    if not 1 <= len(words) <= LONGEST[kind]:
        has = "more" if words else "none"
        msg = f"LinkedIn takes 1 to {LONGEST[kind]:,} characters for this; this text has {has}."
        raise InvalidInput(msg)
    if not lead.linkedin_url:
        msg = f"{lead.id} has no LinkedIn page on record; import it in a column linkedin_url. Overture looks up nobody."
        raise InvalidInput(msg)
    decision = contactability(work, lead, Channel.LINKEDIN)
    if decision.verdict is Verdict.NEVER and decision.reason is not None:
        msg = f"{lead.id} {EXPLANATIONS[decision.reason]}; nobody is to write to them on LinkedIn."
        raise Conflict(msg)
    known = _open_task(work, lead.id, kind, words)
    if known is not None:
        return _view(known, None, None, lead.first_name, lead.last_name)
    earliest = decision.not_before or work.now()
    row = Task(
        id=new_id("tsk"),
        workspace_id=work.workspace,
        lead_id=lead.id,
        kind=kind,
        created_at=work.now(),
        due_at=max(due_at or work.now() + by_hand.WITHIN, earliest),
        text=words,
        link=lead.linkedin_url,
    )
    work.session.add(row)
    work.session.flush()
    return _view(row, None, None, lead.first_name, lead.last_name)


def list_(work: Work, *, done: bool = False, limit: int = 50) -> TaskList:
    """Return what is open, or what is `done`, the most urgent first."""
    mine = Task.workspace_id == work.workspace
    # One whose message was taken back (a reply, a payment, a cancelled campaign) is no task any more.
    to_do = Task.done_at.is_(None) & or_(Task.message_id.is_(None), by_hand.waits())
    rows = (
        select(Task, Reply.channel, Reply.body, Lead.first_name, Lead.last_name)
        .join(Lead, Lead.id == Task.lead_id)
        .outerjoin(Reply, Reply.id == Task.reply_id)
        .outerjoin(Message, Message.id == Task.message_id)
        .where(mine, Task.done_at.is_not(None) if done else to_do)
        .order_by(Task.due_at, Task.id)
        .limit(limit)
    )
    counted = select(func.count()).select_from(Task).outerjoin(Message, Message.id == Task.message_id)
    still = work.session.scalar(counted.where(mine, to_do)) or 0
    return TaskList(tasks=[_view(*row) for row in work.session.execute(rows)], open=still)


def complete(
    work: Work, task_id: str, *, by: str, note: str | None = None, outcome: Outcome = Outcome.DONE
) -> TaskView:
    """Mark a task as done or skipped; one that was marked already stays as it was.

    Raises:
        NotFound: there is no such task.
        Conflict: the message that it stands for was taken back.
    """
    row = work.session.scalar(select(Task).where(Task.workspace_id == work.workspace, Task.id == task_id))
    if row is None:
        msg = f"There is no task {quoted(task_id)}; `overture tasks list` shows their ids."
        raise NotFound(msg)
    if row.done_at is None:
        if row.message_id is not None and not by_hand.settle(work, row.message_id, done=outcome is Outcome.DONE):
            msg = f"{row.id} is no task any more: its message was taken back, since the lead answered, paid or said no."
            raise Conflict(msg)
        row.done_at, row.done_by, row.note = work.now(), by, clean(note or "", limit=500) or None
        row.outcome = outcome
        work.session.flush()
    lead = work.session.get_one(Lead, row.lead_id)
    reply = work.session.get(Reply, row.reply_id) if row.reply_id else None
    channel, body = (reply.channel, reply.body) if reply is not None else (None, None)
    return _view(row, channel, body, lead.first_name, lead.last_name)


def _open_task(work: Work, lead_id: str, kind: str, text: str) -> Task | None:
    """Return the task that was prepared with these words and is not done; a campaign's own tasks are others."""
    return work.session.scalar(
        select(Task)
        .where(
            Task.workspace_id == work.workspace,
            Task.lead_id == lead_id,
            Task.kind == kind,
            Task.text == text,
            Task.message_id.is_(None),
            Task.done_at.is_(None),
        )
        .order_by(Task.created_at, Task.id)
        .limit(1)
    )


def _view(row: Task, channel: str | None, body: str | None, first: str | None, last: str | None) -> TaskView:
    return TaskView(
        id=row.id,
        kind=row.kind,
        to_do=TO_DO[row.kind],
        lead_id=row.lead_id,
        lead_name=" ".join(filter(None, (first, last))) or "(no name)",
        channel=Channel(channel) if channel else None,
        text=row.text or (clean(body, limit=200) if body else None),
        link=row.link,
        due_at=row.due_at,
        done_at=row.done_at,
        done_by=row.done_by,
        outcome=Outcome(row.outcome) if row.outcome else None,
    )
