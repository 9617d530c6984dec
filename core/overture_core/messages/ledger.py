"""The ledger: claim, then call, then write down.

A claim gives a chunk of due rows to one lease token. The worker commits `sending` before the first
byte leaves, and every write-back names the token: a job that runs twice, or wakes up late, finds no
row of its own and changes nothing.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.outcomes import Accepted, Outcome, Refused, Retryable, Unknown
from overture_core.messages.states import State, change
from overture_core.storage.schema import Campaign, Message, Workspace
from overture_core.storage.store import Store, Work

BACKOFF_BASE_S = 5.0
BACKOFF_MAX_S = 3600.0
SHORTEST_RETRY_S = 1.0  # a reset time may already be over by our clock
CREDENTIALS_RETRY_S = 60.0
UNAUTHORIZED = "unauthorized"
IDS_A_STATEMENT = 500  # bound parameters stay far below every database's limit

_NO_LEASE: dict[str, Any] = {"owner": None, "lease_token": None, "lease_until": None}
_CAMPAIGN_RUNS = or_(
    Message.campaign_id.is_(None),
    Message.campaign_id.in_(select(Campaign.id).where(Campaign.state == "running")),
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep moved, in rows."""

    released: int
    unknown: int
    woken: int


def backlog(store: Store) -> list[tuple[str, Channel]]:
    """Return each (workspace, channel) that has a row due now. Crosses workspaces: it serves dispatch."""
    with store.engine.connect() as connection:
        due = (
            select(Message.workspace_id, Message.channel)
            .where(Message.state == State.DUE, Message.due_at <= store.clock.now(), _CAMPAIGN_RUNS)
            .distinct()
        )
        return [(workspace, Channel(channel)) for workspace, channel in connection.execute(due)]


def workspaces(store: Store) -> list[str]:
    """Return every workspace's id, for the sweep."""
    with store.engine.connect() as connection:
        return list(connection.execute(select(Workspace.id).order_by(Workspace.id)).scalars())


def waiting_chunks(work: Work, channel: Channel) -> int:
    """Count the chunks that are claimed and not yet finished."""
    return (
        work.session.scalar(
            select(func.count(Message.lease_token.distinct())).where(
                Message.workspace_id == work.workspace,
                Message.channel == channel,
                Message.state.in_((State.CLAIMED, State.SENDING)),
            )
        )
        or 0
    )


def claim(work: Work, channel: Channel, *, owner: str, limit: int) -> str | None:
    """Claim up to `limit` due rows of `channel` for a new lease token; None when nothing is due."""
    token = new_id("chk")
    claimed = change(
        work,
        State.DUE,
        State.CLAIMED,
        Message.channel == channel,
        Message.due_at <= work.now(),
        _CAMPAIGN_RUNS,
        cause="dispatch",
        limit=limit,
        values={"owner": owner, "lease_token": token, "lease_until": _lease_end(work)},
    )
    return token if claimed else None


def adopt(work: Work, token: str, *, owner: str) -> list[Message]:
    """Take over a claimed chunk for the process that will send it; renews the lease."""
    work.session.execute(
        update(Message)
        .where(Message.workspace_id == work.workspace, Message.lease_token == token, Message.state == State.CLAIMED)
        .values(owner=owner, lease_until=_lease_end(work))
    )
    rows = select(Message).where(
        Message.workspace_id == work.workspace, Message.lease_token == token, Message.state == State.CLAIMED
    )
    return list(work.session.scalars(rows.order_by(Message.id)))


def renew(work: Work, token: str) -> None:
    """Prolong the lease of a chunk that is being worked on."""
    work.session.execute(
        update(Message)
        .where(
            Message.workspace_id == work.workspace,
            Message.lease_token == token,
            Message.state.in_((State.CLAIMED, State.SENDING)),
        )
        .values(lease_until=_lease_end(work))
    )


def start_sending(work: Work, token: str, ids: Sequence[str]) -> list[str]:
    """Mark rows as about to leave; returns those that may. Commit before the first byte is sent.

    A row whose lease was lost, or whose campaign no longer runs, is not among them.
    """
    moved: list[str] = []
    for part in _parts(ids):
        moved += change(
            work,
            State.CLAIMED,
            State.SENDING,
            Message.lease_token == token,
            Message.id.in_(part),
            _CAMPAIGN_RUNS,
            cause="worker",
            values={"attempt": Message.attempt + 1, "lease_until": _lease_end(work)},
        )
    return moved


def settle(work: Work, token: str, provider: str, results: Sequence[tuple[str, Outcome]]) -> None:
    """Write down what the provider said about rows that this token holds in `sending`."""
    groups: dict[Outcome, list[str]] = defaultdict(list)
    for message_id, outcome in results:
        groups[outcome].append(message_id)
    for outcome, ids in groups.items():
        for part in _parts(ids):
            _settle_part(work, token, provider, outcome, part)


def hold(work: Work, token: str, ids: Sequence[str], *, reason: str, until: datetime) -> None:
    """The gate said not now: put claimed rows aside until a time."""
    _leave(work, token, ids, State.HELD, reason=reason, due_at=until)


def skip(work: Work, token: str, ids: Sequence[str], *, reason: str) -> None:
    """The gate said never: end claimed rows with the reason."""
    _leave(work, token, ids, State.SKIPPED, reason=reason)


def release(work: Work, token: str, *, cause: str, due_at: datetime | None = None) -> int:
    """Give back what is still claimed under a token; returns the number of rows."""
    values = _NO_LEASE if due_at is None else {**_NO_LEASE, "due_at": due_at}
    return len(change(work, State.CLAIMED, State.DUE, Message.lease_token == token, cause=cause, values=values))


def sweep(work: Work) -> Swept:
    """Return rows whose lease ran out, and wake those whose time has come.

    A lease that ran out in `claimed` goes back to `due`: nothing had left. One that ran out in
    `sending` goes to `unknown`: nobody can say.
    """
    now = work.now()
    expired = Message.lease_until < now
    released = change(work, State.CLAIMED, State.DUE, expired, cause="lease_expired", values=_NO_LEASE)
    unknown = change(
        work,
        State.SENDING,
        State.UNKNOWN,
        expired,
        cause="lease_expired",
        values={"reason": "no_answer_recorded", **_NO_LEASE},
    )
    woken = change(work, State.HELD, State.DUE, Message.due_at <= now, cause="time_came", values={"reason": None})
    return Swept(len(released), len(unknown), len(woken))


def _settle_part(work: Work, token: str, provider: str, outcome: Outcome, ids: list[str]) -> None:
    mine = (Message.lease_token == token, Message.id.in_(ids))
    settled = {"provider": provider, **_NO_LEASE}
    match outcome:
        case Accepted(provider_id):
            values = {**settled, "reason": None, "provider_id": provider_id, "accepted_at": work.now()}
            change(work, State.SENDING, State.ACCEPTED, *mine, cause=provider, values=values)
        case Refused(code, detail):
            values = {**settled, "reason": code}
            change(work, State.SENDING, State.FAILED, *mine, cause=provider, detail=detail, values=values)
        case Unknown(detail):
            values = {**settled, "reason": "no_clear_answer"}
            change(work, State.SENDING, State.UNKNOWN, *mine, cause=provider, detail=detail, values=values)
        case Retryable():
            _retry(work, provider, outcome, mine)


def _retry(work: Work, provider: str, outcome: Retryable, mine: tuple[ColumnElement[bool], ...]) -> None:
    again: dict[str, Any] = {"reason": f"retry:{outcome.code}", **_NO_LEASE}
    if outcome.code == UNAUTHORIZED:
        # Our key is wrong, not the message: it waits for a person and spends no attempt.
        again["due_at"] = work.now() + timedelta(seconds=CREDENTIALS_RETRY_S)
        again["attempt"] = Message.attempt - 1
    else:
        change(
            work,
            State.SENDING,
            State.FAILED,
            *mine,
            Message.attempt >= work.settings.max_attempts,
            cause=provider,
            detail=outcome.detail,
            values={"reason": f"gave_up:{outcome.code}", "provider": provider, **_NO_LEASE},
        )
        attempt = work.session.scalar(select(func.max(Message.attempt)).where(*mine)) or 1
        soonest = work.now() + timedelta(seconds=SHORTEST_RETRY_S)
        again["due_at"] = max(outcome.retry_at or work.now() + _backoff(attempt), soonest)
    change(work, State.SENDING, State.DUE, *mine, cause=provider, detail=outcome.detail, values=again)


def _backoff(attempt: int) -> timedelta:
    ceiling = min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2 ** (attempt - 1))
    return timedelta(seconds=random.uniform(ceiling / 2, ceiling))  # noqa: S311 - jitter, not a secret


def _leave(work: Work, token: str, ids: Sequence[str], target: State, *, reason: str, **values: datetime) -> None:
    for part in _parts(ids):
        change(
            work,
            State.CLAIMED,
            target,
            Message.lease_token == token,
            Message.id.in_(part),
            cause="gate",
            values={"reason": reason, **_NO_LEASE, **values},
        )


def _lease_end(work: Work) -> datetime:
    return work.now() + timedelta(seconds=work.settings.lease_s)


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + IDS_A_STATEMENT]) for start in range(0, len(ids), IDS_A_STATEMENT)]
