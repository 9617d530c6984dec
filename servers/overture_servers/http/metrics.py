"""`/metrics` for Prometheus: what this process served, and what waits in the database and in Redis.

What waits is counted when it is asked for, at most every few seconds, and is the same whichever replica is asked:
use `max` over them. docs/monitoring.md lists the names.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Iterable, Iterator
from functools import partial
from http import HTTPStatus
from threading import Lock

from anyio import to_thread
from cachetools import TTLCache, cached
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overture_core.errors import DatabaseUnavailable, QueueUnavailable
from overture_core.health.figures import Figures, SenderRates, figures, sender_rates
from overture_core.messages.breaker import BreakerState
from overture_servers.runtime import Runtime, ToolCall

FIGURES_FOR_S = 5.0
RATES_FOR_S = 60.0
OTHER = "other"  # paths that there are none of: whoever tries many makes no names here


class Metrics:
    """What one process counts, and the page that shows it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._registry = CollectorRegistry()
        mine = self._registry
        self._requests = Counter(
            "overture_http_requests", "HTTP requests.", ("path", "method", "status"), registry=mine
        )
        self._seconds = Histogram("overture_http_seconds", "Time until the answer was sent.", ("path",), registry=mine)
        self._calls = Counter("overture_tool_calls", "Calls of tools.", ("server", "tool", "outcome"), registry=mine)
        self._call_seconds = Histogram("overture_tool_seconds", "Time a tool took.", ("server", "tool"), registry=mine)
        self._registry.register(_Stored(runtime))
        runtime.watch(self._called)

    def route(self) -> Route:
        """Return the page's route: for this machine, and for who shows the token of the settings."""
        token = self._runtime.settings.metrics_token

        async def metrics(request: Request) -> Response:
            if not _may_read(request, token.get_secret_value() if token else None):
                sentence = (
                    "Metrics are for this machine alone; set OVERTURE_METRICS_TOKEN and show it as a bearer token."
                    if token is None
                    else "Show the token of OVERTURE_METRICS_TOKEN: Authorization: Bearer TOKEN."
                )
                return JSONResponse({"error": "forbidden", "message": sentence}, 403)
            page = await to_thread.run_sync(generate_latest, self._registry)
            return Response(page, media_type=CONTENT_TYPE_PLAIN_0_0_4)

        return Route("/metrics", metrics)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """Return `app`, counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, status = time.perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noted)
            finally:
                # Starlette leaves the route that it found in the scope.
                path = getattr(scope.get("route"), "path", OTHER)
                self._requests.labels(path, _method(scope["method"]), str(status)).inc()
                self._seconds.labels(path).observe(time.perf_counter() - began)

        return counted

    def _called(self, call: ToolCall) -> None:
        self._calls.labels(call.server, call.tool, call.outcome).inc()
        self._call_seconds.labels(call.server, call.tool).observe(call.seconds)


class _Stored(Collector):
    """What the database and Redis hold, as gauges."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._figures = cached(TTLCache(1, FIGURES_FOR_S), lock=Lock())(partial(figures, runtime.store))
        self._rates = cached(TTLCache(1, RATES_FOR_S), lock=Lock())(partial(sender_rates, runtime.store))

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is asked of the database when it is registered

    def collect(self) -> Iterator[Metric]:
        database = GaugeMetricFamily("overture_database_up", "Whether the database answers.")
        try:
            found = self._figures()
            rates = self._rates()
        except DatabaseUnavailable:
            database.add_metric((), 0)
        else:
            database.add_metric((), 1)
            yield from _waiting(found)
            yield from _stopped(found)
            yield from _rates(rates)
        yield database
        yield from self._queues()

    def _queues(self) -> Iterator[Metric]:
        redis = GaugeMetricFamily("overture_redis_up", "Whether Redis answers.")
        jobs = GaugeMetricFamily("overture_queue_jobs", "Jobs queued or in a worker's hands.", labels=("queue",))
        try:
            for name, number in self._runtime.queue_depths().items():
                jobs.add_metric((name,), number)
            redis.add_metric((), 1)
        except QueueUnavailable:
            redis.add_metric((), 0)
        yield redis
        yield jobs


def _waiting(found: Figures) -> Iterator[Metric]:
    labels = ("workspace", "channel", "state")
    messages = GaugeMetricFamily("overture_messages", "Messages that wait, by state.", labels=labels)
    late = GaugeMetricFamily("overture_messages_late_seconds", "How long the oldest is due.", labels=labels)
    for each in found.waiting:
        names = (each.workspace, each.channel, each.state)
        messages.add_metric(names, each.messages)
        if each.oldest is not None:
            late.add_metric(names, max(0.0, (found.at - each.oldest).total_seconds()))
    yield messages
    yield late
    oldest = found.oldest_webhook_event
    behind = 0.0 if oldest is None else max(0.0, (found.at - oldest).total_seconds())
    yield GaugeMetricFamily("overture_webhook_events", "Events taken and not applied.", value=found.webhook_events)
    yield GaugeMetricFamily("overture_webhook_late_seconds", "How long the oldest of them waits.", value=behind)
    yield GaugeMetricFamily("overture_leases", "Chunks in workers' hands.", value=found.leases)
    operations = GaugeMetricFamily("overture_operations", "Operations that are not over.", labels=("state",))
    for state, number in found.operations.items():
        operations.add_metric((state,), number)
    yield operations
    yield GaugeMetricFamily("overture_approvals_pending", "What waits for a person.", value=found.approvals)


def _stopped(found: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily("overture_campaigns_paused", "Campaigns paused for bounces.", value=found.paused)
    yield GaugeMetricFamily("overture_workspaces_stopped", "Workspaces whose sending is stopped.", value=found.stopped)
    breakers = GaugeMetricFamily("overture_breaker_open", "Whether a provider is left alone.", labels=("provider",))
    for provider, state in found.breakers.items():
        breakers.add_metric((provider,), state is not BreakerState.CLOSED)
    yield breakers


def _rates(found: list[SenderRates]) -> Iterator[Metric]:
    labels = ("workspace", "sender")
    bounces = GaugeMetricFamily("overture_sender_bounce_ratio", "Bounces of what was taken in 7 days.", labels=labels)
    complaints = GaugeMetricFamily("overture_sender_complaint_ratio", "Complaints, likewise.", labels=labels)
    for each in found:
        bounces.add_metric((each.workspace, each.sender), each.bounces)
        complaints.add_metric((each.workspace, each.sender), each.complaints)
    yield bounces
    yield complaints


def _may_read(request: Request, token: str | None) -> bool:
    if token is None:
        return _is_local(request.client.host if request.client else "") and _is_local(request.url.hostname or "")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _method(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else OTHER
