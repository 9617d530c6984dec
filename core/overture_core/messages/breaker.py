"""The circuit breaker: a provider that does not take messages is left alone for a while.

Its state is one row a provider, so that all workers stop together and people can see it. Without it,
every chunk that meets a hanging provider would leave a wave of messages `unknown`.

Closed: messages go. Open: none are claimed until a time. Then one message is tried ("probing"): taken, the
breaker closes; not taken, it opens for longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from overture_core.messages.outcomes import UNAUTHORIZED, Outcome, Retryable, Unknown
from overture_core.storage.schema import ProviderAccount
from overture_core.storage.store import Work

FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=5)
CREDENTIALS_REST = timedelta(minutes=1)
NO_ANSWER = "no_answer"
PROBE = 1


class BreakerState(StrEnum):
    """Whether messages go to a provider."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


class ProviderView(BaseModel):
    """A provider's breaker, as people see it."""

    provider: str
    state: BreakerState
    until: datetime | None = Field(default=None, description="When the next message is tried, if it is not closed.")
    reason: str | None = None
    detail: str | None = Field(default=None, description="The provider's own words, or the network's.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a provider is to be left alone, and until when, if it said so itself."""

    reason: str
    detail: str
    until: datetime | None = None


def view(work: Work, provider: str) -> ProviderView:
    """Return where a provider's breaker stands."""
    row = _row(work, provider)
    if row is None:
        return ProviderView(provider=provider, state=BreakerState.CLOSED)
    state = BreakerState(row.state)
    shown = row if state is not BreakerState.CLOSED else None
    return ProviderView(
        provider=provider,
        state=state,
        until=shown.until if shown else None,
        reason=shown.reason if shown else None,
        detail=shown.detail if shown else None,
    )


def allowance(work: Work, provider: str, wanted: int) -> int:
    """Return how many messages may be claimed for a provider now, at most `wanted`.

    While it is open none; when its time has come one, for the first process that asks.
    """
    row = _row(work, provider)
    if row is None or row.state == BreakerState.CLOSED:
        return wanted
    given_up = work.now() + timedelta(seconds=work.settings.lease_s)
    probing = (
        update(ProviderAccount)
        .where(
            ProviderAccount.provider == provider,
            ProviderAccount.state != BreakerState.CLOSED,
            ProviderAccount.until <= work.now(),
        )
        .values(state=BreakerState.PROBING, until=given_up, changed_at=work.now())
        .returning(ProviderAccount.provider)
    )
    return PROBE if work.session.connection().execute(probing).first() else 0


def resting_until(work: Work, provider: str) -> datetime | None:
    """Return until when a provider is to be left alone; None if messages may go."""
    row = _row(work, provider)
    return row.until if row is not None and row.state == BreakerState.OPEN and _later(row.until, work) else None


def trouble(outcomes: Sequence[Outcome]) -> Trouble | None:
    """Tell whether what a provider said of one wave means that it is to be left alone.

    A wish to wait and a refused key count at once. A message without a clear answer happens; half of a
    wave without one does not.
    """
    for outcome in outcomes:
        if isinstance(outcome, Retryable) and (outcome.retry_at is not None or outcome.code == UNAUTHORIZED):
            return Trouble(outcome.code, outcome.detail, outcome.retry_at)
    unclear = [each for each in outcomes if isinstance(each, Retryable | Unknown)]
    if not unclear or 2 * len(unclear) < len(outcomes):
        return None
    return Trouble(unclear[0].code if isinstance(unclear[0], Retryable) else NO_ANSWER, unclear[0].detail)


def opened(work: Work, provider: str, why: Trouble) -> datetime:
    """Open a provider's breaker, for longer each time until a message is taken; returns until when."""
    now, row = work.now(), _row(work, provider, lock=True)
    failures = row.failures + 1 if row else 1
    if why.until is not None:
        rest = why.until
    elif why.reason == UNAUTHORIZED:
        rest = now + CREDENTIALS_REST
    else:
        rest = now + min(LONGEST_REST, FIRST_REST * 2 ** min(failures - 1, 10))
    if row is not None and row.state == BreakerState.OPEN and _later(row.until, work):
        # Other chunks were in the air when it opened: they say the same again, and not that it lasts.
        failures, rest = row.failures, max(rest if why.until else row.until or rest, row.until or rest)
    values: dict[str, Any] = {
        "state": BreakerState.OPEN,
        "failures": failures,
        "until": rest,
        "reason": why.reason[:200],
        "detail": why.detail[:1000],
        "changed_at": now,
    }
    connection = work.session.connection()
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    new = insert(ProviderAccount).values(provider=provider, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["provider"], set_=values))
    return rest


def closed(work: Work, provider: str) -> bool:
    """A provider took messages: close its breaker; tells whether it was not closed before."""
    values = {"state": BreakerState.CLOSED, "failures": 0, "until": None, "reason": None, "detail": None}
    mended = (
        update(ProviderAccount)
        .where(ProviderAccount.provider == provider, ProviderAccount.state == BreakerState.PROBING)
        .values(**values, changed_at=work.now())
        .returning(ProviderAccount.provider)
    )
    return work.session.connection().execute(mended).first() is not None


def _row(work: Work, provider: str, *, lock: bool = False) -> ProviderAccount | None:
    found = select(ProviderAccount).where(ProviderAccount.provider == provider)
    if lock:
        found = found.with_for_update()
    return work.session.scalar(found, execution_options={"populate_existing": True})


def _later(until: datetime | None, work: Work) -> bool:
    return until is not None and until > work.now()
