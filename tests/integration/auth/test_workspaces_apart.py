"""Two workspaces in one server process: with a token for one, nothing of the other is read or changed.

Every tool, resource, prompt and completion that there is has to be in the lists here: a new one fails until it is.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ResourceTemplateReference
from sqlalchemy import MetaData, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.storage.schema import Reply
from overture_core.storage.store import Store
from overture_core.workspaces.service import ensure_workspace
from overture_queue.broker import RedisHandle
from overture_servers.http.app import create_app
from overture_servers.http.local_tokens import make_token
from overture_servers.registry import NAMES, creator
from overture_servers.runtime import Runtime
from overture_servers.scopes import Scope

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:8765"
RIVAL = "rival"
MARK = "zqx"  # in every text of the rival's
# These make something of one's own under a name that the rival has too.
SHOWING = (
    *("leads_search", "leads_get_lead", "leads_trace_lead", "leads_preview_segment", "leads_list_segments"),
    *("leads_list_suppressions", "leads_score", "messaging_list_templates", "messaging_preview_template"),
    *("messaging_get_campaign", "messaging_list_campaigns", "messaging_list_replies", "messaging_list_tasks"),
    *("messaging_simulate_campaign", "stripe_get_account", "stripe_find"),
)
LAST = ("leads_save_segment", "messaging_save_template", "leads_upsert_lead", "leads_suppress")
FILE = f"""First Name,E-mail,Company,Last Contact,Consent,linkedin_url
{MARK}-first,{MARK}@rival.example,{MARK}-company,2024-03-01,email,https://www.linkedin.com/in/{MARK}
{MARK}-bad,no address,{MARK}-company,2024-03-01,email,
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, wait_for: Any) -> Iterator[tuple[str, Path]]:
    """The sandbox providers as a process; their address, and the data folder that has their keys."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    folder = tmp_path_factory.mktemp("sandbox")
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "OVERTURE_DATA_DIR": str(folder), "OVERTURE_SANDBOX_URL": url}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "overture_cli", "sandbox"]
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
async def theirs(app: Any, runtime: Runtime) -> Theirs:
    """One of everything, made by the rival through the same servers."""
    rival = Principal(app, runtime, RIVAL)
    name = f"{MARK}-name"
    report = await rival.call("leads_import_file", content=FILE, save_mapping=name, tags=[name])
    assert (report["created"], report["rejected"]) == (1, 1)
    lead = (await rival.call("leads_search"))["leads"][0]["id"]
    await rival.call("leads_save_segment", name=name, where="dormant_days >= 90")
    await rival.call("leads_suppress", kind="email", value=f"{MARK}-gone@rival.example")
    export = await rival.call("leads_export")
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
            **{"email": f"{MARK}@rival.example", "asked": asked["id"]},
        }
    )


def calls(it: Theirs) -> dict[str, list[dict[str, Any]]]:
    """For each tool, calls that would reach what the rival has, were the workspaces not apart."""
    post = "urn:li:share:7123"
    return {
        "leads_import_file": [
            {"path": f"leads://imports/{it.import_}/rejects", "dry_run": True},
            {"content": FILE.replace(MARK, "own"), "mapping": it.name, "dry_run": True},
        ],
        "leads_search": [
            {},
            {"where": f'"{MARK}"'},
            {"where": f'segment = "{it.name}"'},
            {"where": f"import = {it.import_}"},
        ],
        "leads_get_lead": [{"lead_id": it.lead}],
        "leads_trace_lead": [{"lead_id": it.lead}, {"lead_id": it.email}],
        "leads_explain_contactability": [{"lead_id": it.lead}],
        "leads_preview_segment": [{"name": it.name}, {}],
        "leads_save_segment": [{"name": it.name, "where": ""}],
        "leads_list_segments": [{}],
        "leads_suppress": [{"kind": "person", "value": it.lead}],
        "leads_list_suppressions": [{}],
        "leads_upsert_lead": [{"fields": {"email": it.email, "company": "Own"}}],
        "leads_tag": [{"tag": "own", "lead_ids": [it.lead]}, {"tag": it.name, "where": "", "remove": True}],
        "leads_record_consent": [{"lead_id": it.lead, "channel": "email", "granted": False}],
        "leads_export": [{}],
        "leads_score": [{"lead_id": it.lead}, {"segment": it.name}, {"where": ""}],
        "messaging_save_template": [{"name": it.name, "channel": "email", "subject": "Own", "body": "Own"}],
        "messaging_list_templates": [{}],
        "messaging_preview_template": [{"name": it.name, "lead_ids": [it.lead]}],
        "messaging_plan_campaign": [{"name": it.name, "segment": it.name, "templates": {"email": it.name}}],
        "messaging_launch_campaign": [{"plan_id": it.plan}],
        "messaging_send_message": [{"lead_id": it.lead, "template": it.name}],
        "messaging_get_campaign": [{"campaign": it.name}],
        "messaging_simulate_campaign": [{"campaign": it.name}],
        "messaging_get_health": [{}],
        "messaging_list_campaigns": [{}],
        "messaging_list_replies": [{}, {"campaign": it.name}, {"cursor": it.reply}],
        "messaging_list_tasks": [{}, {"done": True}],
        "messaging_complete_task": [{"task_id": it.task}],
        "messaging_stop_campaign": [{"campaign": it.name, "action": each} for each in ("pause", "resume", "cancel")],
        "messaging_stop_everything": [{}],
        "linkedin_connect": [{}],
        "linkedin_get_capabilities": [{}],
        "linkedin_get_profile": [{}],
        "linkedin_publish_post": [{"text": "Own"}],
        "linkedin_act_on_post": [{"post": post, "action": "delete"}],
        "linkedin_run_operation": [{"operation_id": it.asked}, {"operation_id": it.operation}],
        "linkedin_get_posts": [{}, {"post": post}],
        "linkedin_get_statistics": [{"page": "urn:li:organization:1"}],
        "linkedin_list_lead_forms": [{"owner": "urn:li:organization:1"}],
        "linkedin_import_leads": [{"owner": "urn:li:organization:1"}],
        "linkedin_prepare_task": [{"lead_id": it.lead, "kind": "message", "text": "Own"}],
        "stripe_get_account": [{}],
        "stripe_find": [
            {"kind": "customer", "lead_id": it.lead},
            {"kind": "customer", "id": it.customer},
            {"kind": "customer"},
            {"kind": "price", "id": it.price},
            {"kind": "product"},
            {"kind": "customer", "query": f"email:'{it.email}'"},
        ],
        "stripe_ensure_customer": [{"lead_id": it.lead}],
        "stripe_request_payment": [{"by": "payment_link", "lead_id": it.lead, "price": it.price}],
        "stripe_change": [{"action": "invoice_void", "id": "in_none"}],
        "stripe_create_price": [{"product": "Own", "amount": 100, "currency": "usd"}],
        "stripe_create_discount": [{"code": "OWN10", "percent_off": 10}],
        "stripe_refund": [{"payment": "pi_none"}],
        "stripe_report_revenue": [{}, {"campaign": it.name}],
        "stripe_report_fee": [{"campaign": it.name}],
        "stripe_run_approved": [{"operation_id": it.asked}, {"operation_id": it.operation}],
    }


def resources(it: Theirs) -> dict[str, str]:
    """For each resource and template, the address of the rival's."""
    return {
        "leads://leads/{lead_id}": f"leads://leads/{it.lead}",
        "leads://segments/{name}": f"leads://segments/{it.name}",
        "leads://imports/{import_id}": f"leads://imports/{it.import_}",
        "leads://imports/{import_id}/rejects": f"leads://imports/{it.import_}/rejects",
        "leads://imports/{import_id}/rejects/{after_line}": f"leads://imports/{it.import_}/rejects/1",
        "messaging://campaigns/{name}": f"messaging://campaigns/{it.name}",
        "messaging://templates/{name}": f"messaging://templates/{it.name}",
        "linkedin://capabilities": "linkedin://capabilities",
        "linkedin://operations/{operation_id}": f"linkedin://operations/{it.operation}",
        "stripe://account": "stripe://account",
        "stripe://revenue/{campaign}": f"stripe://revenue/{it.name}",
    }


def rows_of(store: Store, workspace: str) -> dict[str, list[Any]]:
    """Every row of a workspace, table by table."""
    found = {}
    tables = MetaData()
    tables.reflect(store.engine)
    with store.look() as connection:
        for name, table in tables.tables.items():
            if "workspace_id" in table.c:
                rows = connection.execute(select(table).where(table.c.workspace_id == workspace)).all()
                found[name] = sorted(map(repr, rows))
    return found


def told(result: CallToolResult, given: dict[str, Any]) -> str:
    """What an answer says, but for the caller's own words."""
    text = json.dumps([result.structured_content, [block.model_dump() for block in result.content]], default=str)
    # Only part of an address or a filter may be said again.
    words = {
        part for word in _words(given) for part in [str(word), *re.split(r"[/\s\"']+", str(word))] if len(part) > 2
    }
    for each in sorted(words, key=len, reverse=True):
        text = text.replace(each, "")
    return text


def _words(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [word for each in value.values() for word in _words(each)]
    return [word for each in value for word in _words(each)] if isinstance(value, list) else [value]


async def test_no_tool_reads_or_changes_anything_of_another_workspace(
    app: Any, runtime: Runtime, theirs: Theirs
) -> None:
    table = calls(theirs)
    servers = {name: creator(name)(runtime) for name in NAMES}
    there_are = [tool.name for each in servers.values() for tool in await each.list_tools()]
    assert sorted(table) == sorted(there_are)
    before = rows_of(runtime.store, RIVAL)
    assert before["leads"]
    assert before["operations"]
    mine, rival = Principal(app, runtime, "default"), Principal(app, runtime, RIVAL)
    hidden = [MARK, *(value for name, value in theirs.ids.items() if name != "name")]
    leaks = []
    for tool in sorted(table, key=LAST.__contains__):
        for arguments in table[tool]:
            said = told(await mine.say(tool, **arguments), arguments)
            leaks += [(tool, arguments, said) for each in hidden if each in said]
    assert not leaks, json.dumps(leaks, indent=1)
    # The same calls show their owner what is there, or this test would prove nothing.
    for tool in SHOWING:
        seen = [told(await rival.say(tool, **arguments), arguments) for arguments in table[tool]]
        assert any(each in said for each in hidden for said in seen), tool
    assert rows_of(runtime.store, RIVAL) == before


async def test_no_resource_shows_anything_of_another_workspace(app: Any, runtime: Runtime, theirs: Theirs) -> None:
    table = resources(theirs)
    mine, rival = Principal(app, runtime, "default"), Principal(app, runtime, RIVAL)
    listed, found, shown = [], [], {}
    for server in NAMES:
        async with mine.at(server) as client, rival.at(server) as other:
            uris = [each.uri_template for each in (await client.list_resource_templates()).resource_templates]
            uris += [str(each.uri) for each in (await client.list_resources()).resources]
            listed += uris
            for uri in uris:
                shown[uri] = await read(other, table[uri])
                found.append((await read(client, table[uri])).replace(theirs.name, "").replace(table[uri], ""))
    assert sorted(listed) == sorted(table)
    assert [answer for answer in found if MARK in answer] == []
    assert all(MARK in shown[uri] for uri in table if uri.endswith(("{lead_id}", "{name}", "rejects")))


async def read(client: Client, uri: str) -> str:
    """What a resource says, or why it does not."""
    try:
        return (await client.read_resource(uri)).model_dump_json()
    except MCPError as error:
        return error.message


async def test_one_server_neither_shows_nor_runs_what_was_asked_of_another(
    app: Any, runtime: Runtime, theirs: Theirs
) -> None:
    """Or a token for the one would do what takes a token for the other."""
    rival = Principal(app, runtime, RIVAL)
    for operation in (theirs.operation, theirs.asked):
        result = await rival.say("linkedin_run_operation", operation_id=operation)
        assert f"There is no operation '{operation}' of the linkedin server" in told(result, {})
        async with rival.at("linkedin") as client:
            assert "There is no operation" in await read(client, f"linkedin://operations/{operation}")
    result = await rival.say("stripe_run_approved", operation_id=theirs.operation)
    assert f"There is no operation '{theirs.operation}' of the stripe server" in told(result, {})


async def test_no_completion_knows_a_name_of_another_workspace(app: Any, runtime: Runtime, theirs: Theirs) -> None:
    names = ("segment", "name", "tag", "company", "import_id")
    reference = ResourceTemplateReference(type="ref/resource", uri="leads://segments/{name}")
    found: dict[str, dict[str, list[str]]] = {}
    for who in ("default", RIVAL):
        async with Principal(app, runtime, who).at("leads") as client:
            answers = {each: await client.complete(reference, {"name": each, "value": ""}) for each in names}
            found[who] = {name: answer.completion.values for name, answer in answers.items()}
    assert found["default"] == {name: [] for name in names}
    assert all(found[RIVAL].values())


async def test_no_prompt_reads_anything(app: Any, runtime: Runtime, theirs: Theirs) -> None:
    """They are words around what the caller says: the same for both workspaces."""
    said: dict[str, list[str]] = {}
    for who in ("default", RIVAL):
        said[who] = []
        for server in NAMES:
            async with Principal(app, runtime, who).at(server) as client:
                for prompt in (await client.list_prompts()).prompts:
                    arguments = {each.name: theirs.name for each in prompt.arguments or []}
                    said[who].append((await client.get_prompt(prompt.name, arguments)).model_dump_json())
    assert len(said[RIVAL]) >= 8
    assert said["default"] == said[RIVAL]


async def test_the_audit_names_the_client_and_the_subject_of_the_token(
    app: Any, runtime: Runtime, theirs: Theirs
) -> None:
    mine = Principal(app, runtime, "default")
    await mine.call("leads_save_segment", name="own", where="")
    entries = rows_of(runtime.store, "default")["audit_entries"]
    assert any("mcp:overture-token as default" in each for each in entries), entries
