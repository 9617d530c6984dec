"""One HTTP exchange with a provider, and what its failure says about the message.

A POST is never repeated here: neither provider has an idempotency key, so a second try may be a second
message. What counts is whether a byte of the request can have left before the failure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx

from overture_core.clock import Clock
from overture_core.messages.outcomes import Refused, Retryable, Unknown
from overture_core.text import clean

CONNECT_TIMEOUT_S = 5.0
# A connection the server closes just as we reuse it looks like a request of unknown outcome; we drop
# idle ones well before the usual server's limit.
KEEPALIVE_S = 3.0
MAX_RETRY_DELAY = timedelta(hours=1)
DEFAULT_RETRY_DELAY = timedelta(seconds=30)
DETAIL_LIMIT = 500

# Raised before the request is written: no connection, no free one in the pool, no such protocol.
_NOTHING_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


def make_http(timeout_s: float, *, connections: int = 100) -> httpx.AsyncClient:
    """Return a pooled client with a time limit on every phase, `timeout_s` of it for the answer.

    Redirects are not followed. Loopback addresses bypass any proxy of the environment: the sandbox is
    there. Close it with `await client.aclose()`.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s), pool=timeout_s),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_S
        ),
        follow_redirects=False,
        mounts={"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None},
    )


async def post(
    http: httpx.AsyncClient, url: str, *, deadline_s: float, **request: Any
) -> httpx.Response | Retryable | Refused | Unknown:
    """POST once; return the answer, or the outcome that the failure proves.

    `deadline_s` bounds the whole exchange: the client's own read limit starts anew with every piece.
    """
    try:
        with anyio.fail_after(deadline_s):
            return await http.post(url, **request)
    except _NOTHING_LEFT as error:
        return Retryable("unreachable", f"{_host(url)} could not be reached ({_reason(error)}); nothing was sent.")
    except UnicodeEncodeError:
        return Refused("unencodable", "The message has characters that are no text, such as half of a surrogate pair.")
    except (TimeoutError, httpx.HTTPError) as error:
        return Unknown(f"{_host(url)} did not answer after the request was sent ({_reason(error)}).")


def retry_at(headers: Mapping[str, str], clock: Clock) -> datetime:
    """Return when the provider wants to be asked again, at most an hour from now; soon if it does not say.

    Reads `Retry-After` (seconds or a date, RFC 9110) and `X-RateLimit-Reset` (Unix seconds).
    """
    now = clock.now()
    wanted = _retry_after(headers.get("retry-after", ""), now) or _epoch(headers.get("x-ratelimit-reset", ""))
    if wanted is None:
        return now + DEFAULT_RETRY_DELAY
    return min(max(wanted, now), now + MAX_RETRY_DELAY)


def detail_of(response: httpx.Response, message: str | None) -> str:
    """Return the provider's own words, cleaned and capped, or at least the HTTP status."""
    return clean(message or f"HTTP {response.status_code}", limit=DETAIL_LIMIT)


def json_object(response: httpx.Response) -> dict[str, Any]:
    """Return the answer's JSON object, empty if it is none: error pages may be HTML."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(value: str, now: datetime) -> datetime | None:
    seconds = _number(value)
    if seconds is not None:
        return now + timedelta(seconds=min(max(seconds, 0.0), MAX_RETRY_DELAY.total_seconds()))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


def _epoch(value: str) -> datetime | None:
    seconds = _number(value)
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host or "The provider"
    except httpx.InvalidURL:
        return "The provider"


def _reason(error: Exception) -> str:
    return clean(str(error), limit=200) or type(error).__name__
