"""The servers as real processes: HTTP with clients of both eras, and stdio with nothing else on stdout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, Implementation, TextContent

from overture_servers.registry import NAMES
from tests.http_process import free_port, http_process

ENTRY = [sys.executable, "-m", "overture_cli", "serve"]
LISTS = {
    "leads": "leads_list_segments",
    "messaging": "messaging_list_campaigns",
    "linkedin": "linkedin_get_capabilities",
    "stripe": "stripe_report_revenue",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "OVERTURE_DATA_DIR": str(tmp_path / "data"), "OVERTURE_SANDBOX_ONLY": "1"}


@pytest.fixture
def url(tmp_path: Path, wait_for: Any) -> Iterator[str]:
    """The base URL of a running HTTP server."""
    with http_process(tmp_path, wait_for) as running:
        yield running.url


async def used(client: Client, server: str) -> str:
    """List the tools, call one, and return the protocol version that was agreed on."""
    tools = [tool.name for tool in (await client.list_tools()).tools]
    assert LISTS[server] in tools
    result = await client.call_tool(LISTS[server], {})
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    version: str = client.protocol_version
    return version


@pytest.mark.anyio
async def test_every_server_speaks_both_eras_over_http_on_one_port(url: str) -> None:
    seen = {}
    modes: tuple[Literal["legacy", "2026-07-28"], ...] = ("legacy", "2026-07-28")
    for server in NAMES:
        for mode in modes:
            async with Client(f"{url}/{server}/mcp", mode=mode) as client:
                seen[server, mode] = await used(client, server)
    spoken = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}
    assert seen == {(server, mode): spoken[mode] for server in NAMES for mode in modes}


async def say(client: Client, tool: str, *, fails: bool = False, **arguments: Any) -> Any:
    """Call a tool; return its structured result, or its error's text."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert result.is_error is fails, result.content
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text if fails else result.structured_content


@pytest.mark.anyio
async def test_over_http_a_person_is_asked_in_the_new_era_and_the_old_one_fails_closed(
    url: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """A stateless server cannot ask back within a request; the new era's question is part of the answer."""
    asked = []

    async def yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    trust = [sys.executable, "-m", "overture_cli", "approvals", "trust", "desk"]
    subprocess.run(trust, env=environment, cwd=tmp_path, check=True, capture_output=True)
    async with Client(f"{url}/leads/mcp") as leads:
        await say(leads, "leads_import_file", content="E-mail,Country,Consent\nada@a.example,US,email\n")
        await say(leads, "leads_save_segment", name="all")
    who = Implementation(name="desk", version="1")
    old = Client(f"{url}/messaging/mcp", mode="legacy", client_info=who, elicitation_callback=yes)
    new = Client(f"{url}/messaging/mcp", mode="2026-07-28", client_info=who, elicitation_callback=yes)
    async with old, new:
        await say(new, "messaging_save_template", name="hello", channel="email", subject="Hi", body="Hello")
        plan = await say(new, "messaging_plan_campaign", name="Spring", segment="all", templates={"email": "hello"})
        text = await say(old, "messaging_launch_campaign", fails=True, plan_id=plan["plan_id"])
        assert f"overture approvals approve {plan['approval']['id']}" in text
        assert asked == []
        launched = await say(new, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert (launched["approved_by"], launched["approved_via"], len(asked)) == ("person at desk", "elicitation", 1)


@pytest.mark.parametrize("server", NAMES)
def test_starting_a_server_loads_no_agent_broker_or_provider_library(
    server: str, environment: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import sys\n"
        "from overture_core.settings import Settings\n"
        "from overture_servers.runtime import Runtime\n"
        f"from overture_servers.{server}.server import create\n"
        "create(Runtime(Settings()))\n"
        "heavy = {'crewai', 'dramatiq', 'redis', 'sendgrid', 'twilio', 'stripe', 'openpyxl', 'psycopg', 'alembic'}\n"
        "heavy |= {'dateparser', 'dns', 'httpx', 'jsonschema', 'jwt', 'limits', 'markdown_it', 'opentelemetry.sdk'}\n"
        "heavy |= {'prometheus_client', 'tenacity', 'typer'}\n"
        "sys.stdout.write(' '.join(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_loads_no_library_before_the_front_stands() -> None:
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import overture_cli.entry\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "sys.stdout.write(' '.join(sorted(new)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "overture_cli overture_servers"


@pytest.mark.anyio
@pytest.mark.parametrize("server", NAMES)
async def test_a_server_answers_over_stdio(server: str, environment: dict[str, str], tmp_path: Path) -> None:
    parameters = StdioServerParameters(command=ENTRY[0], args=[*ENTRY[1:], server], env=environment, cwd=tmp_path)
    async with Client(parameters) as client:
        assert await used(client, server) == "2026-07-28"


def test_stdout_carries_the_protocol_and_nothing_else(environment: dict[str, str], tmp_path: Path) -> None:
    """An error is provoked, so that something is logged; the server ends when stdin closes."""
    info = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    lines: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": info},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "leads_import_file", "arguments": {"path": "/etc/hostname"}},
        },
        {
            "jsonrpc": "2.0",
            "id": 3,
            "method": "tools/call",
            "params": {"name": "leads_get_lead", "arguments": {}},
        },
    ]
    with subprocess.Popen(
        [*ENTRY, "leads"], env=environment, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        answers = {}
        for line in lines:
            process.stdin.write(json.dumps(line).encode() + b"\n")
            process.stdin.flush()
            if "id" in line:
                answer = json.loads(process.stdout.readline())
                answers[answer["id"]] = answer["result"]
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(timeout=20) == 0
    assert answers[1]["serverInfo"]["name"] == "overture-leads"
    assert [answers[number]["isError"] for number in (2, 3)] == [True, True]
    assert answers[3]["content"][0]["text"] == "The arguments do not fit: lead_id: Field required."


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_told_to_end_a_server_exports_its_last_spans(
    how: signal.Signals, environment: dict[str, str], tmp_path: Path
) -> None:
    told = {**environment, "OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "false"}
    info = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    call = {"name": "leads_list_segments", "arguments": {}}
    with subprocess.Popen(
        [*ENTRY, "leads"],
        env=told,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        for number, (method, params) in enumerate([("initialize", info), ("tools/call", call)]):
            line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.send_signal(how)
        said = process.stderr.read().decode()
        assert process.wait(timeout=20) == -how
    assert '"name": "tools/call leads_list_segments"' in said


def test_a_server_says_where_it_listens(tmp_path: Path, wait_for: Any) -> None:
    with http_process(tmp_path, wait_for) as running:
        lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert [line["url"] for line in lines if line["event"] == "listening"] == [running.url]


def test_on_this_machine_alone_any_secret_will_do(tmp_path: Path, wait_for: Any) -> None:
    short = {"OVERTURE_SECRET_KEY": "a", "OVERTURE_METRICS_TOKEN": "m", "OVERTURE_AUTH_LOCAL": "1"}
    with http_process(tmp_path, wait_for, **short) as running:
        assert running.process.poll() is None


def test_beyond_loopback_the_process_ends_with_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*ENTRY, "--http", "--host", "0.0.0.0"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "without authentication only this machine may reach the servers" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_its_database_the_http_server_ends_with_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    away = {**environment, "OVERTURE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run(
        [*ENTRY, "--http", "--port", str(free_port())],
        env=away,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "Check OVERTURE_DATABASE_URL, then retry." in done.stderr
    assert "Traceback" not in done.stderr
