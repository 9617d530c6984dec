"""Two workspaces in one server process, each with somebody who has a token for it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.storage.schema import Reply
from overture_core.storage.store import Store
from overture_core.workspaces.service import ensure_workspace
from overture_queue.broker import RedisHandle
from overture_servers.http.app import create_app
from overture_servers.http.local_tokens import make_token
from overture_servers.runtime import Runtime
from overture_servers.scopes import Scope

BASE = "http://127.0.0.1:8765"
RIVAL = "rival"
MARK = "zqx"  # in every text of the rival's
FILE = f"""First Name,E-mail,Company,Last Contact,Consent,linkedin_url
{MARK}-first,{MARK}@rival.example,{MARK}-company,2024-03-01,email,https://www.linkedin.com/in/{MARK}
{MARK}-bad,no address,{MARK}-company,2024-03-01,email,
"""
# Who looks like that lead, and something new of them.
AGAIN = f"""First Name,Last Name,E-mail,Company
{MARK}-first,{MARK}-last,{MARK}-2@rival.example,{MARK}-company
{MARK}-first,{MARK}-last,{MARK}-3@rival.example,{MARK}-company
{MARK}-first,{MARK}-last,{MARK}@rival.example,{MARK}-company
"""
SIGNALS = f"""email,kind,date,note
{MARK}@rival.example,funding,2026-11-01,{MARK}
{MARK}@rival.example,hiring,2026-11-02,{MARK}
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, wait_for: Any, warm_programs: Path) -> Iterator[tuple[str, Path]]:
    """The sandbox providers as a process; their address, and the data folder that has their keys."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    folder = tmp_path_factory.mktemp("sandbox")
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "OVERTURE_DATA_DIR": str(folder), "OVERTURE_SANDBOX_URL": url}
    with (folder / "log").open("wb") as log:
        command = [str(warm_programs / "overture"), "sandbox"]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(listens, deadline=150)
        yield url, folder
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def runtime(store: Store, redis_handle: RedisHandle, sandbox: tuple[str, Path]) -> Iterator[Runtime]:
    """Both workspaces on one store, each with its own sender."""
    url, folder = sandbox
    where = {"database_url": store.settings.effective_database_url, "redis_url": redis_handle.url, "data_dir": folder}
    store.settings = store.settings.model_copy(update={**where, "auth_local": True, "sandbox_url": url})
    theirs = store.settings.model_copy(update={"email_from": f"{MARK}@sender.example", "sms_from": "+15005550099"})
    other = Store(theirs, store.clock)
    with other.begin(RIVAL, actor="test", check=False) as work:
        ensure_workspace(work)
    other.close()
    opened = Runtime(store.settings, store)
    yield opened
    opened.close()


@dataclass
class Principal:
    """Somebody with a token for a workspace."""

    app: Any
    runtime: Runtime
    workspace: str

    @asynccontextmanager
    async def at(self, server: str) -> AsyncIterator[Client]:
        token = make_token(
            self.runtime.settings,
            workspace=self.workspace,
            scopes=list(Scope),
            subject=self.workspace,
            audience=BASE,
            now=datetime.now(UTC),
            lifetime=timedelta(hours=1),
        )
        headers = {"Authorization": f"Bearer {token}"}
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url=BASE, headers=headers, timeout=60)
        async with http, Client(streamable_http_client(f"{BASE}/{server}/mcp", http_client=http)) as client:
            yield client

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that works."""
        result = await self.say(tool, **arguments)
        assert not result.is_error, result.content
        return dict(result.structured_content or {})

    async def say(self, tool: str, **arguments: Any) -> CallToolResult:
        async with self.at(tool.partition("_")[0]) as client:
            result = await client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        return result


@dataclass
class Theirs:
    """What the rival has, by name."""

    ids: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> str:
        return self.ids[name]


@pytest.fixture
async def app(runtime: Runtime) -> AsyncIterator[Any]:
    made = create_app(runtime)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def mine(app: Any, runtime: Runtime) -> Principal:
    """Somebody with a token for the workspace `default`."""
    return Principal(app, runtime, "default")


@pytest.fixture
def rival(app: Any, runtime: Runtime) -> Principal:
    """Somebody with a token for the other."""
    return Principal(app, runtime, RIVAL)


@pytest.fixture
async def theirs(rival: Principal, runtime: Runtime) -> Theirs:
    """One of everything, made by the rival through the same servers."""
    name = f"{MARK}-name"
    named = {"filename": f"{MARK}.csv"}
    report = await rival.call("leads_import_file", content=FILE, save_mapping=name, tags=[name], **named)
    assert (report["created"], report["rejected"]) == (1, 1)
    lead = (await rival.call("leads_search"))["leads"][0]["id"]
    again = await rival.call("leads_import_file", content=AGAIN, **named)
    assert (again["created"], again["merged"]) == (2, 1)
    change = (await rival.call("leads_list", what="merges", id=lead))["records"][0]["id"]
    assert (await rival.call("leads_import_file", content=SIGNALS, kind="signals"))["created"] == 2
    signal = (await rival.call("leads_list", what="signals"))["records"][0]["id"]
    await rival.call("leads_save_segment", name=name, where="dormant_days >= 90 and consent.email = yes")
    await rival.call("leads_suppress", kind="email", value=f"{MARK}-gone@rival.example")
    export = await rival.call("leads_export")
    erasure = await rival.call("leads_erase", lead_id=lead)
    text = {"subject": MARK, "body": f"{MARK} {{{{ first_name }}}}"}
    await rival.call("messaging_save_template", name=name, channel="email", **text)
    campaign = {"name": name, "segment": name, "templates": {"email": name}}
    plan = await rival.call("messaging_plan_campaign", **campaign)
    assert plan["recipients"] == 1, plan
    operation = await rival.call("messaging_send_message", lead_id=lead, template=name)
    task = await rival.call("linkedin_prepare_task", lead_id=lead, kind="message", text=MARK)
    customer = (await rival.call("stripe_ensure_customer", lead_id=lead))["result"]["id"]
    asked = await rival.call("stripe_create_price", product=MARK, amount=4900, currency="usd")
    with runtime.store.begin(RIVAL, actor="test") as work:
        approvals.decide(work, asked["approval_id"], approve=True, by="test", via=Via.CLI)
        work.session.add(
            Reply(
                id="reply_zqx",
                workspace_id=RIVAL,
                lead_id=lead,
                channel="email",
                body=f"{MARK} said",
                intent="other",
                received_at=work.now(),
            )
        )
    price = (await rival.call("stripe_run_approved", operation_id=asked["id"]))["result"]["id"]
    return Theirs(
        {
            **{"lead": lead, "name": name, "import_": report["import_id"], "plan": plan["plan_id"]},
            **{"approval": plan["approval"]["id"], "operation": operation["id"], "task": task["id"]},
            **{"customer": customer, "price": price, "reply": "reply_zqx", "export": export["id"]},
            **{"email": f"{MARK}@rival.example", "asked": asked["id"], "change": change},
            **{"again": again["import_id"], "signal": signal, "erasure": erasure["id"]},
        }
    )
