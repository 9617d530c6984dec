"""The MCP Inspector's command line on every server: over stdio as `mcp.json` starts them, and by HTTP, in both eras.

Each call costs a start of Node, and over stdio one of the server. So a method is asked in one era over stdio and in the
other by HTTP, half of a server's methods in each.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overture_servers.registry import NAMES
from tests.node_tools import installed, node
from tests.pages import blocks, commands

INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
OF_NODE_20 = "@modelcontextprotocol/inspector@0.15.0"
ROOT = Path(__file__).parents[3]
ERAS = ("modern", "legacy")
TOOLS = {
    "leads": "leads_list_segments",
    "messaging": "messaging_list_campaigns",
    "linkedin": "linkedin_get_capabilities",
    "stripe": "stripe_report_revenue",
}
METHODS = ("tools/list", "tools/call", "resources/list", "prompts/list")
TOOL_ERROR = 5  # the Inspector's exit code


def program() -> list[str]:
    return [node(), str(installed(INSPECTOR) / "clients" / "launcher" / "build" / "index.js")]


def older_program() -> list[str]:
    return [node(), str(installed(OF_NODE_20) / "cli" / "build" / "cli.js")]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the Inspector in the project's folder."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "MCP_INSPECTOR_SECRET_STORE": "memory"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def inspect(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Inspector's command line."""
    return run([*program(), "--cli", "-q", "--format", "json", *arguments])


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


def era_over_stdio(server: str, method: str) -> int:
    return (NAMES.index(server) + METHODS.index(method)) % 2


@pytest.mark.parametrize("server", NAMES)
def test_a_server_answers_over_stdio(server: str, data_dir: Path) -> None:
    for method in METHODS:
        where = ("--config", "mcp.json", "--server", server, "--protocol-era", ERAS[era_over_stdio(server, method)])
        environment = ("-e", f"OVERTURE_DATA_DIR={data_dir}", "-e", "OVERTURE_SANDBOX_ONLY=1")
        check(server, method, ask(server, method, *where, *environment))


def test_every_server_answers_by_http(url: str) -> None:
    for server in NAMES:
        for method in METHODS:
            era = ERAS[1 - era_over_stdio(server, method)]
            where = (f"{url}/{server}/mcp", "--transport", "http", "--protocol-era", era)
            check(server, method, ask(server, method, *where))


def test_a_tools_error_reaches_the_inspector_as_one(url: str) -> None:
    where = (f"{url}/leads/mcp", "--transport", "http", "--method", "tools/call")
    done = inspect(*where, "--tool-name", "leads_preview_segment", "--tool-arg", "name=nobody")
    assert done.returncode == TOOL_ERROR
    assert "There is no segment 'nobody'" in json.loads(done.stdout)["result"]["content"][0]["text"]


@pytest.mark.parametrize(("inspector", "tool_error"), [(program, TOOL_ERROR), (older_program, 0)])
def test_the_commands_of_the_page_say_what_it_shows(
    inspector: Callable[[], list[str]], tool_error: int, url: str, tmp_path: Path
) -> None:
    page = blocks("docs/inspector.md")
    for block, shown in zip(page, [*page[1:], None], strict=True):
        if block.language != "sh":
            continue
        (command,) = commands(block)
        ours = command.replace("/tmp/overture-inspector", str(tmp_path)).replace("http://127.0.0.1:8765", url)  # noqa: S108
        words = shlex.split(ours)
        assert words[:2] == ["npx", "@modelcontextprotocol/inspector"]
        done = run([*inspector(), *words[2:]])
        assert done.returncode == (tool_error if "nobody" in words[-1] else 0), (str(block), done.stderr)
        said = re.findall(r'"(?:text|title)": ".*"', shown.text) if shown else []
        assert [each for each in said if each not in done.stdout] == []


def test_a_token_is_given_as_the_page_says(url: str) -> None:
    page = (ROOT / "docs" / "inspector.md").read_text(encoding="utf-8")
    (header,) = re.findall(r"Inspector 2 sends it with `(--header .*?)`", page)
    asking = ["--cli", f"{url}/leads/mcp", "--transport", "http", "--method", "tools/list", *shlex.split(header)]
    assert run([*program(), *asking]).returncode == 0
    assert "The command line of\nInspector 0.15 can send none" in page
    assert run([*older_program(), *asking]).returncode != 0
