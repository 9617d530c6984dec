"""What MCP clients are told about the servers: one description of a server, in the form that each client reads.

docs/clients.md says where each client keeps it. The files in the project's folder are written from here by
docs/generate_clients.py, and `overture clients` prints the same for an installation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from overture_core.errors import InvalidInput
from overture_servers.registry import NAMES

Form = dict[str, Any]
TOKEN_VARIABLE = "MCP_TOKEN"  # noqa: S105  # a variable's name
_TOKEN_INPUT = "overture-token"  # noqa: S105  # a field's name


class Client(StrEnum):
    """The clients whose forms are known."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"
    INSPECTOR = "inspector"


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started over stdio."""

    command: str
    args: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


def in_project(name: str, folder: str | None = None) -> Launch:
    """Start a server of a project folder by uv: of the one the client runs in, or of `folder`."""
    where = () if folder is None else ("--directory", folder)
    return Launch("uv", ("run", "--quiet", *where, "overture", "serve", name))


def over_stdio(client: Client, launch: Callable[[str], Launch]) -> Form:
    """Return the client's file for every server, each started as `launch` says for its name."""
    return _file(client, {name: _started(client, launch(name)) for name in NAMES})


def over_http(client: Client, base_url: str, *, token: bool, names: Sequence[str] = NAMES) -> Form:
    """Return the client's file for servers of a running HTTP process, with or without a token's header.

    Raises:
        InvalidInput: the client's file takes no addresses.
    """
    if client is Client.CLAUDE_DESKTOP:
        msg = "Claude Desktop's file takes commands only; add an address in its settings, under Connectors."
        raise InvalidInput(msg)
    form = _file(client, {name: _reached(client, f"{base_url}/{name}/mcp", token=token) for name in names})
    if token and client is Client.VSCODE:
        asked = {"type": "promptString", "id": _TOKEN_INPUT, "description": "Token of Overture", "password": True}
        return {"inputs": [asked], **form}
    return form


def _file(client: Client, servers: Form) -> Form:
    return {"servers" if client is Client.VSCODE else "mcpServers": servers}


def _started(client: Client, launch: Launch) -> Form:
    form = {"command": launch.command, "args": list(launch.args), "env": launch.env}
    return form if client is Client.CLAUDE_DESKTOP else {"type": "stdio", **form}


def _reached(client: Client, url: str, *, token: bool) -> Form:
    form: Form = {"url": url} if client is Client.CURSOR else {"type": "http", "url": url}
    if token:
        form["headers"] = {"Authorization": f"Bearer {_TOKENS[client]}"}
    return form


# Where each client takes the token from; the Inspector replaces nothing in its file.
_TOKENS = {
    Client.CLAUDE_CODE: f"${{{TOKEN_VARIABLE}}}",
    Client.CURSOR: f"${{env:{TOKEN_VARIABLE}}}",
    Client.VSCODE: f"${{input:{_TOKEN_INPUT}}}",
    Client.INSPECTOR: "TOKEN",
}
