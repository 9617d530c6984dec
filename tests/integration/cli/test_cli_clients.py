"""`overture clients`: what it prints works, wherever the client runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from overture_servers.registry import NAMES


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "overture_cli", "clients", *arguments],
        env={**os.environ, "OVERTURE_DATA_DIR": "data", "OVERTURE_HTTP_PORT": "9999"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def printed(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run(folder, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.anyio
async def test_the_printed_command_starts_a_server_from_another_folder(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "leads.csv").write_text("email\nada@northwind.example\n")
    servers = printed(folder, "claude-desktop")["mcpServers"]
    assert list(servers) == list(NAMES)
    parameters = StdioServerParameters(**servers["leads"], cwd=elsewhere)
    async with Client(parameters) as client:
        taken = await client.call_tool("leads_import_file", {"path": str(folder / "leads.csv")})
        (elsewhere / "other.csv").write_text("email\nbob@northwind.example\n")
        refused = await client.call_tool("leads_import_file", {"path": str(elsewhere / "other.csv")})
    assert (taken.is_error, refused.is_error) == (False, True)
    assert (folder / "data" / "overture.db").exists()


def test_the_printed_addresses_are_those_of_the_http_process(tmp_path: Path) -> None:
    assert printed(tmp_path, "cursor", "--http") == {
        "mcpServers": {name: {"url": f"http://127.0.0.1:9999/{name}/mcp"} for name in NAMES}
    }


def test_what_a_client_cannot_be_told_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, "claude-desktop", "--http")
    assert (done.returncode, done.stdout) == (2, "")
    assert "takes commands only" in done.stderr
