"""Who may look at the dashboard and act on it: a session opened outside of a model's sight, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextResourceContents
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.settings import Settings
from overture_core.storage.schema import Base
from overture_core.storage.store import Store
from overture_core.workspaces.page_sessions import LINK_LIFE, SESSION_LIFE
from overture_core.workspaces.service import ensure_workspace
from overture_queue.broker import RedisHandle
from overture_servers.http.local_tokens import make_token
from overture_servers.registry import NAMES, creator
from overture_servers.runtime import Runtime
from overture_servers.scopes import Scope
from overture_servers.ui.visitors import IDLE
from tests.dashboard_scene import SHOWS_APPS, words
from tests.integration.servers.dashboard import (
    BASE,
    COOKIE,
    OURS,
    address,
    browser,
    csrf_of,
    entered,
    link,
    opened,
    waiting,
)
from tests.sandbox_process import running_sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def mode() -> str:
    """The newer protocol era alone: what is tried here is the same in both."""
    return "auto"


@pytest.fixture
def runtime(store: Store, redis_handle: RedisHandle) -> Iterator[Runtime]:
    """What the servers run on, on each database in turn."""
    opened = Runtime(store.settings.model_copy(update={"redis_url": redis_handle.url}), store)
    yield opened
    opened.close()


def approval(plan: dict[str, Any], csrf: str, **more: str) -> dict[str, str]:
    return {"csrf": csrf, "decision": "approve", "content_hash": plan["content_hash"], **more}


async def state(desk: Any, plan: dict[str, Any]) -> str:
    async with desk.messaging() as client:
        found = await desk.call(client, "messaging_get_campaign", campaign=plan["campaign"])
    return str(found["approval"]["state"])


async def test_a_link_opens_one_session_and_the_person_approves_what_they_read(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with browser(runtime) as http:
        key = link(runtime.store)
        assert "Open the dashboard" in (await http.get("/open", params={"key": key})).text
        answer = await opened(http, key)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
        assert {"HttpOnly", "Path=/", "SameSite=strict"} < set(cookie.split("; "))
        page = (await http.get(address(plan))).text
        assert plan["content_hash"] in page
        made = await http.post(address(plan), data=approval(plan, csrf_of(page)), headers=OURS)
        assert (made.status_code, made.headers["Location"]) == (303, address(plan))
    async with desk.messaging() as client:
        launched = await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert (launched["approved_by"], launched["approved_via"]) == ("ada", "web")


async def test_a_link_is_used_once_and_soon(runtime: Runtime, clock: ManualClock) -> None:
    store = runtime.store
    async with browser(runtime) as http, browser(runtime) as other:
        key, late = link(store), link(store)
        assert (await opened(http, key)).status_code == 303
        again = await opened(other, key)
        assert (again.status_code, "it was used, or is over" in again.text) == (403, True)
        clock.advance(LINK_LIFE)
        assert (await opened(other, late)).status_code == 403
        assert (await opened(other, "nonsense")).status_code == 403
        assert other.cookies.get(COOKIE) is None
        # What fetches a link ahead of the person spends nothing.
        fresh = link(store)
        for _ in range(2):
            assert (await other.get("/open", params={"key": fresh})).status_code == 200
        assert (await opened(other, fresh)).status_code == 303


async def test_a_session_ends_unused_after_its_time_and_when_it_is_left(runtime: Runtime, clock: ManualClock) -> None:
    store = runtime.store
    async with browser(runtime) as http:
        await entered(http, store)
        for _ in range(SESSION_LIFE // (IDLE / 2) - 1):
            clock.advance(IDLE / 2)
            assert (await http.get("/")).status_code == 200
        clock.advance(IDLE / 2)
        assert (await http.get("/")).status_code == 401  # used all the time, and over
        await entered(http, store)
        clock.advance(IDLE + timedelta(seconds=1))
        assert (await http.get("/")).status_code == 401
        csrf = await entered(http, store)
        kept = http.cookies[COOKIE]
        assert (await http.post("/page/leave", data={"csrf": csrf}, headers=OURS)).status_code == 303
        http.cookies.set(COOKIE, kept, domain="127.0.0.1")
        assert (await http.get("/")).status_code == 401


async def test_a_cookie_that_was_changed_opens_nothing(runtime: Runtime) -> None:
    async with browser(runtime) as http:
        await entered(http, runtime.store)
        secret, seen, signature = http.cookies[COOKIE].split(".")
        later = str(int(seen) + 1)
        http.cookies.clear()
        for wrong in (f"{secret}.{later}.{signature}", f"{secret}.{seen}.{'0' * 32}", secret, "..", "a.b.c", "a.1.b"):
            answer = await http.get("/", headers={"Cookie": f"{COOKIE}={wrong}"})
            assert (wrong, answer.status_code) == (wrong, 401)
        assert (await http.get("/", headers={"Cookie": f"{COOKIE}={secret}.{seen}.{signature}"})).status_code == 200


async def test_a_form_that_is_not_of_this_session_or_of_another_page_does_nothing(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with browser(runtime) as http, browser(runtime) as bob:
        csrf, theirs = await entered(http, runtime.store), await entered(bob, runtime.store)
        good = approval(plan, csrf)
        foreign = [
            {},
            {"Origin": "null"},
            {"Origin": "https://evil.example"},
            {"Origin": "http://127.0.0.1:9999"},
            {"Origin": "https://127.0.0.1:8765"},
            {**OURS, "Sec-Fetch-Site": "same-site"},
            {**OURS, "Sec-Fetch-Site": "cross-site"},
        ]
        for headers in foreign:
            assert (await http.post(address(plan), data=good, headers=headers)).status_code == 403
        for token in (None, "", "0" * 32, theirs, "é"):
            fields = {name: value for name, value in {**good, "csrf": token}.items() if value is not None}
            refused = await http.post(address(plan), data=fields, headers=OURS)
            assert (refused.status_code, "not of your session" in refused.text) == (403, True)
        for path in ("/page/stop", "/page/leave", f"/page/plans/{plan['plan_id']}/launch"):
            assert (await http.post(path, data={"csrf": theirs}, headers=OURS)).status_code == 403
        assert (await http.post(address(plan), content=b"\xff=\xff", headers=OURS)).status_code == 403
        assert (await http.post(address(plan), content=b"x" * 20_000, headers=OURS)).status_code == 413
        assert (await http.get("/")).status_code == 200
    assert await state(desk, plan) == "pending"


async def test_another_content_than_was_shown_is_not_approved(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with browser(runtime) as http:
        csrf = await entered(http, runtime.store)
        await desk.planned()  # again, for the same leads: the page that is open shows what was before
        stale = await http.post(address(plan), data=approval(plan, csrf), headers=OURS)
        assert stale.status_code == 409
        async with desk.messaging() as client:
            now = await desk.call(client, "messaging_get_campaign", campaign=plan["campaign"])
        newest = f"/page/approvals/{now['approval']['id']}"
        for seen in ("", "0" * 64, plan["content_hash"]):
            refused = await http.post(newest, data=approval(plan, csrf, content_hash=seen), headers=OURS)
            assert refused.status_code == 409
        assert (await http.post(newest, data={"csrf": csrf}, headers=OURS)).status_code == 409
    assert await state(desk, plan) == "pending"


async def test_nothing_of_another_workspace_is_seen_or_changed(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    store = runtime.store
    with store.begin("rival", actor="test", check=False) as work:
        ensure_workspace(work)
    async with desk.leads() as client:
        (lead, *_) = (await desk.call(client, "leads_search"))["leads"]
    async with browser(runtime) as http:
        csrf = await entered(http, store, "rival")
        assert "rival" in (await http.get("/")).text
        for path in (
            address(plan),
            f"{address(plan)}/samples/0",
            f"/page/campaigns/{plan['campaign_id']}",
            f"/page/leads/{lead['id']}",
        ):
            answer = await http.get(path)
            assert (path, answer.status_code, plan["content_hash"] in answer.text) == (path, 404, False)
        for path in ("/", "/page/approvals", "/page/replies", "/page/leads", "/page/senders", "/page/system"):
            page = (await http.get(path)).text
            assert [word for word in ("Spring", "northwind", plan["campaign_id"]) if word in page] == []
        for path, fields in (
            (address(plan), approval(plan, csrf)),
            (f"/page/plans/{plan['plan_id']}/launch", {"csrf": csrf}),
            (f"/page/campaigns/{plan['campaign_id']}", {"csrf": csrf, "action": "cancel"}),
        ):
            assert (await http.post(path, data=fields, headers=OURS)).status_code == 404
    assert await state(desk, plan) == "pending"


async def test_reading_changes_nothing(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with browser(runtime) as http:
        await entered(http, runtime.store)
        before = contents(runtime.store)
        for path in (
            *("/", "/page/approvals", address(plan), f"/page/campaigns/{plan['campaign_id']}"),
            *("/page/replies", "/page/leads?find=ada", "/page/senders", "/page/system", "/page/revenue"),
            "/open?key=nothing",
        ):
            assert (path, (await http.get(path)).status_code) == (path, 200)
        for path in ("/page/stop", "/page/leave", f"/page/plans/{plan['plan_id']}/launch"):
            assert (await http.get(path)).status_code == 405
        assert contents(runtime.store) == before


def contents(store: Store) -> dict[str, list[Any]]:
    with store.look() as connection:
        return {name: list(connection.execute(select(table))) for name, table in Base.metadata.tables.items()}


async def test_a_client_with_everything_that_tools_ever_returned_can_not_approve(
    desk: Any, runtime: Runtime, settings: Settings, warm_programs: Path
) -> None:
    plan = await waiting(desk)
    link(runtime.store)  # a person's, which nobody used yet
    async with browser(runtime) as person:
        await entered(person, runtime.store)
    with running_sandbox(settings.data_dir, program=[str(warm_programs / "sandbox")]) as sandbox:
        at_sandbox = Runtime(runtime.settings.model_copy(update={"sandbox_url": sandbox}), runtime.store)
        at_sandbox.has_page()
        told = await everything(desk, at_sandbox, plan)
    known = words(told)
    assert {plan["approval"]["id"], plan["content_hash"]} < known
    # The link that connects LinkedIn has a state, and the price waits for an approval of its own.
    assert re.search(r"state=[A-Za-z0-9_-]{43}", str(told)) is not None
    assert len({word for word in known if word.startswith(plan["approval"]["id"].partition("_")[0] + "_")}) >= 2
    addresses = {BASE + path for each in told for path in re.findall(rf"{BASE}(/page/[a-zA-Z0-9_/]+)", each)}
    assert BASE + address(plan) in addresses  # as a host of the App is told it
    token = make_token(
        runtime.settings,
        workspace="default",
        scopes=list(Scope),
        subject="ada",
        audience=BASE,
        now=datetime.now(UTC),
        lifetime=timedelta(hours=1),
    )
    async with browser(runtime, auth_local=True) as http:
        bearer = {"Authorization": f"Bearer {token}"}
        for word in sorted({*known, token}):
            assert (await opened(http, word, **bearer)).status_code == 403
            bearing = {**OURS, **bearer, "Cookie": f"{COOKIE}={word}"}
            fields = approval(plan, word)
            assert (await http.post(address(plan), data=fields, headers=bearing)).status_code == 401
        for each in addresses:
            assert (await http.get(each, headers=bearer)).status_code == 401
        assert http.cookies.get(COOKIE) is None
    assert await state(desk, plan) == "pending"


async def everything(desk: Any, runtime: Runtime, plan: dict[str, Any]) -> list[str]:
    """What every resource, every tool that reads, and those that make a link or ask for an approval tell a model, and a
    host that shows apps."""
    told = [str(plan)]
    given = {"campaign": plan["campaign"], "name": plan["campaign"], "plan_id": plan["plan_id"], "template": "hello"}
    asks: dict[str, dict[str, Any]] = {
        "linkedin_connect": {},
        "stripe_create_price": {"product": "Revival call", "amount": 4900, "currency": "EUR"},
        "messaging_launch_campaign": {"plan_id": plan["plan_id"]},
    }
    async with desk.leads() as client:
        (lead, *_) = (await desk.call(client, "leads_search"))["leads"]
    given["lead_id"] = given["lead"] = lead["id"]
    for name in NAMES:
        async with Client(creator(name)(runtime), extensions=[SHOWS_APPS]) as client:
            for tool in (await client.list_tools()).tools:
                reads = tool.annotations is not None and tool.annotations.read_only_hint
                if not reads and tool.name not in asks:
                    continue
                wanted = {each: given[each] for each in tool.input_schema.get("required", ()) if each in given}
                result = await client.call_tool(tool.name, asks.get(tool.name, wanted))
                assert isinstance(result, CallToolResult)
                told.append(result.model_dump_json())
            for each in (await client.list_resources()).resources:
                read = await client.read_resource(each.uri)
                told += [part.text for part in read.contents if isinstance(part, TextResourceContents)]
    return told
