"""Warming a sender up: a new domain or address that sends much at once is taken for a spammer, so that it may send a
number of e-mails a day which grows by a ramp.

What begins to leave counts, whatever becomes of it, and is counted in the transaction that lets it leave: several
workers share one allowance. A day is one of UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite

from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.storage.schema import SenderDay
from overture_core.storage.store import Work


def allowance(settings: Settings, channel: Channel, now: datetime) -> int | None:
    """Return how many messages the sender may begin to send on this day; None for any number."""
    first = settings.email_warm_up_from
    if channel is not Channel.EMAIL or first is None:
        return None
    day = max((now.astimezone(UTC).date() - first).days, 0)
    ramp = settings.email_warm_up
    return ramp[day] if day < len(ramp) else None


def next_day(now: datetime) -> datetime:
    """Return when the next day's allowance begins."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), tzinfo=UTC)


def take(work: Work, channel: Channel, sender: str, wanted: int) -> int:
    """Take up to `wanted` of what is left for today; returns how many may leave."""
    limit = allowance(work.settings, channel, work.now())
    if limit is None:
        return wanted
    row = _locked(work, channel, sender)
    granted = max(min(wanted, limit - row.taken), 0)
    row.taken += granted
    work.session.flush()
    return granted


def give_back(work: Work, channel: Channel, sender: str, number: int) -> None:
    """Give back what was taken and did not leave after all."""
    if number and allowance(work.settings, channel, work.now()) is not None:
        _locked(work, channel, sender).taken -= number
        work.session.flush()


def full_until(work: Work, channel: Channel, sender: str) -> datetime | None:
    """Return when the sender may go on, if today's allowance is used up."""
    limit = allowance(work.settings, channel, work.now())
    if limit is None:
        return None
    taken = work.session.scalar(select(SenderDay.taken).where(*_today(work, channel, sender))) or 0
    return next_day(work.now()) if taken >= limit else None


def _locked(work: Work, channel: Channel, sender: str) -> SenderDay:
    connection = work.session.connection()
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {"workspace_id": work.workspace, "channel": channel, "sender": sender, "day": _day(work), "taken": 0}
    connection.execute(insert(SenderDay).values(**values).on_conflict_do_nothing())
    return work.session.scalars(select(SenderDay).where(*_today(work, channel, sender)).with_for_update()).one()


def _today(work: Work, channel: Channel, sender: str) -> tuple[ColumnElement[bool], ...]:
    return (
        SenderDay.workspace_id == work.workspace,
        SenderDay.channel == channel,
        SenderDay.sender == sender,
        SenderDay.day == _day(work),
    )


def _day(work: Work) -> str:
    return work.now().astimezone(UTC).date().isoformat()
