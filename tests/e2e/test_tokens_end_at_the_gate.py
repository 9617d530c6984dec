"""A token goes nowhere: not to a provider, a child process, a job, the database or a log."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from overture_servers.scopes import Scope

pytestmark = pytest.mark.anyio
FILE = "First Name,E-mail,Last Contact,Consent\nAda,ada@northwind.example,2024-03-01,email\n"


async def call(base: str, token: str, tool: str, **arguments: Any) -> CallToolResult:
    server = tool.partition("_")[0]
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    async with http, Client(streamable_http_client(f"{base}/{server}/mcp", http_client=http)) as client:
        result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


def everything(folder: Path) -> dict[str, bytes]:
    """What every process wrote down: logs, databases, the queue."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_nothing_that_a_token_did_holds_any_of_it(start: Any, wait_for: Any) -> None:
    with start(auth_local=True) as system:
        scopes = [word for each in Scope for word in ("--scope", each)]
        token = system.overture("token", *scopes)["token"]
        expired = f"{token[:-8]}AAAAAAAA"
        done = [
            await call(system.http, token, "leads_import_file", content=FILE),
            await call(system.http, token, "leads_save_segment", name="all", where=""),
            await call(system.http, token, "messaging_save_template", name="t", channel="email", subject="x", body="x"),
            await call(
                system.http, token, "messaging_plan_campaign", name="c", segment="all", templates={"email": "t"}
            ),
            await call(system.http, token, "messaging_simulate_campaign", campaign="c"),
        ]
        assert [each.content for each in done if each.is_error] == []
        plan = done[3].structured_content or {}
        system.overture("approvals", "approve", plan["approval"]["id"])
        launched = await call(system.http, token, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert not launched.is_error, launched.content
        lead = (await call(system.http, token, "leads_search")).structured_content or {}
        customer = await call(system.http, token, "stripe_ensure_customer", lead_id=lead["leads"][0]["id"])
        assert not customer.is_error, customer.content
        await call(system.http, token, "leads_get_lead", lead_id="none")
        async with httpx2.AsyncClient() as http:
            bad = await http.post(f"{system.http}/leads/mcp", headers={"Authorization": f"Bearer {expired}"})
            assert bad.status_code == 401
        wait_for(lambda: system.summary()["accepted"] == 1, deadline=60)
        folder = system.settings.data_dir
    found = everything(folder)
    assert any(name.endswith("servers.log") for name in found)
    with sqlite3.connect(folder / "overture.db") as database:
        dump = "\n".join(database.iterdump()).encode()
    parts = [part.encode() for part in (*token.split("."), expired.rpartition(".")[2])]
    assert [name for name, text in {**found, "dump": dump}.items() if any(part in text for part in parts)] == []
    assert b"overture-token as " in dump  # who did it is on record
