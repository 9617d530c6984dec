"""What a provider's answer to a send means for the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# The code of a `Retryable` whose fault is our key's, not the message's.
UNAUTHORIZED = "unauthorized"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message. `provider_id` is its name there (a request's, for a batch)."""

    provider_id: str | None


@dataclass(frozen=True, slots=True)
class Retryable:
    """Proof that nothing was accepted (connection refused, 429, a typed temporary error).

    `retry_at` is the provider's own reset time, if it gave one.
    """

    code: str
    detail: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this message; `code` is the provider's."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say: a time-out or a dropped connection after bytes left, a 5xx answer."""

    detail: str


Outcome = Accepted | Retryable | Refused | Unknown
