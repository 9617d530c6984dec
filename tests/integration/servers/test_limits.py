"""How often one may call: counted for each principal and each tool, in Redis for all replicas, here without it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from overture_core.errors import ConfigurationError
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_queue.broker import RedisHandle
from overture_queue.embedded import EmbeddedRedis
from overture_servers.http.app import create_app
from overture_servers.http.local_tokens import make_token
from overture_servers.runtime import Runtime
from overture_servers.scopes import Scope

pytestmark = pytest.mark.anyio
AWAY = "redis://127.0.0.1:1/0"
MCP_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-11-25",
}


@asynccontextmanager
async def served(store: Store, settings: Settings, client: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Runtime(settings, store))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as http:
            yield http


async def call(http: httpx.AsyncClient, tool: str | None = None, token: str | None = None) -> httpx.Response:
    method, params = ("tools/list", {}) if tool is None else ("tools/call", {"name": tool, "arguments": {}})
    headers = MCP_HEADERS if token is None else {**MCP_HEADERS, "Authorization": f"Bearer {token}"}
    server = (tool or "leads").partition("_")[0]
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return await http.post(f"/{server}/mcp", json=body, headers=headers)


async def statuses(http: httpx.AsyncClient, number: int, tool: str | None = None) -> list[int]:
    return [(await call(http, tool)).status_code for _ in range(number)]


@pytest.fixture
def limited(settings: Settings, redis_handle: RedisHandle) -> Callable[..., Settings]:
    def make(**values: Any) -> Settings:
        return settings.model_copy(update={"redis_url": redis_handle.url, "rate_limit": "3/hour", **values})

    return make


async def test_too_many_calls_are_told_when_to_come_back(limited: Any, sqlite_store: Store) -> None:
    async with served(sqlite_store, limited()) as http:
        assert await statuses(http, 3) == [200, 200, 200]
        refused = await call(http)
        assert (await http.get("/health")).status_code == 200
    wait_s = int(refused.headers["retry-after"])
    assert 0 < wait_s <= 3600
    assert (refused.status_code, refused.json()) == (
        429,
        {
            "error": "rate_limited",
            "message": f"Too many calls: 3 per 1 hour are allowed; send the next one in {wait_s} s.",
        },
    )


async def test_replicas_count_together_and_each_peer_by_itself(limited: Any, sqlite_store: Store) -> None:
    async with served(sqlite_store, limited()) as one, served(sqlite_store, limited()) as other:
        assert [*await statuses(one, 2), *await statuses(other, 2)] == [200, 200, 200, 429]
    async with served(sqlite_store, limited(), client="127.0.0.2") as http:
        assert await statuses(http, 3) == [200, 200, 200]


async def test_a_tool_has_a_limit_of_its_own_and_writing_ones_share_a_figure(limited: Any, sqlite_store: Store) -> None:
    tools = {"leads_export": "1/hour", "*write": "2/hour"}
    async with served(sqlite_store, limited(rate_limit="100/hour", rate_limit_tools=tools)) as http:
        assert await statuses(http, 2, "leads_export") == [200, 429]
        assert await statuses(http, 3, "leads_save_segment") == [200, 200, 429]
        assert await statuses(http, 2, "leads_tag") == [200, 200]
        assert await statuses(http, 4, "leads_list_segments") == [200] * 4
        refused = await call(http, "leads_export")
    assert refused.json()["message"].startswith("Too many calls of leads_export: 1 per 1 hour are allowed;")


async def test_each_principal_has_its_own_whatever_its_address(limited: Any, sqlite_store: Store) -> None:
    settings = limited(auth_local=True)

    def token(subject: str) -> str:
        return make_token(
            settings,
            workspace="default",
            scopes=[Scope.LEADS_READ],
            subject=subject,
            audience=settings.audience,
            now=datetime.now(UTC),
            lifetime=timedelta(minutes=1),
        )

    ada, bob = token("ada"), token("bob")
    async with served(sqlite_store, settings) as http:
        assert [(await call(http, token=ada)).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert [(await call(http, token=bob)).status_code for _ in range(4)] == [200, 200, 200, 429]
        # No token, no count: what anybody sends uses up nobody's calls.
        assert {(await call(http)).status_code for _ in range(5)} == {401}


async def test_nothing_in_redis_tells_who_called(limited: Any, sqlite_store: Store, redis_handle: RedisHandle) -> None:
    async with served(sqlite_store, limited()) as http:
        await call(http)
    (key,) = map(str, redis_handle.client.keys("overture:limit*"))
    assert "127.0.0.1" not in key


async def test_with_redis_away_from_the_start_the_same_figures_hold(limited: Any, sqlite_store: Store) -> None:
    with structlog.testing.capture_logs() as logs:
        async with served(sqlite_store, limited(redis_url=AWAY)) as http:
            assert await statuses(http, 5) == [200, 200, 200, 429, 429]
    assert [line["event"] for line in logs].count("limits_counted_by_each_process") == 1


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis.acquire(tmp_path / "redis") as server:
        yield server


async def test_with_redis_gone_in_the_middle_the_same_figures_hold(
    limited: Any, sqlite_store: Store, own_redis: EmbeddedRedis
) -> None:
    async with served(sqlite_store, limited(redis_url=own_redis.url)) as http:
        assert await statuses(http, 4) == [200, 200, 200, 429]
        own_redis.close()
        # This process starts to count anew: at most the same number once more.
        assert await statuses(http, 5) == [200, 200, 200, 429, 429]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"rate_limit": "often"},
            "OVERTURE_RATE_LIMIT is 'often'; it looks like 600/minute, or 10/second;600/minute, with 1 to 1,000,000 "
            "calls in at most a day.",
        ),
        ({"rate_limit": "0/minute"}, "OVERTURE_RATE_LIMIT is '0/minute'; it looks like"),
        ({"rate_limit": "10/0minute"}, "OVERTURE_RATE_LIMIT is '10/0minute'; it looks like"),
        ({"rate_limit": "10 per 00 minutes"}, "OVERTURE_RATE_LIMIT is '10 per 00 minutes'; it looks like"),
        ({"rate_limit": "5/second;10/25hour"}, "OVERTURE_RATE_LIMIT is '5/second;10/25hour'; it looks like"),
        ({"rate_limit": "10/99999999999year"}, "OVERTURE_RATE_LIMIT is '10/99999999999year'; it looks like"),
        ({"rate_limit": "1000001/minute"}, "OVERTURE_RATE_LIMIT is '1000001/minute'; it looks like"),
        ({"rate_limit_tools": {"*write": "10/0minute"}}, "OVERTURE_RATE_LIMIT_TOOLS for *write is '10/0minute'"),
        ({"rate_limit_tools": {"leads_export": "5/fortnight"}}, "OVERTURE_RATE_LIMIT_TOOLS for leads_export is"),
        ({"rate_limit_tools": {"leads_exprt": "5/day"}}, "OVERTURE_RATE_LIMIT_TOOLS names 'leads_exprt', which is no"),
    ],
)
async def test_a_limit_that_says_nothing_is_refused_at_the_start(
    limited: Any, sqlite_store: Store, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_app(Runtime(limited(**values), sqlite_store))
    assert caught.value.message.startswith(sentence)


@pytest.mark.parametrize("limit", ["1000000/day", "1/24hour", "10 per 30 minutes", "1/86400second;5/second"])
async def test_a_limit_of_at_most_a_day_is_taken(limited: Any, sqlite_store: Store, limit: str) -> None:
    async with served(sqlite_store, limited(rate_limit=limit)) as http:
        assert await statuses(http, 1) == [200]


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example", "app.example", "https://app.example/", "https://a@b.example"]
)
def test_an_origin_is_named_in_full(origin: str) -> None:
    values: dict[str, Any] = {"_env_file": None, "auth_local": True, "allowed_origins": [origin]}
    with pytest.raises(ValueError, match="OVERTURE_ALLOWED_ORIGINS has"):
        Settings(**values)


ASKING = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version",
}


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://desk.example", 200),
        ("https://overture.example", 200),
        ("http://localhost:6274", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_a_page_of_a_named_origin_may_ask_without_a_token_and_read_the_answer(
    limited: Any, sqlite_store: Store, origin: str, status: int
) -> None:
    named = {"public_url": "https://overture.example", "allowed_origins": ["https://desk.example"], "auth_local": True}
    async with served(sqlite_store, limited(**named)) as http:
        headers = {"Host": "overture.example", "Origin": origin}
        asked = await http.options("/leads/mcp", headers={**headers, **ASKING})
        refused = await http.post("/leads/mcp", json={}, headers={**MCP_HEADERS, **headers})
    allowed = origin if status == 200 else None
    assert (asked.status_code, asked.headers.get("access-control-allow-origin")) == (status, allowed)
    assert refused.headers.get("access-control-allow-origin") == allowed
    assert refused.status_code == (401 if status == 200 else 403)
    if status == 200:
        assert {name.strip() for name in refused.headers["access-control-expose-headers"].split(",")} == {
            "WWW-Authenticate",
            "Mcp-Session-Id",
            "MCP-Protocol-Version",
            "Retry-After",
        }


@pytest.mark.parametrize(
    "asking",
    [
        {**ASKING, "Access-Control-Request-Method": "PUT"},
        {**ASKING, "Access-Control-Request-Headers": "x-own"},
    ],
    ids=["method", "header"],
)
async def test_a_page_that_asks_for_more_is_refused_in_the_form_of_all_refusals(
    limited: Any, sqlite_store: Store, asking: dict[str, str]
) -> None:
    async with served(sqlite_store, limited()) as http:
        answer = await http.options("/leads/mcp", headers={"Origin": "http://localhost:5173", **asking})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json()["error"] == "not_for_pages"
    assert answer.json()["message"].startswith("Pages may send POST, with no other headers of their own than Accept")
    assert answer.headers["access-control-allow-methods"] == "POST"


async def test_without_authentication_pages_of_this_machine_alone_may_ask(limited: Any, sqlite_store: Store) -> None:
    async with served(sqlite_store, limited(public_url="https://hooks.example")) as http:
        found = {
            origin: (await http.options("/leads/mcp", headers={"Origin": origin, **ASKING})).status_code
            for origin in ("http://localhost:5173", "https://hooks.example", "http://localhost.evil.example:80")
        }
    assert found == {
        "http://localhost:5173": 200,
        "https://hooks.example": 403,
        "http://localhost.evil.example:80": 403,
    }


@pytest.mark.parametrize("path", ["/health", "/nothing", "/leads/mcp", "/messaging/unsubscribe/msg_1/00", "/metrics"])
async def test_every_answer_keeps_browsers_and_caches_careful(limited: Any, sqlite_store: Store, path: str) -> None:
    async with served(sqlite_store, limited(public_url="https://overture.example")) as http:
        answer = await http.get(path)
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers.get_list("content-security-policy")[0].startswith("default-src 'none'")
    assert "no-store" in headers["cache-control"]
    assert headers["strict-transport-security"].startswith("max-age=")


async def test_without_tls_no_browser_is_told_to_use_it(limited: Any, sqlite_store: Store) -> None:
    async with served(sqlite_store, limited()) as http:
        assert "strict-transport-security" not in (await http.get("/health")).headers


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/leads/mcp", 4 * 2**20),
        ("/messaging/webhooks/sendgrid/events", 5 * 2**20),
        ("/messaging/webhooks/twilio/status", 256 * 2**10),
        ("/stripe/webhooks/events", 2**20),
    ],
)
async def test_no_body_is_larger_than_it_may_be(
    limited: Any, sqlite_store: Store, path: str, most: int, chunked: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(most // 2**16 + 1):
            yield b" " * 2**16

    async with served(sqlite_store, limited()) as http:
        content = pieces() if chunked else b" " * (most + 1)
        refused = await http.post(path, content=content, headers=MCP_HEADERS)
    assert (refused.status_code, json.loads(refused.text)["error"]) == (413, "too_large")
