"""The MCP Inspector's command line on every server: over stdio as `mcp.json` starts them, and by HTTP, in both eras."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from overture_servers.registry import NAMES
from tests.node_tools import installed, node

INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
ROOT = Path(__file__).parents[3]
ERAS = ("modern", "legacy")
TOOLS = {
    "leads": "leads_list_segments",
    "messaging": "messaging_list_campaigns",
    "linkedin": "linkedin_get_capabilities",
    "stripe": "stripe_report_revenue",
}
AT_ONCE = 2
TOOL_ERROR = 5  # the Inspector's exit code


def inspect(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Inspector's command line in the project's folder."""
    program = installed(INSPECTOR) / "clients" / "launcher" / "build" / "index.js"
    return subprocess.run(
        [node(), str(program), "--cli", "-q", "--format", "json", *arguments],
        cwd=ROOT,
        env={**os.environ, "MCP_INSPECTOR_SECRET_STORE": "memory"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ask(server: str, method: str, *where: str) -> Any:
    """Ask a server and return what it answered."""
    more = {"tools/list": ["--strict"], "tools/call": ["--tool-name", TOOLS[server]]}.get(method, [])
    done = inspect(*where, "--method", method, *more)
    assert done.returncode == 0, (server, method, where, done.stdout, done.stderr)
    return json.loads(done.stdout)["result"]


def check(server: str, method: str, answer: Any) -> None:
    """Hold an answer against what every server has."""
    match method:
        case "tools/list":
            assert TOOLS[server] in [tool["name"] for tool in answer["tools"]]
        case "tools/call":
            assert answer["isError"] is False
            assert answer["content"][0]["text"]
        case "resources/list":
            assert isinstance(answer["resources"], list)
        case "prompts/list":
            assert all(prompt["description"] for prompt in answer["prompts"])
            assert answer["prompts"]


METHODS = ("tools/list", "tools/call", "resources/list", "prompts/list")


def test_every_server_answers_by_http_in_both_eras(url: str) -> None:
    def one(case: tuple[str, str, str]) -> None:
        server, method, era = case
        where = (f"{url}/{server}/mcp", "--transport", "http", "--protocol-era", era)
        check(server, method, ask(server, method, *where))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(list(pool.map(one, product(NAMES, METHODS, ERAS)))) == 32


def test_every_server_answers_over_stdio_in_both_eras(data_dir: Path) -> None:
    def one(case: tuple[int, tuple[str, str]]) -> None:
        number, (server, method) = case
        # Each start costs seconds, so each era gets half of the methods of each server.
        era = ERAS[(number + number // len(METHODS)) % 2]
        where = ("--config", "mcp.json", "--server", server, "--protocol-era", era)
        environment = ("-e", f"OVERTURE_DATA_DIR={data_dir}", "-e", "OVERTURE_SANDBOX_ONLY=1")
        check(server, method, ask(server, method, *where, *environment))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(list(pool.map(one, enumerate(product(NAMES, METHODS))))) == 16


@pytest.mark.parametrize("era", ERAS)
def test_a_tools_error_reaches_the_inspector_as_one(url: str, era: str) -> None:
    where = (f"{url}/leads/mcp", "--transport", "http", "--protocol-era", era)
    done = inspect(
        *where, "--method", "tools/call", "--tool-name", "leads_preview_segment", "--tool-arg", "name=nobody"
    )
    assert done.returncode == TOOL_ERROR
    assert "There is no segment 'nobody'" in json.loads(done.stdout)["result"]["content"][0]["text"]
