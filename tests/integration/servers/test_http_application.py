"""The HTTP application itself: health, readiness, errors, and who may speak to the MCP endpoints."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from overture_core.errors import ConfigurationError
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_queue.broker import RedisHandle, connect
from overture_queue.jobs import QUEUES
from overture_servers.http.app import create_app
from overture_servers.http.local_tokens import make_token
from overture_servers.http.probes import ANSWER_WITHIN_S, WAITING
from overture_servers.main import serve_http, serve_stdio
from overture_servers.registry import NAMES
from overture_servers.runtime import Runtime
from tests.conftest import PostgreSQL

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:8765"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
MCP_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-11-25",
}


@pytest.fixture
async def http(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(runtime)
    async with running(app) as client:
        yield client


def running(app: Starlette) -> Any:
    class Running:
        async def __aenter__(self) -> httpx.AsyncClient:
            self.lifespan = app.router.lifespan_context(app)
            await self.lifespan.__aenter__()
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            self.client = httpx.AsyncClient(transport=transport, base_url=BASE)
            return self.client

        async def __aexit__(self, *_error: object) -> None:
            await self.client.aclose()
            await self.lifespan.__aexit__(None, None, None)

    return Running()


async def test_a_healthy_process_says_so(http: httpx.AsyncClient) -> None:
    response = await http.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_with_database_and_redis_there_it_is_ready(http: httpx.AsyncClient) -> None:
    response = await http.get("/ready")
    body = response.json()
    assert (response.status_code, set(body.pop("queued_jobs"))) == (200, set(QUEUES))
    assert body == {"ready": True, "degraded": False, "database": "ok", "redis": "ok"}


async def test_with_redis_away_it_still_takes_work_and_says_so(settings: Settings, sqlite_store: Store) -> None:
    runtime = Runtime(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}), sqlite_store)
    async with running(create_app(runtime)) as http:
        assert (await http.get("/health")).status_code == 200
        response = await http.get("/ready")
    body = response.json()
    assert (response.status_code, body["ready"], body["degraded"], body["database"]) == (200, True, True, "ok")
    assert body["queued_jobs"] is None
    assert body["redis"].startswith("redis://127.0.0.1:1/0 does not answer")


@pytest.mark.parametrize("named", [False, True], ids=["embedded", "by its URL"])
async def test_with_redis_hanging_it_says_so_within_a_second(
    settings: Settings, sqlite_store: Store, *, named: bool
) -> None:
    with connect(settings) as handle:
        changes = {"redis_url": handle.url} if named else {}
        runtime = Runtime(settings.model_copy(update=changes), sqlite_store)
        async with running(create_app(runtime)) as http:
            assert (await http.get("/ready")).json()["redis"] == "ok"
            process = handle.client.info("server")["process_id"]
            os.kill(process, signal.SIGSTOP)
            try:
                began = time.monotonic()
                body = (await http.get("/ready")).json()
                asked = time.monotonic()
                metrics = (await http.get("/metrics")).text
                ended = time.monotonic()
            finally:
                os.kill(process, signal.SIGCONT)
    assert (asked - began < 1, ended - asked < 1) == (True, True)
    assert (body["ready"], body["degraded"], body["queued_jobs"]) == (True, True, None)
    assert "does not answer" in body["redis"]
    assert "start it" not in body["redis"]
    assert "overture_redis_up 0.0" in metrics


async def test_with_the_database_away_it_is_not_ready(settings: Settings, redis_handle: RedisHandle) -> None:
    changes = {"database_url": "postgresql://nobody@127.0.0.1:1/none", "redis_url": redis_handle.url}
    runtime = Runtime(settings.model_copy(update=changes))
    transport = httpx.ASGITransport(create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        response = await http.get("/ready")
    runtime.close()
    assert (response.status_code, response.json()["ready"], response.json()["redis"]) == (503, False, "ok")
    assert response.json()["database"].startswith("The database did not answer")


async def test_a_database_that_goes_away_after_it_was_there_is_noticed(
    settings: Settings, redis_handle: RedisHandle, postgresql: PostgreSQL
) -> None:
    name = postgresql.create_database()
    changes = {"database_url": postgresql.url(name), "redis_url": redis_handle.url}
    runtime = Runtime(settings.model_copy(update=changes))
    async with running(create_app(runtime)) as http:
        before = await http.get("/ready")
        postgresql.drop_database(name)
        after = await http.get("/ready")
    runtime.close()
    assert (before.status_code, after.status_code) == (200, 503)
    assert after.json()["database"].startswith("The database did not answer")


async def test_with_a_database_that_takes_connections_and_says_nothing_it_answers_in_time_how_often_it_is_asked(
    settings: Settings, redis_handle: RedisHandle
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        changes = {"database_url": f"postgresql://nobody@127.0.0.1:{port}/none", "redis_url": redis_handle.url}
        runtime = Runtime(settings.model_copy(update=changes))
        transport = httpx.ASGITransport(create_app(runtime))
        began = time.monotonic()
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http, anyio.create_task_group() as tasks:
            answers: list[httpx.Response] = []

            async def ask() -> None:
                answers.append(await http.get("/ready"))

            for _ in range(2 * WAITING):
                tasks.start_soon(ask)
        took = time.monotonic() - began
        runtime.close()
    told = [(each.status_code, each.json()["redis"], each.json()["database"]) for each in answers]
    assert told == [(503, "ok", "It did not answer within 2.5 s; it hangs or is out of reach.")] * (2 * WAITING)
    assert took < ANSWER_WITHIN_S + 1


@pytest.mark.parametrize("path", ["/page", "/nothing", "/leads", "/leads/nothing", "/messaging/webhooks/nothing"])
async def test_what_is_not_there_is_answered_in_json(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert (response.status_code, response.json()) == (
        404,
        {
            "error": "not_found",
            "message": "There is nothing here; the MCP servers are at "
            "/leads/mcp, /messaging/mcp, /linkedin/mcp, /stripe/mcp.",
        },
    )


async def test_a_wrong_method_is_answered_in_json(http: httpx.AsyncClient) -> None:
    response = await http.post("/health")
    assert (response.status_code, response.json()["error"]) == (405, "method_not_allowed")
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_a_fault_of_ours_is_answered_in_json_without_its_words(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    runtime = Runtime(settings)
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    (settings.data_dir / "secret.key").mkdir()  # where a file should be
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        response = await http.post("/messaging/unsubscribe/msg_1/00")
    runtime.close()
    assert (response.status_code, response.json()) == (
        500,
        {"error": "internal", "message": "Something went wrong inside Overture; its log has the details."},
    )


@pytest.mark.parametrize("server", NAMES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:9999"}, 200),
        ({"Host": "LocalHost"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "127.0.0.1:1.evil.example"}, 421),
        ({"Host": "[::1]:8000.evil.example"}, 421),
        ({"Origin": "http://localhost:6274"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_only_this_machines_hosts_and_origins_may_speak_mcp(
    http: httpx.AsyncClient, server: str, headers: dict[str, str], status: int
) -> None:
    response = await http.post(f"/{server}/mcp", json=LIST, headers={**MCP_HEADERS, **headers})
    assert response.status_code == status, response.text


@pytest.mark.parametrize("server", NAMES)
async def test_a_tunnel_for_webhooks_does_not_open_mcp_to_the_world(
    settings: Settings, sqlite_store: Store, server: str
) -> None:
    runtime = Runtime(settings.model_copy(update={"public_url": "https://hooks.overture.example"}), sqlite_store)
    async with running(create_app(runtime)) as http:
        public = {"Host": "hooks.overture.example", "Origin": "https://hooks.overture.example"}
        assert (await http.get("/health", headers=public)).status_code == 200
        assert (await http.post("/messaging/webhooks/twilio/status", headers=public)).status_code == 403
        response = await http.post(f"/{server}/mcp", json=LIST, headers={**MCP_HEADERS, **public})
        assert response.status_code == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "overture.example"])
def test_listening_beyond_loopback_is_refused(settings: Settings, host: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        serve_http(settings, host, 0)
    assert caught.value.message == (
        f"{host} is not a loopback address, and without authentication only this machine may reach the servers; "
        "set OVERTURE_AUTH_ISSUER or OVERTURE_AUTH_LOCAL (docs/security.md), or listen on 127.0.0.1."
    )


@pytest.mark.parametrize(
    ("weak", "name"),
    [
        ({"secret_key": SecretStr("a")}, "OVERTURE_SECRET_KEY"),
        ({"secret_key": SecretStr("a" * 64)}, "OVERTURE_SECRET_KEY"),
        ({"secret_keys_accepted": [SecretStr("next")]}, "OVERTURE_SECRET_KEYS_ACCEPTED"),
        ({"metrics_token": SecretStr("m")}, "OVERTURE_METRICS_TOKEN"),
    ],
)
@pytest.mark.parametrize("asks", [{"auth_local": True}, {"auth_issuer": "https://login.example"}], ids=str)
def test_listening_beyond_loopback_with_a_secret_that_can_be_guessed_is_refused(
    settings: Settings, asks: dict[str, Any], weak: dict[str, Any], name: str
) -> None:
    served = settings.model_copy(update={"public_url": "http://pub.example", **asks, **weak})
    with pytest.raises(ConfigurationError) as caught:
        serve_http(served, "0.0.0.0", 0)
    assert caught.value.message == (
        f"0.0.0.0 is not a loopback address, and {name} can be guessed; make it of 32 or more random characters, such "
        "as those of `openssl rand -hex 32`."
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "overture.example", "Origin": "https://overture.example"}, 200),
        ({"Host": "Inside.EXAMPLE:9000", "Origin": "https://desk.example"}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "overture.example", "Origin": "https://evil.example"}, 403),
        ({"Host": "overture.example", "Origin": "http://overture.example"}, 403),
    ],
)
async def test_with_authentication_the_public_host_and_those_named_may_be_addressed(
    settings: Settings, sqlite_store: Store, headers: dict[str, str], status: int
) -> None:
    named = {"allowed_hosts": ["INSIDE.example"], "allowed_origins": ["https://desk.example"], "auth_local": True}
    served = settings.model_copy(update={"public_url": "https://overture.example", **named})
    lifetime = timedelta(minutes=1)
    token = make_token(
        served,
        workspace="default",
        scopes=[],
        subject="ada",
        audience=served.audience,
        now=datetime.now(UTC),
        lifetime=lifetime,
    )
    async with running(create_app(Runtime(served, sqlite_store))) as http:
        shown = {**MCP_HEADERS, **headers, "Authorization": f"Bearer {token}"}
        assert (await http.post("/leads/mcp", json=LIST, headers=shown)).status_code == status


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_listening_everywhere_wants_the_address_that_tokens_are_for(settings: Settings, host: str) -> None:
    with pytest.raises(ConfigurationError, match="set OVERTURE_PUBLIC_URL"):
        serve_http(settings.model_copy(update={"auth_local": True}), host, 0)


def test_a_server_that_does_not_exist_is_refused_with_the_names_of_those_that_do(settings: Settings) -> None:
    with pytest.raises(Exception, match="There is no server 'billing'; the servers are: leads, messaging, linkedin"):
        serve_stdio("billing", settings)
