"""How the crew reaches the MCP servers, and what thinks for it, from settings and options."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from overture_core.leads.sources import Source
from overture_core.settings import Settings
from overture_crew.brain_choice import BrainChoice, choose
from overture_crew.budget import Prices
from overture_crew.sessions import HttpServer, Server, StdioServer
from overture_crew.steps import LEADS, MESSAGING, STRIPE

NAMES = (LEADS, MESSAGING, STRIPE)


def servers(settings: Settings, url: str | None) -> dict[str, Server]:
    """Return the servers at `url`, or ones to start as child processes with this process's own settings."""
    if url is not None:
        base = url.rstrip("/")
        token = settings.crew_token.get_secret_value() if settings.crew_token else None
        return {name: HttpServer(f"{base}/{name}/mcp", token) for name in NAMES}
    command = (sys.executable, "-m", "overture_cli", "serve")
    return {name: StdioServer(command[0], (*command[1:], name), dict(os.environ)) for name in NAMES}


def require_importable(settings: Settings, path: Path) -> None:
    """Refuse before a run what the leads server, with these settings, would refuse in it.

    Raises:
        UnreadableFile: the file is missing, unreadable, or outside the folders that may be imported from.
    """
    Source.from_path(path, settings.import_roots, closed=settings.data_dir)


def brain(settings: Settings, said: str | None, model: str | None) -> BrainChoice:
    """Return what thinks for the crew: what the options say, else the settings.

    Raises:
        BrainUnavailable: it is none that there is.
    """
    key = settings.llm_api_key
    return choose(
        said or settings.llm,
        model=model or settings.llm_model,
        key=key.get_secret_value() if key else None,
        window=settings.llm_context_tokens,
        prices=Prices(settings.llm_prompt_price, settings.llm_completion_price),
        native=settings.llm_native_tools,
    )
