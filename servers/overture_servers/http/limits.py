"""How often one may call: all calls of a principal together, and those of a tool, counted in Redis for all replicas.

While Redis does not answer, each process counts for itself, at the same figures: there is always a limit, and with
several replicas it is so many times as wide. docs/security.md says so.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError
from starlette.types import ASGIApp, Receive, Scope, Send

from overture_core.errors import ConfigurationError
from overture_core.http_settings import WRITING
from overture_core.settings import Settings
from overture_queue.address import redis_url
from overture_servers.http.answers import refusal
from overture_servers.http.bodies import asked
from overture_servers.principal import Principal
from overture_servers.tooling import OvertureServer

ANSWER_WITHIN_S = 0.5
AGAIN_AFTER_S = 10.0  # until a Redis that did not answer is asked again
MOST_CALLS = 1_000_000
LONGEST_WINDOW_S = 24 * 60 * 60
_NO_WINDOW = re.compile(r"(?:/|per)\s*0")  # the library takes 10/0minute for 10/minute

log = structlog.get_logger(__name__)


class Limits:
    """Stands before the MCP endpoints. Close it in the event loop that used it.

    Raises:
        ConfigurationError: a limit of the settings cannot be read, is of no tool, or the Redis URL cannot be read.
    """

    def __init__(self, settings: Settings, servers: Mapping[str, OvertureServer]) -> None:
        self._calls = _read("OVERTURE_RATE_LIMIT", settings.rate_limit)
        self._tools = _by_tool(settings.rate_limit_tools, servers)
        try:
            self._pool = ConnectionPool.from_url(
                redis_url(settings), socket_connect_timeout=ANSWER_WITHIN_S, socket_timeout=ANSWER_WITHIN_S
            )
        except ValueError as error:
            msg = f"OVERTURE_REDIS_URL cannot be read ({error}); it looks like redis://:PASSWORD@HOST:6379/0."
            raise ConfigurationError(msg) from error
        options: dict[str, Any] = {"connection_pool": self._pool}
        # The address is the pool's; this one only says which kind of storage it is.
        shared = RedisStorage("async+redis://", implementation="redispy", key_prefix="overture:limit", **options)
        self._shared = SlidingWindowCounterRateLimiter(shared)
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._away_until: float | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()

    def on_calls(self, app: ASGIApp) -> ASGIApp:
        """Return `app` behind the limit on all calls of a principal."""

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            await self._let(app, "calls", self._calls, "any", scope, receive, send)

        return limited

    def on_tools(self, app: ASGIApp) -> ASGIApp:
        """Return `app` behind the limits on single tools; it has to stand behind `WholeBody`."""

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            request = asked(scope)
            tool = (request and request.tool) or ""
            await self._let(app, f"calls of {tool}", self._tools.get(tool, []), tool, scope, receive, send)

        return limited

    async def _let(
        self, app: ASGIApp, what: str, items: list[RateLimitItem], name: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        for item in items:
            wait_s = await self._hit(item, name, _who(scope))
            if wait_s is not None:
                log.info("rate_limited", path=scope["path"], limit=name)
                sentence = f"Too many {what}: {item} are allowed; send the next one in {wait_s} s."
                headers = {"Retry-After": str(wait_s)}
                await refusal(429, "rate_limited", sentence, headers)(scope, receive, send)
                return
        await app(scope, receive, send)

    async def _hit(self, item: RateLimitItem, *key: str) -> int | None:
        """Count a call; returns None if it may pass, else the seconds until another may."""
        if self._away_until is None or time.monotonic() >= self._away_until:
            try:
                wait_s = await _ask(self._shared, item, *key)
            except RedisError as error:
                if self._away_until is None:
                    log.warning("limits_counted_by_each_process", detail=str(error))
                self._away_until = time.monotonic() + AGAIN_AFTER_S
            else:
                if self._away_until is not None:
                    log.info("limits_counted_in_redis_again")
                    self._away_until = None
                return wait_s
        return await _ask(self._own, item, *key)


async def _ask(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, *key: str) -> int | None:
    if await limiter.hit(item, *key):
        return None
    found = await limiter.get_window_stats(item, *key)
    return max(1, math.ceil(found.reset_time - time.time()))


def _who(scope: Scope) -> str:
    """Whose calls are counted together; nothing of it can be read in Redis."""
    who = scope["user"].access_token if "user" in scope else None
    if isinstance(who, Principal):
        return _fingerprint(who.issuer, who.subject, who.workspace)
    return _fingerprint(scope["client"][0] if scope.get("client") else "")


@lru_cache(4096)
def _fingerprint(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _by_tool(given: Mapping[str, str], servers: Mapping[str, OvertureServer]) -> dict[str, list[RateLimitItem]]:
    writes = {tool: spec_writes for server in servers.values() for tool, spec_writes in server.writing.items()}
    found = {}
    for name, text in given.items():
        if name != WRITING and name not in writes:
            msg = f"OVERTURE_RATE_LIMIT_TOOLS names {name!r}, which is no tool; `{WRITING}` stands for all that write."
            raise ConfigurationError(msg)
        items = _read(f"OVERTURE_RATE_LIMIT_TOOLS for {name}", text)
        named = [name] if name != WRITING else [tool for tool, each in writes.items() if each and tool not in given]
        found.update(dict.fromkeys(named, items))
    return found


def _read(setting: str, text: str) -> list[RateLimitItem]:
    try:
        items = parse_many(text)
    except ValueError:
        items = []
    if not items or _NO_WINDOW.search(text) or not all(map(_is_sensible, items)):
        msg = (
            f"{setting} is {text!r}; it looks like 600/minute, or 10/second;600/minute, with 1 to {MOST_CALLS:,} calls "
            "in at most a day."
        )
        raise ConfigurationError(msg)
    return items


def _is_sensible(item: RateLimitItem) -> bool:
    return 1 <= item.amount <= MOST_CALLS and item.get_expiry() <= LONGEST_WINDOW_S
