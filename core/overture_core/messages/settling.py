"""Writes down what a provider said about messages that a lease holds in `sending`."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, update

from overture_core.messages.outcomes import UNAUTHORIZED, Accepted, Outcome, Refused, Retryable, Unknown
from overture_core.messages.refusals import GAVE_UP
from overture_core.messages.states import NO_LEASE, State, change, held_by
from overture_core.storage.among import among
from overture_core.storage.schema import Message
from overture_core.storage.store import Work

BACKOFF_BASE_S = 5.0
BACKOFF_MAX_S = 3600.0
SHORTEST_RETRY_S = 1.0  # a reset time may already be over by our clock
CREDENTIALS_RETRY_S = 60.0


def settle(work: Work, token: str, provider: str, results: Sequence[tuple[str, Outcome]]) -> None:
    """Write down what the provider said about rows that this token holds in `sending`."""
    groups: dict[Outcome, list[str]] = defaultdict(list)
    for message_id, outcome in results:
        groups[outcome].append(message_id)
    # Alike but for the provider's id, which is written by message: SMS have one each.
    named = {
        message_id: outcome.provider_id
        for message_id, outcome in results
        if isinstance(outcome, Accepted) and outcome.provider_id
    }
    if len(set(named.values())) > 1:
        _settle_named(work, token, provider, named)
        groups = {each: ids for each, ids in groups.items() if not (isinstance(each, Accepted) and each.provider_id)}
    for outcome, ids in groups.items():
        _settle_alike(work, token, provider, outcome, ids)


def _settle_named(work: Work, token: str, provider: str, named: Mapping[str, str]) -> None:
    """Accept many messages that the provider gave an id each: one UPDATE moves them, one names them."""
    values = {"provider": provider, "reason": None, "accepted_at": work.now(), **NO_LEASE}
    mine = (held_by(token), among(Message.id, named))
    moved = change(work, State.SENDING, State.ACCEPTED, *mine, cause=provider, values=values)
    if not moved:
        return
    naming = update(Message).where(Message.id == bindparam("of")).values(provider_id=bindparam("name"))
    work.session.connection().execute(naming, [{"of": each, "name": named[each]} for each in moved])


def _settle_alike(work: Work, token: str, provider: str, outcome: Outcome, ids: list[str]) -> None:
    mine = (held_by(token), among(Message.id, ids))
    settled = {"provider": provider, **NO_LEASE}
    match outcome:
        case Accepted(provider_id):
            values = {**settled, "reason": None, "provider_id": provider_id, "accepted_at": work.now()}
            change(work, State.SENDING, State.ACCEPTED, *mine, cause=provider, values=values)
        case Refused(code, detail):
            values = {**settled, "reason": code}
            change(work, State.SENDING, State.FAILED, *mine, cause=provider, detail=detail, values=values)
        case Unknown(detail):
            values = {**settled, "reason": "no_clear_answer", "due_at": work.now()}
            change(work, State.SENDING, State.UNKNOWN, *mine, cause=provider, detail=detail, values=values)
        case Retryable():
            _retry(work, provider, outcome, mine)


def _retry(work: Work, provider: str, outcome: Retryable, mine: tuple[ColumnElement[bool], ...]) -> None:
    again: dict[str, Any] = {"reason": f"retry:{outcome.code}", **NO_LEASE}
    soonest = work.now() + timedelta(seconds=SHORTEST_RETRY_S)
    if outcome.code == UNAUTHORIZED or outcome.retry_at is not None:
        # Our key or our speed is at fault, not the message: waiting for it to change spends no attempt.
        again["due_at"] = max(outcome.retry_at or work.now() + timedelta(seconds=CREDENTIALS_RETRY_S), soonest)
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
            values={"reason": f"{GAVE_UP}{outcome.code}", "provider": provider, **NO_LEASE},
        )
        attempt = work.session.scalar(select(func.max(Message.attempt)).where(*mine)) or 1
        again["due_at"] = work.now() + _backoff(attempt)
    change(work, State.SENDING, State.DUE, *mine, cause=provider, detail=outcome.detail, values=again)


def _backoff(attempt: int) -> timedelta:
    ceiling = min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2 ** (attempt - 1))
    return timedelta(seconds=random.uniform(ceiling / 2, ceiling))  # noqa: S311 - jitter, not a secret
