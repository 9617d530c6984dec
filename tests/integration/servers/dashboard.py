"""A browser at the dashboard, without and with a session, for tests that speak to it by HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from overture_core.storage.store import Store
from overture_core.workspaces.page_sessions import make_link
from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime

BASE = "http://127.0.0.1:8765"
COOKIE = "overture-8765"
OURS = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def browser(runtime: Runtime, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a session, at an application on the desk's store."""
    served = Runtime(runtime.settings.model_copy(update=settings), runtime.store)
    transport = httpx.ASGITransport(create_app(served), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


def link(store: Store, workspace: str = "default") -> str:
    with store.begin(workspace, actor="test") as work:
        return make_link(work, "ada")


async def opened(client: httpx.AsyncClient, key: str, **headers: str) -> httpx.Response:
    return await client.post("/open", data={"key": key}, headers={**OURS, **headers})


async def entered(client: httpx.AsyncClient, store: Store, workspace: str = "default") -> str:
    """Open a session; returns what its forms carry."""
    assert (await opened(client, link(store, workspace))).status_code == 303
    return csrf_of((await client.get("/")).text)


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{32})"', page)
    assert found is not None, page
    return found[1]


async def waiting(desk: Any) -> dict[str, Any]:
    await desk.filled()
    plan: dict[str, Any] = await desk.planned()
    return plan


def address(plan: dict[str, Any]) -> str:
    return f"/page/approvals/{plan['approval']['id']}"


async def launched(http: httpx.AsyncClient, desk: Any) -> str:
    """Plan, approve and launch a campaign; returns its page's address."""
    plan = await waiting(desk)
    carried = {"csrf": await entered(http, desk.runtime.store)}
    approving = {**carried, "decision": "approve", "content_hash": plan["content_hash"]}
    assert (await http.post(address(plan), data=approving, headers=OURS)).status_code == 303
    gone = await http.post(f"/page/plans/{plan['plan_id']}/launch", data=carried, headers=OURS)
    assert gone.status_code == 303
    return str(gone.headers["Location"])
