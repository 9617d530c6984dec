"""The MCP Bundles: the format's own tool takes them, and a server runs from what it packed."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from overture_servers.registry import NAMES
from tests.node_tools import installed, node

MCPB = "@anthropic-ai/mcpb@2.1.2"
ROOT = Path(__file__).parents[3]
LARGEST_BYTES = 2_000_000
ROOT_NAMES = {"cli", "core", "crew", "providers", "queue", "servers", "worker"}
FILES = {"pyproject.toml", "uv.lock", "README.md", "LICENSE", "manifest.json"}


def mcpb(*arguments: str | Path) -> None:
    """Run the format's tool."""
    program = installed(MCPB) / "dist" / "cli" / "cli.js"
    done = subprocess.run(
        [node(), str(program), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_is_valid(name: str) -> None:
    mcpb("validate", ROOT / "clients" / "bundles" / name / "manifest.json")


def test_a_bundle_of_nothing_is_refused_with_what_there_is() -> None:
    staging = [sys.executable, str(ROOT / "docs" / "stage_bundle.py"), "nope"]
    done = subprocess.run(staging, capture_output=True, text=True, timeout=60, check=False)
    sentence = "There is no server 'nope'; the servers are: leads, messaging, linkedin, stripe.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)


@pytest.mark.anyio
async def test_a_server_runs_from_a_packed_bundle(tmp_path: Path, sqlite_template: Path) -> None:
    """As a client does: unpack, put in what the person filled in (here nothing but a folder), start."""
    runpy.run_path(str(ROOT / "docs" / "stage_bundle.py"))["stage"]("leads", tmp_path / "staged")
    mcpb("pack", tmp_path / "staged", tmp_path / "leads.mcpb")
    assert (tmp_path / "leads.mcpb").stat().st_size < LARGEST_BYTES
    mcpb("unpack", tmp_path / "leads.mcpb", tmp_path / "unpacked")
    assert {path.name for path in (tmp_path / "unpacked").iterdir()} == ROOT_NAMES | FILES
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "overture.db")
    async with Client(started(tmp_path / "unpacked", tmp_path)) as client:
        listed = await client.list_tools()
        assert client.server_info is not None
        assert client.server_info.name == "overture-leads"
    assert "leads_import_file" in [tool.name for tool in listed.tools]


@pytest.mark.anyio
async def test_what_a_person_leaves_empty_is_not_set(tmp_path: Path, sqlite_template: Path) -> None:
    """An empty key must not be taken for one: the server would believe that it has a real provider."""
    shutil.copy(sqlite_template, tmp_path / "overture.db")
    manifest = manifest_of(ROOT / "clients" / "bundles" / "messaging")
    empty = dict.fromkeys(manifest["server"]["mcp_config"]["env"], "")
    environment = {**os.environ, **empty, "OVERTURE_DATA_DIR": str(tmp_path)}
    environment.pop("OVERTURE_SANDBOX_ONLY")  # with it, no key counts
    arguments = ["-m", "overture_cli", "serve", "messaging"]
    async with Client(StdioServerParameters(command=sys.executable, args=arguments, env=environment)) as client:
        result = await client.call_tool("messaging_list_campaigns", {})
    assert not result.is_error, result.content


def started(folder: Path, files: Path) -> StdioServerParameters:
    """What a client starts, by the manifest."""
    config = manifest_of(folder)["server"]["mcp_config"]
    assert config["command"] == "uv"

    def filled(text: str) -> str:
        return text.replace("${__dirname}", str(folder)).replace("${user_config.import_roots}", str(files))

    environment = {name: filled(value) for name, value in config["env"].items()}
    # With the Python that runs the tests, what has to be installed is in uv's cache.
    environment |= {"UV_PYTHON": sys.executable, "OVERTURE_DATA_DIR": str(files / "data")}
    arguments = [filled(each) for each in config["args"]]
    return StdioServerParameters(command=uv(), args=arguments, env={**os.environ, **environment}, cwd=folder)


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def uv() -> str:
    """The uv that runs the tests, or the one on the PATH."""
    found = os.environ.get("UV") or shutil.which("uv")
    assert found, "these tests need uv"
    return found
