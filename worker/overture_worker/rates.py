"""Rates that all workers keep together: how many messages may go out a second, counted in Redis.

A provider account and a sender have limits of their own; ten workers share one count. While Redis is away
nothing is counted and nothing leaves: jobs come through it anyway, and the rows stay due.
"""

from __future__ import annotations

from typing import Any, Self

import anyio
import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from overture_core.clock import SystemClock
from overture_core.messages.channels import Channel
from overture_core.messages.limits import limits_of
from overture_core.settings import Settings

# Waiting in a worker keeps the chunk's order; past this its rows had better wait in the database.
LONGEST_WAIT_S = 5.0
SHORTEST_WAIT_S = 0.02

log = structlog.get_logger(__name__)


class Rates:
    """Hands out permits to send. Without limits in the settings everything is permitted. Close it in the
    event loop that used it: `async with Rates(...)`."""

    def __init__(self, settings: Settings, redis_url: str) -> None:
        self._pool = ConnectionPool.from_url(redis_url)
        options: dict[str, Any] = {"connection_pool": self._pool}
        # The address is the pool's; this one only says which kind of storage it is.
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix="overture:rate", **options)
        self._limiter = FixedWindowRateLimiter(storage)
        self._limits = {channel: _limits(*both) for channel, both in limits_of(settings).items()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.disconnect()

    async def permits(self, channel: Channel, sender: str, wanted: int) -> int:
        """Return how many messages of `sender` may leave now, at most `wanted`; waits a little for the first.

        Zero means: not for some seconds.
        """
        limits = self._limits[channel]
        if not limits:
            return wanted
        keys = [(item, (str(channel), sender if of_sender else "account")) for of_sender, item in limits]
        try:
            with anyio.move_on_after(LONGEST_WAIT_S):
                while True:
                    granted, pause_s = await self._take(keys, wanted)
                    if granted:
                        return granted
                    await anyio.sleep(pause_s)
        except RedisError as error:
            log.warning("rates_unknown", detail=str(error))
        return 0

    async def _take(self, keys: list[tuple[RateLimitItem, tuple[str, str]]], wanted: int) -> tuple[int, float]:
        stats = [await self._limiter.get_window_stats(item, *key) for item, key in keys]
        granted = min([wanted, *(each.remaining for each in stats)])
        if granted < 1:
            reset = max(each.reset_time for each in stats if each.remaining < 1)
            return 0, max(reset - SystemClock().now().timestamp(), SHORTEST_WAIT_S)
        for item, key in keys:
            if not await self._limiter.hit(item, *key, cost=granted):
                return 0, SHORTEST_WAIT_S  # another worker was faster
        return granted, 0.0


def _limits(account: int | None, sender: int | None) -> list[tuple[bool, RateLimitItem]]:
    """The limits that are set, as (of the sender, limit)."""
    both = ((False, account), (True, sender))
    return [(of_sender, RateLimitItemPerSecond(number)) for of_sender, number in both if number]
