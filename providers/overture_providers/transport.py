"""One HTTP exchange with a provider, and what its failure says about the message.

A POST is never repeated here: neither provider has an idempotency key, so a second try may be a second
message. What counts is whether a byte of the request can have left before the failure.
"""

from __future__ import annotations

import io
import math
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
from opentelemetry.trace import SpanKind
from yarl import URL

from overture_core import telemetry
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
IN_ONE_PIECE = 256 * 1024  # bytes

TOO_MANY_REQUESTS, UNAUTHORIZED, FORBIDDEN, REQUEST_TIMEOUT, SERVER_ERROR = 429, 401, 403, 408, 500

# Raised before the request is written: no connection, none in time (nor a free one in the pool), no such
# address. A reset connection is a ClientOSError too, the parent of the first: these come before it.
_NOTHING_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def make_http(timeout_s: float, *, connections: int = 100) -> aiohttp.ClientSession:
    """Return a pooled client with a time limit on every phase, `timeout_s` of it for the answer.

    Redirects are not followed, cookies not kept. Made inside the event loop that uses it; close it with
    `async with`, or `await session.close()`.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEPALIVE_S),
        timeout=aiohttp.ClientTimeout(
            connect=timeout_s, sock_connect=min(CONNECT_TIMEOUT_S, timeout_s), sock_read=timeout_s
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def post(
    http: aiohttp.ClientSession,
    url: str,
    *,
    deadline_s: float,
    headers: Mapping[str, str],
    json: Any = None,
    form: Mapping[str, str] | None = None,
) -> Answer | Retryable | Refused | Unknown:
    """POST once, JSON or a form; return the answer, or the outcome that the failure proves.

    `deadline_s` bounds the whole exchange: the client's own read limit starts anew with every piece.
    """
    try:
        if form is None:
            body, kind = orjson.dumps(json), "application/json"
        else:
            body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        return Refused("unencodable", "The message has characters that are no text, such as half of a surrogate pair.")
    try:
        # As a stream, if it is large: bytes are written in one piece, which holds up the event loop.
        data = io.BytesIO(body) if len(body) > IN_ONE_PIECE else body
        return await exchange(http, "POST", url, deadline_s, headers={**headers, "Content-Type": kind}, data=data)
    except _NOTHING_LEFT as error:
        return Retryable("unreachable", f"{_host(url)} could not be reached ({_reason(error)}); nothing was sent.")
    except (TimeoutError, aiohttp.ClientError) as error:
        return Unknown(f"{_host(url)} did not answer after the request was sent ({_reason(error)}).")


async def exchange(
    http: aiohttp.ClientSession, method: str, url: str | URL, deadline_s: float, **request: Any
) -> Answer:
    """Send one request and read its answer. A text is quoted where it has to be; a `URL` goes out as it stands.

    Raises:
        TimeoutError: there was no whole answer in time.
        aiohttp.ClientError: the exchange failed.
    """
    limit = aiohttp.ClientTimeout(
        total=deadline_s,
        connect=http.timeout.connect,
        sock_connect=http.timeout.sock_connect,
        sock_read=http.timeout.sock_read,
    )
    proxy = _proxy(*urlsplit(str(url))[:2])
    # The path stays out of the trace: it may name an account or a person.
    about = {"http.request.method": method, "server.address": _host(str(url))}
    with telemetry.span(f"{method} {_host(str(url))}", SpanKind.CLIENT, **about) as span:
        async with http.request(method, url, timeout=limit, allow_redirects=False, proxy=proxy, **request) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            span.set_attribute("http.response.status_code", response.status)
            return Answer(response.status, headers, await response.read())


def retry_at(headers: Mapping[str, str], clock: Clock) -> datetime:
    """Return when the provider wants to be asked again, at most an hour from now; soon if it does not say.

    Reads `Retry-After` (seconds or a date, RFC 9110) and `X-RateLimit-Reset` (Unix seconds).
    """
    now = clock.now()
    wanted = _retry_after(headers.get("retry-after", ""), now) or _epoch(headers.get("x-ratelimit-reset", ""))
    if wanted is None:
        return now + DEFAULT_RETRY_DELAY
    return min(max(wanted, now), now + MAX_RETRY_DELAY)


def detail_of(response: Answer, message: str | None) -> str:
    """Return the provider's own words, cleaned and capped, or at least the HTTP status."""
    return clean(message or f"HTTP {response.status}", limit=DETAIL_LIMIT)


def json_object(response: Answer) -> dict[str, Any]:
    """Return the answer's JSON object, empty if it is none: error pages may be HTML."""
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
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


@lru_cache(maxsize=16)
def _proxy(scheme: str, netloc: str) -> str | None:
    """The environment's proxy for a host; none for this machine, where the sandbox is."""
    host = urlsplit(f"//{netloc}").hostname or ""
    try:
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        local = False
    return None if local or urllib.request.proxy_bypass(netloc) else urllib.request.getproxies().get(scheme)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "The provider"
    except ValueError:
        return "The provider"


def _reason(error: Exception) -> str:
    return clean(str(error), limit=200) or type(error).__name__
