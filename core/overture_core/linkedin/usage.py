"""Calls by day of UTC: LinkedIn limits them by application and member, and begins anew at midnight UTC.

LinkedIn says what the limits are only on the application's page, so what is kept is what was called, and until when
LinkedIn said no.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from pydantic import BaseModel
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite

from overture_core.errors import RateLimited
from overture_core.storage.schema import LinkedInUsage
from overture_core.storage.store import Work

# How long nothing is called after a first refusal that names no time: it may be a burst, and not the day's limit.
FIRST_WAIT = timedelta(hours=1)
_KEY = ("workspace_id", "app", "member", "day", "resource")


class Usage(BaseModel):
    """Calls of one resource today (UTC). `limited_until` is when LinkedIn takes calls of it again."""

    resource: str
    calls: int
    limited_until: datetime | None


def next_day(now: datetime) -> datetime:
    """Return the coming midnight of UTC."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def soon(now: datetime) -> datetime:
    """Return when to try again after a first refusal that named no time; the coming midnight of UTC at the latest."""
    return min(now + FIRST_WAIT, next_day(now))


def require(work: Work, app: str, member: str, resource: str) -> None:
    """Make sure that LinkedIn did not say that it is enough for now.

    Raises:
        RateLimited: it did.
    """
    found = _limited_until(work, app, member, resource)
    if found is not None and found > work.now():
        raise RateLimited(limited_sentence(resource, found), found)


def count(work: Work, app: str, member: str, resource: str, *, limited_until: datetime | None = None) -> None:
    """Count a call that was made; with `limited_until` LinkedIn refused it as one too many."""
    connection = work.session.connection()
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    made = insert(LinkedInUsage).values(
        workspace_id=work.workspace,
        app=app,
        member=member,
        day=_day(work),
        resource=resource,
        calls=1,
        limited_until=limited_until,
    )
    changed = {
        "calls": LinkedInUsage.calls + 1,
        "limited_until": func.coalesce(made.excluded.limited_until, LinkedInUsage.limited_until),
    }
    connection.execute(made.on_conflict_do_update(index_elements=_KEY, set_=changed))


def refuse(work: Work, app: str, member: str, resource: str, until: datetime | None) -> datetime:
    """Count a call that LinkedIn refused as one too many, and return until when no more of `resource` are made.

    `until` is what LinkedIn named. Where it named nothing, it is an hour after the first refusal of a day, and the end
    of the day once a refusal came after a wait.
    """
    if until is None:
        until = _first_or_again(_limited_until(work, app, member, resource), work.now())
    count(work, app, member, resource, limited_until=until)
    return until


def today(work: Work, app: str, member: str) -> list[Usage]:
    """Return what was called today, by resource."""
    rows = select(LinkedInUsage).where(*_row(work, app, member)).order_by(LinkedInUsage.resource)
    now = work.now()
    return [
        Usage(
            resource=row.resource,
            calls=row.calls,
            limited_until=row.limited_until if row.limited_until and row.limited_until > now else None,
        )
        for row in work.session.scalars(rows)
    ]


def limited_sentence(resource: str, until: datetime) -> str:
    """Say that the limit is reached, and when it begins anew."""
    return (
        f"LinkedIn said that it takes no more calls of {resource} for this application and member now; none is made "
        f"until {until:%Y-%m-%d %H:%M} UTC. Nothing was done; try it again then."
    )


def _first_or_again(before: datetime | None, now: datetime) -> datetime:
    if before is None:
        return soon(now)
    # A call that was under way when the wait began is no second refusal.
    return before if before > now else next_day(now)


def _limited_until(work: Work, app: str, member: str, resource: str) -> datetime | None:
    return work.session.scalar(
        select(LinkedInUsage.limited_until).where(*_row(work, app, member), LinkedInUsage.resource == resource)
    )


def _row(work: Work, app: str, member: str) -> tuple[ColumnElement[bool], ...]:
    return (
        LinkedInUsage.workspace_id == work.workspace,
        LinkedInUsage.app == app,
        LinkedInUsage.member == member,
        LinkedInUsage.day == _day(work),
    )


def _day(work: Work) -> str:
    return work.now().astimezone(UTC).date().isoformat()
