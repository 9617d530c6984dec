"""Writes docs/tools.md from the servers' own tool lists: `uv run python docs/generate_tools.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import anyio
from mcp.types import Tool

from overture_core.settings import Settings
from overture_servers.registry import NAMES, creator
from overture_servers.runtime import Runtime

PAGE = Path(__file__).with_name("tools.md")
SERVERS = {name: creator(name) for name in NAMES}
HEAD = """# Tools

What an MCP client finds in each server. Every result has a short text and typed `structuredContent`; an
error is a tool error whose text says what to do. No tool approves a campaign:
[approvals.md](approvals.md) says who does.

This page is generated from the servers: `uv run python docs/generate_tools.py`.
"""


def page() -> str:
    """The page's text."""
    parts = [HEAD]
    for server, tools in listed().items():
        parts.append(f"\n## {server}\n\nStarted by `overture serve {server}`.\n")
        parts += [_section(tool) for tool in tools]
    return "".join(parts)


def listed() -> dict[str, list[Tool]]:
    """Each server's tools, in the order in which it lists them."""
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(Settings(data_dir=Path(folder), sandbox_only=True))
        try:
            return {name: anyio.run(create(runtime).list_tools) for name, create in SERVERS.items()}
        finally:
            runtime.close()


def _section(tool: Tool) -> str:
    head = f"\n### {tool.name}\n\n{_cell(tool.description or '')}\n\n{tool.title}; {_hints(tool)}.\n\n"
    models = tool.input_schema.get("$defs", {})
    fields = {name: _fields(each, models) for name, each in tool.input_schema.get("properties", {}).items()}
    inner = [f"\n`{name}`:\n\n{_table(each, models)}" for name, each in fields.items() if each is not None]
    return "".join([head, _table(tool.input_schema, models), *inner])


def _fields(schema: dict[str, Any], models: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of an object with named fields that an argument is, or a list of such."""
    each = schema.get("items", schema)
    each = models[str(each["$ref"]).rpartition("/")[2]] if "$ref" in each else each
    return each if "properties" in each else None


def _hints(tool: Tool) -> str:
    """The annotations in the protocol's own words."""
    hints = tool.annotations
    if hints is None:
        return "no hints"
    if hints.read_only_hint:
        return "read-only"
    named = (
        ("destructive", hints.destructive_hint),
        ("idempotent", hints.idempotent_hint),
        ("open world", hints.open_world_hint),
    )
    return ", ".join(["writes", *(name for name, holds in named if holds)])


def _table(schema: dict[str, Any], models: dict[str, Any]) -> str:
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    if not properties:
        return "No arguments.\n"
    required = schema.get("required", [])
    rows = []
    for name, each in properties.items():
        cells = (f"`{name}`", _kind(each, models), _default(name, each, required), _cell(each.get("description", "")))
        rows.append(f"| {' | '.join(cells)} |\n")
    return "".join(["| argument | type | default | meaning |\n|---|---|---|---|\n", *rows])


def _default(name: str, schema: dict[str, Any], required: list[str]) -> str:
    if name in required:
        return "required"
    value = schema.get("default")
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kind(schema: dict[str, Any], models: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _kind(models[name], models) if "enum" in models.get(name, {}) else name
    if "anyOf" in schema:
        return " or ".join(_kind(each, models) for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        kind = " or ".join(each for each in kind if each != "null")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}), models)}"
    return str(schema.get("format", kind))


def _cell(text: str) -> str:
    # <column> would be taken for an HTML element and vanish
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
