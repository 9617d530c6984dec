"""Which tokens a server process takes, and what it answers to all others (RFC 6750, RFC 9728)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from overture_servers.registry import NAMES
from overture_servers.scopes import READS, Scope

EXPIRED = "The token has expired."
NO_JWT = "This is no JSON Web Token."
UNKNOWN_KEY = "The token was signed with a key that its issuer does not have."
OTHER_WAY = "The token was signed in a way that is not taken here."
UNTRUSTED = "The token is of an issuer that is not trusted here."


def challenge(answer: httpx.Response) -> dict[str, str]:
    scheme, _, rest = answer.headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Bearer"
    return dict(re.findall(r'(\w+)="([^"]*)"', rest))


def metadata_url(served: Any, server: str = "leads") -> str:
    return f"{served.url}/.well-known/oauth-protected-resource/{server}/mcp"


def unsigned(served: Any) -> str:
    _, body, _ = served.token().split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT", "kid": "one"}).encode()).decode()
    return f"{none.rstrip('=')}.{body}."


def public_pem(served: Any) -> bytes:
    key: ec.EllipticCurvePrivateKey = served.issuer.keys["one"]
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def signed_with_the_public_key(served: Any) -> str:
    """The old trick: the public key, which everybody has, as the secret of an HMAC. PyJWT itself would not make it."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "one"}
    _, body, _ = served.token().split(".")
    start = f"{base64.urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip('=')}.{body}"
    made = hmac.new(public_pem(served), start.encode(), hashlib.sha256).digest()
    return f"{start}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def changed(served: Any) -> str:
    """A good token whose claims were changed after it was signed."""
    head, body, signature = served.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["workspace"] = "another"
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{signature}"


REFUSED: dict[str, tuple[Callable[[Any], str], str]] = {
    "garbage": (lambda _: "garbage", NO_JWT),
    "three dots": (lambda _: "a.b.c", NO_JWT),
    "too long": (lambda it: it.token(pad="x" * 20_000), "The token is too long."),
    "expired": (lambda it: it.token(exp=int(time.time()) - 60), EXPIRED),
    "not yet valid": (lambda it: it.token(nbf=int(time.time()) + 120), "The token is not valid yet."),
    "issued in the future": (lambda it: it.token(iat=int(time.time()) + 120), "The token is not valid yet."),
    "for ever": (lambda it: it.token(exp=None), "The token lacks the claim exp."),
    "of nobody": (lambda it: it.token(sub=None), "The token lacks the claim sub."),
    "of a nameless one": (lambda it: it.token(sub=""), "The token names nobody: its claim sub is empty."),
    "for nobody": (lambda it: it.token(aud=None), "The token lacks the claim aud."),
    "another issuer": (lambda it: it.token(iss="https://login.example"), UNTRUSTED),
    "no issuer": (lambda it: it.token(iss=None), UNTRUSTED),
    "alg none": (unsigned, OTHER_WAY),
    "HS256 with the public key": (signed_with_the_public_key, OTHER_WAY),
    "an algorithm of another kind of key": (
        lambda it: it.issuer.token(key=ed25519.Ed25519PrivateKey.generate(), alg="EdDSA", aud=it.aud()),
        OTHER_WAY,
    ),
    "unknown key": (lambda it: it.token(kid="two", key=ec.generate_private_key(ec.SECP256R1())), UNKNOWN_KEY),
    "another's key under a known name": (
        lambda it: it.token(key=ec.generate_private_key(ec.SECP256R1())),
        "The token's signature does not fit.",
    ),
    "no key named": (lambda it: it.token(kid=None), "The token does not say which key it was signed with."),
    "changed": (changed, "The token's signature does not fit."),
    "a token of another kind": (
        lambda it: it.token(typ="logout+jwt"),
        "The token is of another kind than an access token.",
    ),
    "a local token of somebody else": (
        lambda it: jwt.encode(
            {"iss": "overture-local", "sub": "eve", "aud": it.url, "exp": int(time.time()) + 60},
            ed25519.Ed25519PrivateKey.generate(),
            "EdDSA",
            headers={"kid": "0" * 16},
        ),
        UNKNOWN_KEY,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_does_not_hold_is_refused_with_its_reason(served: Any, name: str) -> None:
    make, reason = REFUSED[name]
    answer = served.post(make(served))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_token", "message": reason})
    assert challenge(answer) == {
        "error": "invalid_token",
        "error_description": reason,
        "scope": "leads:read",
        "resource_metadata": metadata_url(served),
    }


@pytest.mark.parametrize(
    "aud", ["https://other.example", "{url}/messaging/mcp", "{url}/leads", "{url}/leads/mcp/x", "desk"]
)
def test_a_token_for_anything_else_is_refused(served: Any, aud: str) -> None:
    answer = served.post(served.token(aud=aud.format(url=served.url)))
    assert answer.status_code == 401
    wanted = f"its audience has to be {served.url} or {served.url}/leads/mcp."
    assert answer.json()["message"] == f"The token is for another resource; {wanted}"


@pytest.mark.parametrize("aud", ["{url}", "{url}/", "{url}/leads/mcp", ["https://other.example", "{url}/leads/mcp"]])
def test_a_token_for_this_server_or_for_all_of_them_is_taken(served: Any, aud: Any) -> None:
    meant = [each.format(url=served.url) for each in aud] if isinstance(aud, list) else aud.format(url=served.url)
    assert served.post(served.token(aud=meant)).status_code == 200


@pytest.mark.parametrize("claims", [{"nbf": 20}, {"exp": -20}])
def test_clocks_may_be_half_a_minute_apart(served: Any, claims: dict[str, int]) -> None:
    moved = {name: int(time.time()) + seconds for name, seconds in claims.items()}
    assert served.post(served.token(**moved)).status_code == 200


@pytest.mark.parametrize("server", NAMES)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS"])
def test_without_a_token_nothing_of_any_server_answers_and_the_client_is_told_where_to_get_one(
    served: Any, server: str, method: str
) -> None:
    answer = httpx.request(method, f"{served.url}/{server}/mcp", trust_env=False)
    assert answer.status_code == 401
    assert challenge(answer) == {"scope": READS[server], "resource_metadata": metadata_url(served, server)}


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Token {token}", "{token}"])
def test_a_header_of_another_form_is_no_token(served: Any, value: str) -> None:
    headers = {"Authorization": value.format(token=served.token())}
    assert httpx.post(f"{served.url}/leads/mcp", headers=headers, trust_env=False).status_code == 401


def test_two_tokens_or_one_in_the_address_are_none(served: Any) -> None:
    token = served.token()
    twice = [("Authorization", f"Bearer {token}")] * 2
    assert httpx.post(f"{served.url}/leads/mcp", headers=twice, trust_env=False).status_code == 401
    assert httpx.post(f"{served.url}/leads/mcp?access_token={token}", trust_env=False).status_code == 401


@pytest.mark.parametrize("server", NAMES)
def test_the_metadata_names_the_resource_its_issuer_and_its_scopes(served: Any, server: str) -> None:
    answer = httpx.get(metadata_url(served, server), trust_env=False)
    kind = READS[server].partition(":")[0]
    found = answer.json()
    assert found["resource"] == f"{served.url}/{server}/mcp"
    assert found["authorization_servers"] == [served.issuer.url]
    assert found["scopes_supported"] == [each for each in Scope if each.startswith(f"{kind}:")]
    assert found["bearer_methods_supported"] == ["header"]


def test_a_workspace_that_does_not_exist_is_refused_and_not_made(served: Any) -> None:
    for _ in range(2):
        answer = served.post(served.token(workspace="nowhere"))
        sentence = "The token is for the workspace 'nowhere', and there is none by that name."
        assert (answer.status_code, answer.json()) == (403, {"error": "not_allowed", "message": sentence})


@pytest.mark.parametrize("workspace", [None, "", 7, ["default"], "de\x00fault", "x" * 200])
def test_a_token_without_a_workspace_is_refused(served: Any, workspace: Any) -> None:
    answer = served.post(served.token(workspace=workspace))
    sentence = "The token names no workspace; its claim 'workspace' has to."
    assert (answer.status_code, answer.json()) == (403, {"error": "not_allowed", "message": sentence})


def test_a_call_without_its_scope_says_which_one_to_ask_for(served: Any) -> None:
    answer = served.call(served.token(scope="leads:read other"), "leads_tag", tag="x", lead_ids=["lead_1"])
    assert answer.status_code == 403
    assert challenge(answer) == {
        "error": "insufficient_scope",
        "error_description": "The token lacks the scope leads:write.",
        "scope": "leads:read leads:write",
        "resource_metadata": metadata_url(served),
    }


@pytest.mark.parametrize(
    "claims",
    [{"scope": "leads:read leads:write"}, {"scope": None, "scp": ["leads:write"]}, {"scope": ["leads:write"]}],
)
def test_scopes_may_be_written_as_text_or_as_a_list(served: Any, claims: dict[str, Any]) -> None:
    answer = served.call(served.token(**claims), "leads_save_segment", name="mine", where="")
    assert answer.status_code == 200


@pytest.mark.parametrize("scope", ["", None, "leads", "leads:", "*", "LEADS:READ", "leads:readx", "messaging:read"])
def test_nothing_but_the_scope_itself_is_the_scope(served: Any, scope: Any) -> None:
    assert served.call(served.token(scope=scope), "leads_list_segments").status_code == 403


def test_the_tools_are_listed_alike_for_every_token(served: Any) -> None:
    answers = [served.post(served.token(scope=scope)).text for scope in ("", "leads:read", " ".join(Scope))]
    assert len(set(answers)) == 1


def test_with_the_issuer_away_nobody_is_let_in(serve: Any, issuer: Any) -> None:
    issuer.answers["/jwks"] = (500, {}, b"")
    with serve() as served:
        answer = served.post(served.token())
        assert (answer.status_code, answer.json()["error"]) == (503, "keys_unavailable")
        assert answer.headers["Retry-After"] == "30"


def test_a_local_token_opens_what_it_was_made_for(served: Any) -> None:
    local = served.overture("token", "--scope", "leads:read", "--server", "leads").strip()
    assert served.call(local, "leads_list_segments").status_code == 200
    assert served.call(local, "leads_tag", tag="x").status_code == 403
    assert served.post(local, server="messaging").status_code == 401
    everywhere = served.overture("token").strip()
    assert [served.post(everywhere, server=name).status_code for name in NAMES] == [200] * 4


def test_a_local_token_is_refused_where_they_are_off(serve: Any) -> None:
    with serve(OVERTURE_AUTH_LOCAL="0") as served:
        made = served.overture("token", OVERTURE_AUTH_LOCAL="1").strip()
        answer = served.post(made)
        assert (answer.status_code, answer.json()["message"]) == (401, UNTRUSTED)
