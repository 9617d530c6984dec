"""What the tests of the dashboard look at: leads, texts and plans, made by an MCP client as a model would."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.client import advertise
from mcp.client.streamable_http import streamable_http_client
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.types import CallToolResult, TextResourceContents

HEAD = "First Name,Last Name,E-mail,Phone,Company,Country,Last Contact,Consent"
LEADS = f"""{HEAD}
Ada,Moss,ada.reply-yes@northwind.example,,Northwind,US,2024-03-01,email
Bob,Reed,bob.bounce@fabrikam.example,,Fabrikam,US,2024-03-01,email
Cleo,Lund,cleo.unsub@contoso.example,,Contoso,DE,2024-04-11,email
Dan,Hill,dan@contoso.example,,Contoso,DE,2024-03-01,
Eve,Park,eve.reply-question@tailspin.example,,Tailspin,US,2023-11-20,email
Finn,Cole,finn@litware.example,,Litware,GB,2023-09-02,email
Gia,Wolf,gia@adatum.example,,Adatum,US,2024-01-15,email
Hugo,Nash,hugo@proseware.example,,Proseware,FR,2023-12-24,email
Iris,Dunn,iris.reply-yes@wingtip.example,,Wingtip,US,2024-02-02,email
Jon,Kerr,jon.bounce@wingtip.example,,Wingtip,US,2024-02-02,email
Kim,Lowe,kim@wingtip.example,,Wingtip,US,2024-02-02,email
Lea,Marsh,lea@wingtip.example,,Wingtip,DE,2024-02-02,
"""
# Markup in a lead's own name: it must be read, never obeyed.
_NAME = "<img src=x onerror=document.title='owned'>,<script>document.title='owned'</script>"
HOSTILE = f"{HEAD}\n{_NAME},mal@evil.example,,<b>Evil</b>,US,2024-01-01,email\n"
HTML = """<h1 style="color:#0b57a4">Hello {{ first_name }}</h1>
<p>Last year we talked about a pilot for <strong>{{ company }}</strong>. Is it still of interest?</p>
<p><a href="https://overture.example/pilot">What is new since then</a></p>"""

SHOWS_APPS = advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})  # of a client: its host knows MCP Apps


class Model:
    """A client as a model holds it: what its tools returned is all that it knows."""

    def __init__(self, http: str, told: list[str], token: str | None = None) -> None:
        self._http, self.told, self._token = http, told, token

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its structured result."""
        # In a thread of its own: Playwright keeps an event loop in this one.
        with start_blocking_portal() as portal:
            found: dict[str, Any] = portal.call(self._call, tool, arguments)
        return found

    def refused(self, tool: str, **arguments: Any) -> str:
        """Call a tool that fails and return what it says."""
        with start_blocking_portal() as portal:
            said: str = portal.call(self._refused, tool, arguments)
        return said

    def read_everything(self) -> None:
        """Read every resource that the servers list."""
        with start_blocking_portal() as portal:
            portal.call(self._read)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await self._answer(tool, arguments)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        structured: dict[str, Any] = result.structured_content
        return structured

    async def _refused(self, tool: str, arguments: dict[str, Any]) -> str:
        result = await self._answer(tool, arguments)
        assert result.is_error
        return str(result.content[0].text)  # type: ignore[union-attr]

    async def _answer(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        server = tool.partition("_")[0]
        async with self._client(server) as client:
            result = await client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        self.told.append(result.model_dump_json())
        return result

    async def _read(self) -> None:
        for server in ("leads", "messaging", "linkedin", "stripe"):
            async with self._client(server) as client:
                for each in (await client.list_resources()).resources:
                    read = await client.read_resource(each.uri)
                    self.told += [part.text for part in read.contents if isinstance(part, TextResourceContents)]

    @asynccontextmanager
    async def _client(self, server: str) -> AsyncIterator[Client]:
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        http = httpx2.AsyncClient(headers=headers, timeout=60)
        async with http, Client(streamable_http_client(f"{self._http}/{server}/mcp", http_client=http)) as client:
            yield client


def filled(model: Model) -> None:
    """Import leads, and save two segments with nobody in common and two templates, of which `pilot` has HTML."""
    for leads in (LEADS, HOSTILE):
        model.call("leads_import_file", content=leads)
    model.call("leads_save_segment", name="wingtip", where='company = "Wingtip"')
    model.call("leads_save_segment", name="dormant", where='dormant_days >= 90 and not company = "Wingtip"')
    model.call(
        "messaging_save_template",
        name="pilot",
        channel="email",
        subject="Hello {{ first_name }}",
        body="Hello {{ first_name }}, is a pilot for {{ company }} still of interest?",
        body_html=HTML,
    )
    model.call(
        "messaging_save_template",
        name="reminder",
        channel="email",
        subject="One more thing, {{ first_name }}",
        body="{{ first_name }}, shall we close this, or talk next week?",
    )


def planned(model: Model, name: str, **more: Any) -> dict[str, Any]:
    """Plan a campaign for the segment."""
    asked = {"segment": "dormant", "templates": {"email": "pilot"}, **more}
    return model.call("messaging_plan_campaign", name=name, **asked)


def words(told: list[str]) -> set[str]:
    """Return every word of what a model was told that is long enough to be a secret."""
    return set(re.findall(r"[A-Za-z0-9_.-]{16,}", "\n".join(told)))
