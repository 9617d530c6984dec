"""What tells MCP clients about the servers: written from one description, and in the form that each client reads."""

from __future__ import annotations

import json
import runpy
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from overture_core.errors import InvalidInput
from overture_core.settings import Settings
from overture_servers.clients import Client, in_project, over_http, over_stdio
from overture_servers.registry import NAMES

ROOT = Path(__file__).parents[3]
SCHEMA = Path(__file__).parents[2] / "data" / "registry_server_schema.json"
HOW = "run: uv run python docs/generate_clients.py"


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "generate_clients.py"))


def test_the_files_are_what_the_generator_makes_now(generator: dict[str, Any]) -> None:
    made: dict[str, str] = generator["files"]()
    assert {path: (ROOT / path).read_text(encoding="utf-8") for path in made} == made, HOW
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "clients").rglob("*") if path.is_file()} < set(made)


def test_the_pages_examples_are_what_the_generator_makes_now(generator: dict[str, Any]) -> None:
    written = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    assert generator["page"](written) == written, HOW
    assert written.count("```json") == 4


def test_all_clients_start_the_same_servers(generator: dict[str, Any]) -> None:
    files = {path: json.loads(text) for path, text in generator["files"]().items() if path.endswith("mcp.json")}
    keys = {path: next(iter(form)) for path, form in files.items()}
    assert keys == {
        "mcp.json": "mcpServers",
        ".mcp.json": "mcpServers",
        ".cursor/mcp.json": "mcpServers",
        ".vscode/mcp.json": "servers",
    }
    for path, form in files.items():
        started = {name: [server["command"], *server["args"][-3:]] for name, server in form[keys[path]].items()}
        assert started == {name: ["uv", "overture", "serve", name] for name in NAMES}


def test_each_client_takes_a_token_from_where_it_can() -> None:
    forms = {
        client: over_http(client, "http://127.0.0.1:8765", token=True, names=["leads"])
        for client in Client
        if client is not Client.CLAUDE_DESKTOP
    }
    header = {client: (form.get("servers") or form["mcpServers"])["leads"]["headers"] for client, form in forms.items()}
    assert header == {
        Client.CLAUDE_CODE: {"Authorization": "Bearer ${MCP_TOKEN}"},
        Client.CURSOR: {"Authorization": "Bearer ${env:MCP_TOKEN}"},
        Client.VSCODE: {"Authorization": "Bearer ${input:overture-token}"},
        Client.INSPECTOR: {"Authorization": "Bearer TOKEN"},
    }
    assert forms[Client.VSCODE]["inputs"][0]["id"] == "overture-token"


def test_without_a_token_there_is_neither_a_header_nor_a_question() -> None:
    form = over_http(Client.VSCODE, "http://127.0.0.1:8765", token=False)
    assert form == {"servers": {name: {"type": "http", "url": f"http://127.0.0.1:8765/{name}/mcp"} for name in NAMES}}


def test_claude_desktops_file_takes_no_address() -> None:
    with pytest.raises(InvalidInput, match="commands only"):
        over_http(Client.CLAUDE_DESKTOP, "http://127.0.0.1:8765", token=False)
    assert over_stdio(Client.CLAUDE_DESKTOP, in_project)["mcpServers"]["leads"] == {
        "command": "uv",
        "args": ["run", "--quiet", "overture", "serve", "leads"],
        "env": {},
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_registry_entry_is_one_that_the_registry_takes(name: str) -> None:
    entry = json.loads((ROOT / "clients" / "registry" / name / "server.json").read_text(encoding="utf-8"))
    jsonschema.validate(entry, json.loads(SCHEMA.read_text(encoding="utf-8")))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (package,) = entry["packages"]
    # `uvx IDENTIFIER ARGUMENTS` runs the script of the package's own name.
    assert (package["identifier"], package["version"]) == (project["name"], project["version"])
    assert package["identifier"] in project["scripts"]
    assert [each["value"] for each in package["packageArguments"]] == ["serve", name]
    # The registry looks for the name in the package's README before it believes who publishes.
    assert f"mcp-name: {entry['name']}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_asks_for_settings_that_there_are_and_hides_what_is_secret(name: str) -> None:
    manifest = json.loads((ROOT / "clients" / "bundles" / name / "manifest.json").read_text(encoding="utf-8"))
    fields = manifest["user_config"]
    assert set(fields) <= set(Settings.model_fields)
    assert set(manifest["server"]["mcp_config"]["env"]) == {f"OVERTURE_{each.upper()}" for each in fields}
    hidden = {each for each, field in fields.items() if field.get("sensitive")}
    assert hidden == {each for each in fields if each.endswith(("_key", "_token", "_secret"))}
    assert {each for each, field in fields.items() if field["required"]} <= {"import_roots"}
