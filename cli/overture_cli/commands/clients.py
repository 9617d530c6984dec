"""`overture clients`: what to write into an MCP client's file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from overture_cli.output import emit_json
from overture_core.settings import Settings
from overture_servers.clients import Client, Launch, over_http, over_stdio


def clients(
    client: Annotated[Client, typer.Argument(help="The client.")],
    http: Annotated[bool, typer.Option("--http", help="By the address of `overture up` instead of commands.")] = False,
    token: Annotated[bool, typer.Option("--token", help="With the header of a token (HTTP).")] = False,
) -> None:
    """Print what an MCP client's file needs to reach the servers of this installation.

    Paths are absolute, so that it works wherever the client runs. The servers use the data folder that this command
    uses, and import files from the folders that it may, such as the one it runs in; other settings from a `.env` file
    go into `env`. docs/clients.md says where each client keeps its file.
    """
    settings = Settings()
    if http:
        emit_json(over_http(client, f"http://{settings.http_host}:{settings.http_port}", token=token))
        return
    program = str(Path(sys.executable).with_name("overture"))
    environment = {
        "OVERTURE_DATA_DIR": str(settings.data_dir.absolute()),
        # A client may run in the root of the file system, and a server would read files anywhere below.
        "OVERTURE_IMPORT_ROOTS": json.dumps([str(folder.absolute()) for folder in settings.import_roots]),
    }
    emit_json(over_stdio(client, lambda name: Launch(program, ("serve", name), environment)))
