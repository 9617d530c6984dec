"""An identity provider on a port of this machine: it gives machines tokens, and signs people in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Answer = tuple[int, dict[str, str], bytes]
CLIENT, SECRET, ROLE = "overture-dashboard", "a-secret-of-the-client", "outreach-approvers"
SIGN_IN_PAGE = """<!doctype html><html lang="en"><head><title>Login</title></head>
<body><a href="{}">Continue as Ada</a></body></html>"""


@dataclass
class Issuer:
    """An authorization server. `keys` are those it publishes; `answers` stand in for its own at a path.

    Whoever comes to its sign-in page is Ada: `person` is what an ID token says of her, changed by `id_token` (claims)
    and `signed_by` (arguments of `token`). A code is good once, for the client, address and challenge that it was given
    for. `shown_by` is how a client shows its secret.
    """

    url: str
    keys: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    client_claims: dict[str, Any] = field(default_factory=dict)
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "ada", "workspace": "default", "roles": [ROLE]})
    id_token: dict[str, Any] = field(default_factory=dict)
    signed_by: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    shown_by: str = "client_secret_basic"

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
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [self.shown_by],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser of a person who signed in goes on (OpenID Connect Core, section 3.1.2)."""
        assert (query["client_id"], query["response_type"], query["code_challenge_method"]) == (CLIENT, "code", "S256")
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.url})}"

    def exchange(self, form: dict[str, str], authorization: str) -> Answer:
        """Give an ID token for a code (section 3.1.3), to who proves to be the client that asked for it."""
        basic = f"Basic {base64.b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
        wanted = {
            "client_secret_basic": (basic, None, None),
            "client_secret_post": ("", CLIENT, SECRET),
            "none": ("", CLIENT, None),
        }
        if (authorization, form.get("client_id"), form.get("client_secret")) != wanted[self.shown_by]:
            return _json(401, error="invalid_client")
        query = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if query is None or (challenge, form["redirect_uri"]) != (query["code_challenge"], query["redirect_uri"]):
            return _json(400, error="invalid_grant", error_description="<script>alert(1)</script>")
        claims = {**self.person, "aud": CLIENT, "nonce": query["nonce"], "client_id": None, **self.id_token}
        token = self.token(**{"typ": "JWT", **self.signed_by, **claims})
        return _json(200, id_token=token, access_token=self.token(aud=CLIENT), token_type="Bearer", expires_in=600)

    def grant(self, form: dict[str, str]) -> Answer:
        """Give a client what it asks for (RFC 6749, section 4.4, with the resource of RFC 8707)."""
        scope = form.get("scope", "")
        made = self.token(aud=form["resource"], scope=scope, **self.client_claims)
        return _json(200, access_token=made, token_type="Bearer", expires_in=600, scope=scope)

    def answer(self, target: str, form: dict[str, str], authorization: str) -> Answer:
        path, _, query = target.partition("?")
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/token":
            by_code = form.get("grant_type") == "authorization_code"
            return self.exchange(form, authorization) if by_code else self.grant(form)
        if path == "/authorize":
            page = SIGN_IN_PAGE.format(self.authorize(_fields(query)).replace("&", "&amp;"))
            return 200, {"Content-Type": "text/html"}, page.encode()
        found = {"/.well-known/oauth-authorization-server": self.metadata, "/jwks": self.jwks}
        return _json(200, **found[path]()) if path in found else _json(404)


def _json(status: int, **values: Any) -> Answer:
    return status, {}, json.dumps(values).encode()


def _fields(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


def _public(key: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return found


@contextmanager
def issuing(host: str = "127.0.0.1") -> Iterator[Issuer]:
    """Run one, with the key `one`, by a name of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(_fields(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def _answer(self, form: dict[str, str]) -> None:
            status, headers, body = made.answer(self.path, form, self.headers.get("Authorization", ""))
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
    made = Issuer(f"http://{host}:{server.server_port}")
    made.add_key("one")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def sign_in_settings(issuer: Issuer) -> dict[str, Any]:
    """Return the settings of servers whose dashboard is a client of an issuer."""
    return {
        "auth_issuer": issuer.url,
        "auth_client_id": CLIENT,
        "auth_client_secret": SECRET,
        "auth_approver_role": ROLE,
    }


def at_provider(address: str) -> str:
    """Sign in at the provider; returns the address that it sends the browser back to."""
    page = httpx.get(address, trust_env=False).text
    found = re.search(r'href="([^"]+)"', page)
    assert found is not None, page
    return unescape(found[1])
