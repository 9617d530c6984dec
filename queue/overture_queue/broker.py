"""The broker: Dramatiq over Redis, either the one that the settings name or the embedded one.

    with connect(settings) as queue:
        enqueue(queue.broker, Dispatch())

The broker is never made at import and never set as Dramatiq's global one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, CurrentMessage, Middleware, Retries, ShutdownNotifications, TimeLimit
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from overture_core import telemetry
from overture_core.errors import ConfigurationError, QueueUnavailable
from overture_core.settings import Settings
from overture_queue import embedded, jobs
from overture_queue.address import redis_url
from overture_queue.embedded import EmbeddedRedis

NAMESPACE = "overture"
# A dead worker's jobs come back only through maintenance, which runs on a random share of commands
# after this much silence. With Dramatiq's defaults (60 s, 0.1 %) they can lie for half an hour.
HEARTBEAT_TIMEOUT_MS = 15_000
MAINTENANCE_CHANCE = 50_000  # in a million commands

CONNECT_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 5.0
PROBE_S = 0.4  # to connect, and again to answer, for who only asks whether Redis is well

_WORKER = f"{NAMESPACE}:worker"  # the last worker that told of itself
WORKER_KNOWN_S = 60


class RedisHandle:
    """An open connection to the queue; holds the embedded server, if it is in use, until closed."""

    def __init__(self, url: str, client: redis.Redis, server: EmbeddedRedis | None) -> None:
        self.url = url
        self.client = client
        self.broker = RedisBroker(  # type: ignore[no-untyped-call]
            client=client,
            middleware=_middleware(),
            namespace=NAMESPACE,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=MAINTENANCE_CHANCE,
        )
        for name in jobs.QUEUES:
            self.broker.declare_queue(name)
        self._server = server

    @property
    def embedded(self) -> bool:
        """Whether the server is the embedded one."""
        return self._server is not None

    def close(self) -> None:
        """Close the connections and stop using the embedded server."""
        self.broker.close()
        self.client.close()
        self.client.connection_pool.disconnect()
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """What `overture doctor` says about the queue."""

    kind: Literal["embedded", "url"]
    server: str
    reachable: bool
    detail: str


def connect(settings: Settings) -> RedisHandle:
    """Open the queue: the Redis at `OVERTURE_REDIS_URL`, else the data folder's embedded one.

    A Redis given by URL is not contacted yet, so that a server starts while it is away.

    Raises:
        ConfigurationError: the URL cannot be read.
        QueueUnavailable: the embedded server does not start.
    """
    if settings.redis_url is not None:
        return RedisHandle(settings.redis_url, _client(settings.redis_url), None)
    server = EmbeddedRedis.acquire(settings.data_dir)
    return RedisHandle(server.url, _client(server.url), server)


def enqueue(broker: dramatiq.Broker, job: jobs.Job, *, campaign: str | None = None, trace: str | None = None) -> None:
    """Put one job in its queue. The sender needs none of the worker's code.

    `campaign` and `trace` (a traceparent; else the caller's own) are for the worker's log and trace, and no part of the
    job: nothing hangs on them.

    Raises:
        QueueUnavailable: Redis did not take it, or did not say so in time.
    """
    way = jobs.route(job)
    given = {"campaign": campaign, "trace": trace or telemetry.traceparent()}
    about: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=way.queue, actor_name=way.actor, args=(jobs.encode(job),), kwargs={}, options=about
    )
    try:
        broker.enqueue(message)
    except RedisError as error:
        msg = f"Redis did not take the job ({error}); messages stay due and go out once it is back."
        raise QueueUnavailable(msg) from error


def depths(settings: Settings) -> dict[str, int]:
    """Count the jobs of each queue, those in a worker's hands included. Starts nothing, and takes a second at most.

    Raises:
        QueueUnavailable: Redis does not answer in that time, or the embedded one does not run.
        ConfigurationError: the URL cannot be read.
    """
    with _probe(settings) as client:
        pipe = client.pipeline(transaction=False)
        for name in jobs.QUEUES:
            pipe.hlen(f"{NAMESPACE}:{name}.msgs")
        return dict(zip(jobs.QUEUES, pipe.execute(), strict=True))


def tell_of_worker(client: redis.Redis, owner: str) -> None:
    """Say that a worker works; told anew with each of its rounds, for it is forgotten after `WORKER_KNOWN_S`.

    Raises:
        QueueUnavailable: Redis does not answer.
    """
    try:
        client.set(_WORKER, owner, ex=WORKER_KNOWN_S)
    except RedisError as error:
        msg = f"Redis did not take the worker's sign of life ({error})."
        raise QueueUnavailable(msg) from error


def has_worker(settings: Settings) -> bool:
    """Tell whether any worker told of itself lately. Starts nothing, and takes a second at most.

    Raises:
        QueueUnavailable: Redis does not answer in that time, so nobody knows.
        ConfigurationError: the URL cannot be read.
    """
    try:
        with _probe(settings) as client:
            return bool(client.exists(_WORKER))
    except QueueUnavailable as error:
        # A worker would hold the embedded server, so one that does not run has none.
        if settings.redis_url is None and isinstance(error.__cause__, redis.ConnectionError):
            return False
        raise


@contextmanager
def _probe(settings: Settings) -> Iterator[redis.Redis]:
    client = _client(redis_url(settings), connect_s=PROBE_S, answer_s=PROBE_S)
    try:
        yield client
    except RedisError as error:
        raise QueueUnavailable(_away(settings, error)) from error
    finally:
        client.close()


def describe(settings: Settings) -> QueueInfo:
    """Say which Redis is or would be used, and whether it answers. Starts nothing."""
    if settings.redis_url is None:
        server, running, detail = embedded.describe(settings.data_dir)
        return QueueInfo("embedded", server, running, detail)
    shown = _without_password(settings.redis_url)
    try:
        client = _client(settings.redis_url)
    except ConfigurationError as error:
        return QueueInfo("url", "unknown", reachable=False, detail=error.message)
    try:
        told = client.info("server")
    except RedisError as error:
        return QueueInfo("url", "unknown", reachable=False, detail=_away(settings, error))
    finally:
        client.close()
    name = told.get("server_name", "redis")
    number = told.get(f"{name}_version", told.get("redis_version", ""))
    return QueueInfo("url", f"{name} {number}".strip(), reachable=True, detail=f"Answers at {shown}.")


def _away(settings: Settings, error: RedisError) -> str:
    """Say why Redis does not answer, and what to do: one that runs and hangs is not to be started."""
    hangs = isinstance(error, redis.TimeoutError)
    if settings.redis_url is None:
        return embedded.hanging(settings.data_dir) if hangs else embedded.describe(settings.data_dir)[2]
    shown = _without_password(settings.redis_url)
    if hangs:
        return f"{shown} does not answer in time ({error}); it hangs or is out of reach; see its log."
    return f"{shown} does not answer ({error}); start it, or correct OVERTURE_REDIS_URL."


def _client(url: str, *, connect_s: float = CONNECT_TIMEOUT_S, answer_s: float = ANSWER_TIMEOUT_S) -> redis.Redis:
    try:
        return redis.Redis.from_url(
            url,
            socket_connect_timeout=connect_s,
            socket_timeout=answer_s,
            # One more try is for a pooled connection that a restarted server has closed. A time-out is
            # not tried again: the caller waits for us, and the rows stay due anyway.
            retry=Retry(ConstantBackoff(0.05), 1, supported_errors=(redis.ConnectionError,)),
        )
    except ValueError as error:
        msg = f"OVERTURE_REDIS_URL cannot be read ({error}); it looks like redis://:PASSWORD@HOST:6379/0."
        raise ConfigurationError(msg) from error


def _middleware() -> list[Middleware]:
    # No Callbacks, Pipelines or results: jobs name work in the database and return nothing. Delays
    # and retries live there too; `max_retries` is 0 unless an actor asks for more.
    return [AgeLimit(), TimeLimit(), ShutdownNotifications(), CurrentMessage(), Retries(max_retries=0)]


def _without_password(url: str) -> str:
    return re.sub(r"(?<=://)[^/@]*(?=@)", "***", url).partition("?")[0]
