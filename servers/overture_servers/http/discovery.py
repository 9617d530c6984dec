"""What an issuer says of itself, over HTTP: fetched with care, kept while it is fresh, and asked for again in measure.

It is fetched anew after `FRESH`, and when it does not have what is looked for, at most once in `PAUSE`: who sends
made-up ids makes us ask the issuer no oftener than that. While the issuer does not answer, what was fetched goes on
for `KEPT`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

import anyio
import structlog

from overture_core.clock import Clock
from overture_core.errors import SystemFault

if TYPE_CHECKING:
    import httpx2

FRESH = timedelta(minutes=10)
KEPT = timedelta(hours=4)
PAUSE = timedelta(seconds=30)
FETCH_WITHIN_S = 5.0
MOST_BYTES = 512 * 1024
# RFC 8414, section 3.1, then OpenID Connect Discovery in both of its spellings.
_METADATA = (
    "{origin}/.well-known/oauth-authorization-server{path}",
    "{origin}/.well-known/openid-configuration{path}",
    "{origin}{path}/.well-known/openid-configuration",
)

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Unusable(ValueError):
    """What came is of no use; the text is ours."""


class _NotThere(Unusable):
    """There is nothing at an address."""


class Kept(Generic[T]):
    """What `fetch` returns, kept as the module says. `event` is what the log calls it when it cannot be had, and `away`
    is raised when there is nothing that may still be used."""

    def __init__(
        self,
        fetch: Callable[[httpx2.AsyncClient], Awaitable[T]],
        clock: Clock,
        *,
        issuer: str,
        event: str,
        away: type[SystemFault],
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._issuer, self._event, self._away = issuer, event, away
        self._value: T | None = None
        self._fetched: datetime | None = None
        self._asked: datetime | None = None
        self._lock = anyio.Lock()

    async def get(self, serves: Callable[[T], bool] = lambda _: True) -> T:
        """Return it, after a look at the issuer if it is not fresh or does not serve.

        Raises:
            SystemFault: the `away` of this, when the issuer does not answer.
        """
        if not self._good(serves):
            async with self._lock:
                if not self._good(serves) and self._may_ask():  # somebody else may have asked while we waited
                    await self._ask()
        if self._value is None or not self._younger(KEPT):
            raise self._away
        return self._value

    def _good(self, serves: Callable[[T], bool]) -> bool:
        return self._value is not None and self._younger(FRESH) and serves(self._value)

    def _younger(self, age: timedelta) -> bool:
        return self._fetched is not None and self._clock.now() - self._fetched < age

    def _may_ask(self) -> bool:
        return self._asked is None or self._clock.now() - self._asked >= PAUSE

    async def _ask(self) -> None:
        import httpx2

        self._asked = self._clock.now()
        try:
            with anyio.fail_after(FETCH_WITHIN_S):
                async with httpx2.AsyncClient(follow_redirects=False, timeout=FETCH_WITHIN_S) as http:
                    found = await self._fetch(http)
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            # What an issuer sent does not go into the log, only what kind of trouble it was.
            detail = str(error) if isinstance(error, Unusable) else ""
            log.warning(self._event, issuer=self._issuer, error=type(error).__name__, detail=detail)
            return
        self._value, self._fetched = found, self._clock.now()


async def discover(http: httpx2.AsyncClient, issuer: str) -> dict[str, Any]:
    """Return an issuer's metadata.

    Raises:
        Unusable: it has none, or another issuer's.
    """
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    for form in _METADATA:
        try:
            metadata = await fetch(http, form.format(origin=origin, path=path))
        except _NotThere:
            continue
        if metadata.get("issuer") != issuer:  # RFC 8414, section 3.3
            raise Unusable("its metadata is of another issuer")
        return metadata
    raise Unusable("it has no metadata at the addresses of RFC 8414 and OpenID Connect")


async def fetch(http: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """Get a JSON object: no redirect is followed, nothing is unpacked, and no more than a bounded size is read.

    Raises:
        Unusable: something else came.
    """
    import orjson

    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with http.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 404:
            raise _NotThere("there is nothing at its address")
        if answer.status_code != 200:
            raise Unusable(f"it answered with status {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Unusable("it packed its answer, although it was asked not to")
        body = b""
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > MOST_BYTES:
                raise Unusable("its answer is too large")
    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise Unusable("its answer is no JSON object")
    return found
