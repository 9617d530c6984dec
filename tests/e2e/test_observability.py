"""One trace from a tool's call through the queue to the provider, and logs that are about no person."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import to_thread
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytestmark = pytest.mark.anyio
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
# Words that stand nowhere else; every one of them is somebody's data or a secret.
PLANTED = {
    "first name": "Zephyrine",
    "last name": "Quackenbush",
    "e-mail": "zephyrine.q",
    "telephone": "212555017",
    "company": "Wobblethorpe",
    "note": "hush-hush-note",
    "subject": "Xylophone offer",
    "secret": "sk-planted-secret-value-0123456789",
    "reply": "please-keep-this-quiet",
}
FILE = "First Name,Last Name,E-mail,Phone,Company,Notes,Country,Last Contact,Consent\n" + "".join(
    f"{PLANTED['first name']},{PLANTED['last name']},{PLANTED['e-mail']}{end}@northwind.example,"
    f"+1{PLANTED['telephone']}{number},{PLANTED['company']},{PLANTED['note']},US,2024-03-01,email\n"
    for number, end in enumerate((".reply-yes", ".bounce", ""))
)


class Collector(BaseHTTPRequestHandler):
    """Takes spans by OTLP over HTTP."""

    spans: list[tuple[str, Any]]

    def do_POST(self) -> None:
        told = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in told.resource_spans:
            (service,) = (
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            )
            self.spans += [(service, span) for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    spans: list[tuple[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Mine", (Collector,), {"spans": spans}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def exporting(collector: tuple[str, list[tuple[str, Any]]]) -> Iterator[list[tuple[str, Any]]]:
    """The environment of the processes that the test starts: spans go to the collector, at once."""
    url, spans = collector
    wanted = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_SDK_DISABLED": "false", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    yield spans
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    return dict(result.structured_content or {})


async def campaign(system: Any) -> dict[str, Any]:
    """Import, plan, approve, launch; returns the launch."""
    async with Client(f"{system.http}/leads/mcp") as leads, Client(f"{system.http}/messaging/mcp") as messaging:
        await call(leads, "leads_import_file", content=FILE)
        await call(leads, "leads_save_segment", name="all")
        words = {"subject": PLANTED["subject"], "body": "Hi {{ first_name }} {{ last_name }} of {{ company }}"}
        await call(messaging, "messaging_save_template", name="hello", channel="email", **words)
        plan = await call(
            messaging, "messaging_plan_campaign", name="Spring", segment="all", templates={"email": "hello"}
        )
        await to_thread.run_sync(system.overture, "approvals", "approve", plan["approval"]["id"])
        # Arguments that are refused, and a tool that there is none of: their words must not be in a log either.
        await messaging.call_tool("messaging_launch_campaign", {"plan_id": PLANTED["note"]})
        await leads.call_tool("leads_upsert_lead", {"fields": {"email": PLANTED["note"]}})
        await leads.call_tool(f"call {PLANTED['first name']}", {})
        for asked in (
            leads.read_resource(f"leads://leads/{PLANTED['e-mail']}@northwind.example"),
            leads.read_resource(f"leads://segments/{PLANTED['company']}"),
            leads.get_prompt(PLANTED["last name"]),
        ):
            with pytest.raises(MCPError):
                await asked
        return await call(messaging, "messaging_launch_campaign", plan_id=plan["plan_id"])


def logs(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in folder.rglob("*.log"))


async def test_a_launch_is_one_trace_across_processes_and_no_log_is_about_a_person(
    start: Any, exporting: list[tuple[str, Any]], wait_for: Any
) -> None:
    with start(sendgrid_inbound_secret=PLANTED["secret"], metrics_token=PLANTED["secret"]) as system:
        system.fault(provider="sendgrid", kind="429", count=1)
        await campaign(system)
        words = f"{PLANTED['first name']} {PLANTED['last name']}"
        asked = {"jsonrpc": "2.0", "id": words, "method": f"tools/{words}", "params": {}}
        trace = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": f"a={PLANTED['secret']}"}
        for request, method in ((words, "tools/list"), (words, f"tools/{words}"), (PLANTED["telephone"], "tools/list")):
            body = {**asked, "id": request, "method": method, "params": {"_meta": trace}}
            for known in ({}, {"Origin": words}, {"Host": words.replace(" ", "-")}):
                httpx.post(f"{system.http}/leads/mcp", json=body, headers={**HEADERS, **known}, trust_env=False)
        forged = httpx.post(
            f"{system.http}/webhooks/sendgrid/inbound/{PLANTED['secret']}x",
            data={"from": f"{PLANTED['e-mail']}@x.example", "text": PLANTED["reply"]},
            trust_env=False,
        )
        assert forged.status_code in (403, 404)
        await to_thread.run_sync(lambda: wait_for(lambda: system.summary()["accepted"] == 3, deadline=60))
        await to_thread.run_sync(
            lambda: wait_for(lambda: {"overture-http", "overture-worker"} <= {each for each, _ in exporting})
        )
        written = system.settings.data_dir
    launches = [span for _, span in exporting if span.name == "tools/call messaging_launch_campaign"]
    traces = {launch.trace_id for launch in launches}
    parts = {(service, span.name) for service, span in exporting if span.trace_id in traces}
    assert ("overture-worker", "dispatch") in parts
    assert ("overture-worker", "deliver") in parts
    assert ("overture-worker", "POST 127.0.0.1") in parts
    said = logs(written)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (delivered, *_) = [line for line in lines if line["event"] == "chunk_delivered"]
    assert {"workspace", "channel", "chunk", "trace_id", "span_id", "accepted"} <= set(delivered)
    assert any(line["event"] == "tool_called" and line["tool"] == "messaging_launch_campaign" for line in lines)
    told = said + "".join(str(span) for _, span in exporting)
    assert {what: word for what, word in PLANTED.items() if word.lower() in told.lower()} == {}
