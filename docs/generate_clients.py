"""Writes what tells MCP clients about the servers: `uv run python docs/generate_clients.py`.

That is the files in the project's folder that clients read, the manifests of the bundles and the entries for the
registry under clients/, and the examples of docs/clients.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from overture_core.settings import Settings
from overture_servers.clients import Client, in_project, over_http, over_stdio
from overture_servers.registry import NAMES
from overture_servers.version import VERSION

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("clients.md")
EXAMPLE_FOLDER = "/absolute/path/to/overture"
EXAMPLE_URL = "http://127.0.0.1:8765"
PACKAGE = "overture-outreach"
# Whoever publishes owns the namespace: a GitHub account's, or a domain's turned round.
NAMESPACE = "io.github.overture-outreach"
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
# Not longer than 100 characters: the registry's limit.
DESCRIPTIONS = {
    "leads": "Import, search, segment and score dormant leads; consent and suppression.",
    "messaging": "Plan, simulate, have approved and send campaigns by e-mail, SMS and WhatsApp; replies.",
    "linkedin": "LinkedIn posts, comments, statistics and lead forms by the official API; tasks for the rest.",
    "stripe": "Stripe customers, prices, payment links, invoices, refunds and revenue of campaigns.",
}
# What a person can fill in when they install a server; all of it may stay empty.
SETTINGS = {
    "leads": ("import_roots",),
    "messaging": (
        "sendgrid_api_key",
        "twilio_account_sid",
        "twilio_auth_token",
        "email_from",
        "sms_from",
        "postal_address",
        "public_url",
    ),
    "linkedin": ("linkedin_client_id", "linkedin_client_secret", "public_url"),
    "stripe": ("stripe_api_key", "public_url"),
}

_TEXT = r'"(?:[^"\\]|\\.)*"'


def files() -> dict[str, str]:
    """The text of every file, by its path in the project's folder."""
    here = {
        "mcp.json": over_stdio(Client.INSPECTOR, in_project),
        ".mcp.json": over_stdio(Client.CLAUDE_CODE, in_project),
        ".cursor/mcp.json": over_stdio(Client.CURSOR, _in_workspace),
        ".vscode/mcp.json": over_stdio(Client.VSCODE, _in_workspace),
    }
    bundles = {f"clients/bundles/{name}/manifest.json": manifest(name) for name in NAMES}
    entries = {f"clients/registry/{name}/server.json": registry_entry(name) for name in NAMES}
    return {path: _text(form) for path, form in (here | bundles | entries).items()}


def page(written: str) -> str:
    """The page with its examples written anew."""
    examples = {f"{client} stdio": over_stdio(client, _in_example) for client in Client}
    examples |= {
        f"{client} http": over_http(client, EXAMPLE_URL, token=True, names=("leads",))
        for client in Client
        if client is not Client.CLAUDE_DESKTOP
    }

    def example(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n```json\n{_text(examples[found[1]])}```\n"

    return re.sub(r"<!-- ([a-z-]+ (?:stdio|http)) -->\n```json\n.*?```\n", example, written, flags=re.DOTALL)


def manifest(name: str) -> dict[str, Any]:
    """The manifest of a server's MCP Bundle, which has the source and the locked dependencies, and which uv runs."""
    return {
        "manifest_version": "0.4",
        "name": f"overture-{name}",
        "display_name": f"Overture {name}",
        "version": VERSION,
        "description": DESCRIPTIONS[name],
        "author": {"name": "The Overture developers"},
        "license": "Apache-2.0",
        "keywords": ["outreach", "campaigns", name],
        "server": {
            "type": "uv",
            "entry_point": "cli/overture_cli/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": [
                    *("run", "--quiet", "--frozen", "--no-default-groups", "--directory", "${__dirname}"),
                    *("overture", "serve", name),
                ],
                "env": {_variable(each): _given(each) for each in SETTINGS[name]},
            },
        },
        "tools_generated": True,
        "prompts_generated": True,
        "user_config": {each: _field(each) for each in SETTINGS[name]},
        "compatibility": {"platforms": ["darwin", "linux"], "runtimes": {"python": ">=3.11,<3.14"}},
    }


def registry_entry(name: str) -> dict[str, Any]:
    """A server's entry in the MCP registry."""
    return {
        "$schema": SCHEMA,
        "name": registry_name(name),
        "title": f"Overture {name}",
        "description": DESCRIPTIONS[name],
        "version": VERSION,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": PACKAGE,
                "version": VERSION,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "packageArguments": [{"type": "positional", "value": each} for each in ("serve", name)],
                "environmentVariables": [
                    {
                        "name": _variable(each),
                        "description": _described(each),
                        "isRequired": False,
                        "isSecret": _is_secret(each),
                    }
                    for each in SETTINGS[name]
                ],
            }
        ],
    }


def registry_name(name: str) -> str:
    """The name of a server in the registry."""
    return f"{NAMESPACE}/{name}"


def _in_workspace(name: str) -> Any:
    return in_project(name, "${workspaceFolder}")


def _in_example(name: str) -> Any:
    return in_project(name, EXAMPLE_FOLDER)


def _variable(setting: str) -> str:
    return f"OVERTURE_{setting.upper()}"


def _described(setting: str) -> str:
    return Settings.model_fields[setting].description or ""


def _is_secret(setting: str) -> bool:
    annotation = Settings.model_fields[setting].annotation
    return SecretStr in (annotation, *get_args(annotation))


def _given(setting: str) -> str:
    value = f"${{user_config.{setting}}}"
    return json.dumps([value]) if setting == "import_roots" else value


def _field(setting: str) -> dict[str, Any]:
    form: dict[str, Any] = {
        "type": "string",
        "title": setting.replace("_", " ").capitalize(),
        "description": _described(setting),
    }
    if setting == "import_roots":
        title, what = "Folder to import from", "Files in this folder can be imported by their path."
        return {**form, "type": "directory", "title": title, "description": what, "required": True}
    return {**form, "required": False, "default": "", **({"sensitive": True} if _is_secret(setting) else {})}


def _text(form: dict[str, Any]) -> str:
    spread = json.dumps(form, indent=2, ensure_ascii=False) + "\n"
    # A command is read on one line.
    return re.sub(rf"\[\n +({_TEXT}(?:,\n +{_TEXT})*)\n +\]", lambda found: f"[{_joined(found[1])}]", spread)


def _joined(lines: str) -> str:
    return re.sub(r",\n +", ", ", lines)


if __name__ == "__main__":
    for path, text in files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
