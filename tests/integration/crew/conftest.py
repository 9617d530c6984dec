"""The fake servers as the crew's client starts them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overture_crew.sessions import StdioServer

SERVERS = Path(__file__).with_name("fake_servers.py")


@pytest.fixture
def servers(tmp_path: Path) -> dict[str, StdioServer]:
    """How to start both servers; they are steered by files in `tmp_path`."""
    return {
        name: StdioServer(command=sys.executable, args=(str(SERVERS), name, str(tmp_path)))
        for name in ("leads", "messaging")
    }


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Read the calls that the servers logged."""

    def read() -> list[dict[str, Any]]:
        log = tmp_path / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return read
