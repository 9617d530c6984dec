"""A real issuer of tokens on a port of this machine, and server processes of ours that trust it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.http_process import http_process

MCP_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-11-25",
}


@dataclass
class Issuer:
    """An authorization server. `keys` are those it publishes; `answers` stand in for its own at a path."""

    url: str
    keys: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    client_claims: dict[str, Any] = field(default_factory=dict)

    def add_key(self, kid: str, key: Any = None) -> Any:
        self.keys[kid] = key or ec.generate_private_key(ec.SECP256R1())
        return self.keys[kid]

    def token(
        self, *, key: Any = None, kid: str | None = "one", alg: str = "ES256", typ: str = "at+jwt", **claims: Any
    ) -> str:
        """Sign a token; claims that are None are left out."""
        now = int(time.time())
        given = {"iss": self.url, "sub": "ada", "client_id": "desk", "iat": now, "exp": now + 600, **claims}
        header = {"typ": typ, **({} if kid is None else {"kid": kid})}
        signer = key if key is not None else self.keys[kid or "one"]
        return jwt.encode({name: each for name, each in given.items() if each is not None}, signer, alg, headers=header)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**_public(key), "kid": kid, "use": "sig"} for kid, key in self.keys.items()]}

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
        }

    def grant(self, form: dict[str, list[str]]) -> dict[str, Any]:
        """Give a client what it asks for (RFC 6749, section 4.4, with the resource of RFC 8707)."""
        scope = form.get("scope", [""])[0]
        made = self.token(aud=form["resource"][0], scope=scope, **self.client_claims)
        return {"access_token": made, "token_type": "Bearer", "expires_in": 600, "scope": scope}

    def answer(self, path: str, form: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        found = {"/.well-known/oauth-authorization-server": self.metadata, "/jwks": self.jwks}
        if path == "/token":
            return 200, {}, json.dumps(self.grant(form)).encode()
        return (200, {}, json.dumps(found[path]()).encode()) if path in found else (404, {}, b"{}")


def _public(key: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return found


@contextmanager
def issuing() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def _answer(self, form: dict[str, list[str]]) -> None:
            status, headers, body = made.answer(self.path, form)
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_port}")
    made.add_key("one")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


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
            [sys.executable, "-m", "overture_cli", *args],
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
def serving(issuer: Issuer, folder: Path, wait_for: Any, **more: str) -> Iterator[Served]:
    told = {"OVERTURE_AUTH_ISSUER": issuer.url, "OVERTURE_AUTH_LOCAL": "1", **more}
    with http_process(folder, wait_for, **told) as running:
        yield Served(running.url, issuer, running.environment, folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, wait_for: Any) -> Iterator[Served]:
    """One process for all tests of a module, with the issuer that it trusts."""
    with issuing() as issuer, serving(issuer, tmp_path_factory.mktemp("served"), wait_for) as running:
        yield running


@pytest.fixture
def serve(issuer: Issuer, tmp_path: Path, wait_for: Any) -> Callable[..., Any]:
    """Start a process of this test alone, with further settings."""

    def start(**more: str) -> Any:
        return serving(issuer, tmp_path, wait_for, **more)

    return start
