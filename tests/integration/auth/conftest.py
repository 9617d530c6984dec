"""A real issuer of tokens on a port of this machine, and server processes of ours that trust it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http_process import http_process
from tests.identity_provider import Issuer, issuing

MCP_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-11-25",
}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer of this test alone."""
    with issuing() as made:
        yield made


@dataclass
class Served:
    """A server process of ours that takes the issuer's tokens, and those of `overture token`."""

    url: str
    issuer: Issuer
    environment: dict[str, str]
    folder: Path
    programs: Path

    def aud(self, server: str = "leads") -> str:
        return f"{self.url}/{server}/mcp"

    def token(self, server: str = "leads", **claims: Any) -> str:
        """A good token, but for what `claims` changes."""
        return self.issuer.token(**{"aud": self.aud(server), "scope": "leads:read", "workspace": "default", **claims})

    def post(
        self, token: str | None, method: str = "tools/list", server: str = "leads", **params: Any
    ) -> httpx.Response:
        headers = MCP_HEADERS if token is None else {**MCP_HEADERS, "Authorization": f"Bearer {token}"}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(f"{self.url}/{server}/mcp", json=body, headers=headers, trust_env=False, timeout=30)

    def call(self, token: str, tool: str, server: str = "leads", **arguments: Any) -> httpx.Response:
        return self.post(token, "tools/call", server, name=tool, arguments=arguments)

    def overture(self, *args: str, **more: str) -> str:
        """Run a command with the servers' settings; returns what it prints."""
        done = subprocess.run(
            [str(self.programs / "overture"), *args],
            env={**self.environment, **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def serving(issuer: Issuer, folder: Path, wait_for: Any, programs: Path, **more: str) -> Iterator[Served]:
    told = {"OVERTURE_AUTH_ISSUER": issuer.url, "OVERTURE_AUTH_LOCAL": "1", **more}
    with http_process(folder, wait_for, python=programs / "python", **told) as running:
        yield Served(running.url, issuer, running.environment, folder, programs)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, wait_for: Any, warm_programs: Path) -> Iterator[Served]:
    """One process for all tests of a module, with the issuer that it trusts."""
    with issuing() as issuer, serving(issuer, tmp_path_factory.mktemp("served"), wait_for, warm_programs) as running:
        yield running


@pytest.fixture(scope="module")
def serve_in(wait_for: Any, warm_programs: Path) -> Callable[..., Any]:
    """Start a process that trusts a given issuer in a given folder, with further settings."""

    def start(issuer: Issuer, folder: Path, **more: str) -> Any:
        return serving(issuer, folder, wait_for, warm_programs, **more)

    return start


@pytest.fixture
def serve(issuer: Issuer, tmp_path: Path, wait_for: Any, warm_programs: Path) -> Callable[..., Any]:
    """Start a process of this test alone, with further settings."""

    def start(**more: str) -> Any:
        return serving(issuer, tmp_path, wait_for, warm_programs, **more)

    return start
