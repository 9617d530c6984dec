"""`/metrics`: what was served, what waits in the database and in Redis, and who may read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import update
from starlette.applications import Starlette

from overture_core.clock import ManualClock
from overture_core.health.figures import figures, sender_rates
from overture_core.messages.breaker import BreakerState
from overture_core.messages.states import State
from overture_core.settings import Settings
from overture_core.storage.schema import Message, ProviderAccount, WebhookEvent, Workspace
from overture_core.storage.store import Store
from overture_queue.jobs import QUEUES, Dispatch
from overture_servers.http.app import create_app
from overture_servers.leads import server as leads
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:8765"
Labels = frozenset[tuple[str, str]]


@pytest.fixture
def client_of() -> Callable[..., httpx.AsyncClient]:
    def make(app: Starlette, peer: str = "127.0.0.1", host: str = BASE) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 5000))
        return httpx.AsyncClient(transport=transport, base_url=host)

    return make


async def values(client: httpx.AsyncClient) -> dict[tuple[str, Labels], float]:
    response = await client.get("/metrics")
    assert response.status_code == 200, response.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, Labels]:
    return name, frozenset(labels.items())


def late(store: Store, campaign: str, channel: str = "email") -> None:
    """Make the planned messages due, an hour ago for a clock that goes on."""
    with store.begin("default", actor="test") as work:
        found = update(Message).where(Message.channel == channel, Message.state == State.DRAFT)
        work.session.execute(found.values(state=State.DUE, due_at=work.now() - timedelta(hours=1)))


async def test_it_tells_what_waits_and_what_was_served(
    runtime: Runtime, make_desk: Any, client_of: Callable[..., httpx.AsyncClient]
) -> None:
    desk = make_desk(runtime, "auto")
    await desk.filled()
    await desk.planned()
    late(runtime.store, "Spring")
    assert await runtime.nudge(Dispatch())
    app = create_app(runtime)
    async with client_of(app) as client, Client(leads.create(runtime)) as session:
        for arguments in ({}, {"limit": 1_000_000}):
            assert isinstance(await session.call_tool("leads_search", arguments), CallToolResult)
        assert (await client.get("/nobody/knows/this")).status_code == 404
        found = await values(client)
    email = {"workspace": "default", "channel": "email", "state": "due"}
    assert found[key("overture_messages", **email)] == 2
    assert found[key("overture_messages_late_seconds", **email)] == 3600
    assert found[key("overture_approvals_pending")] == 1
    assert (found[key("overture_database_up")], found[key("overture_redis_up")]) == (1, 1)
    assert {name: found[key("overture_queue_jobs", queue=name)] for name in QUEUES} == {
        **dict.fromkeys(QUEUES, 0),
        "control": 1,
    }
    for outcome in ("ok", "refused"):
        tool = {"server": "overture-leads", "tool": "leads_search", "outcome": outcome}
        assert found[key("overture_tool_calls_total", **tool)] == 1
    assert found[key("overture_http_requests_total", path="other", method="GET", status="404")] == 1


async def test_with_nothing_there_it_says_so(settings: Settings, client_of: Callable[..., httpx.AsyncClient]) -> None:
    runtime = Runtime(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))
    async with client_of(create_app(runtime)) as client:
        found = await values(client)
    runtime.close()
    assert (found[key("overture_database_up")], found[key("overture_redis_up")]) == (0, 0)


async def test_only_this_machine_and_who_has_the_token_may_read_them(
    settings: Settings, runtime: Runtime, client_of: Callable[..., httpx.AsyncClient]
) -> None:
    app = create_app(runtime)
    for peer, host in (("192.0.2.7", BASE), ("127.0.0.1", "https://overture.example")):
        async with client_of(app, peer, host) as client:
            refused = await client.get("/metrics")
        assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    guarded = Runtime(settings.model_copy(update={"metrics_token": SecretStr("s3cret")}), runtime.store)
    async with client_of(create_app(guarded), "192.0.2.7") as client:
        assert (await client.get("/metrics")).status_code == 403
        assert (await client.get("/metrics", headers={"Authorization": "Bearer wrong"})).status_code == 403
        assert (await client.get("/metrics", headers={"Authorization": "Bearer s3cret"})).status_code == 200


def test_the_figures_are_of_every_workspace(store: Store, clock: ManualClock) -> None:
    assert figures(store).waiting == []
    assert sender_rates(store) == []
    with store.begin("default", actor="test") as work:
        at = work.now()
        work.session.add(Workspace(id="other", created_at=at, policy={}, trusted_clients=[], stopped_at=at))
        work.session.add(ProviderAccount(provider="twilio", state="open", failures=3, changed_at=at))
        event = {"provider": "sendgrid", "dedupe_key": "k", "event": {}, "received_at": at}
        work.session.add(WebhookEvent(id="whk_1", **event))
    clock.advance(timedelta(minutes=2))
    found = figures(store)
    assert (found.stopped, found.breakers) == (1, {"twilio": BreakerState.OPEN})
    assert (found.webhook_events, found.oldest_webhook_event) == (1, at)
    assert found.operations == {"waiting": 0, "ready": 0, "running": 0, "unknown": 0}
