"""The issuer's keys: found, kept, fetched anew, and what of an answer is not believed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from overture_core.clock import ManualClock
from overture_core.errors import KeysUnavailable
from overture_core.settings import Settings
from overture_servers.http.discovery import FRESH, KEPT, MOST_BYTES, PAUSE
from overture_servers.http.keys import IssuerKeys

pytestmark = pytest.mark.anyio
METADATA = "/.well-known/oauth-authorization-server"
OIDC = "/.well-known/openid-configuration"


@pytest.fixture
def keys(issuer: Any, clock: ManualClock) -> IssuerKeys:
    return IssuerKeys(issuer.url, None, clock)


async def test_keys_are_fetched_once_and_kept_while_they_are_fresh(
    keys: IssuerKeys, issuer: Any, clock: ManualClock
) -> None:
    for _ in range(3):
        found = await keys.key("one")
        assert found is not None
        assert found.algorithms == {"ES256"}
    assert issuer.asked == [METADATA, "/jwks"]
    clock.advance(FRESH)
    await keys.key("one")
    assert issuer.asked == [METADATA, "/jwks"] * 2


async def test_a_rotated_key_is_found_by_its_first_token_and_the_old_one_is_gone(
    keys: IssuerKeys, issuer: Any, clock: ManualClock
) -> None:
    assert await keys.key("one") is not None
    issuer.keys.clear()
    issuer.add_key("two")
    clock.advance(PAUSE)
    assert await keys.key("two") is not None
    assert await keys.key("one") is None


async def test_made_up_key_ids_make_us_ask_at_most_once_in_the_pause(
    keys: IssuerKeys, issuer: Any, clock: ManualClock
) -> None:
    for number in range(100):
        assert await keys.key(f"made-up-{number}") is None
    assert issuer.asked.count("/jwks") == 1
    clock.advance(PAUSE)
    for number in range(100):
        assert await keys.key(f"made-up-{number}") is None
    assert issuer.asked.count("/jwks") == 2


async def test_while_the_issuer_is_away_its_keys_hold_for_the_stated_time_and_no_longer(
    keys: IssuerKeys, issuer: Any, clock: ManualClock
) -> None:
    assert await keys.key("one") is not None
    issuer.answers[METADATA] = (500, {}, b"")
    clock.advance(KEPT - timedelta(seconds=1))
    assert await keys.key("one") is not None
    clock.advance(timedelta(seconds=1))
    with pytest.raises(KeysUnavailable):
        await keys.key("one")
    del issuer.answers[METADATA]
    with pytest.raises(KeysUnavailable):  # it was asked a moment ago
        await keys.key("one")
    clock.advance(PAUSE)
    assert await keys.key("one") is not None


async def test_the_metadata_of_openid_connect_serves_as_well(keys: IssuerKeys, issuer: Any) -> None:
    issuer.answers[METADATA] = (404, {}, b"")
    issuer.answers[OIDC] = (200, {}, json.dumps(issuer.metadata()).encode())
    assert await keys.key("one") is not None


async def test_an_address_in_the_settings_needs_no_metadata(issuer: Any, clock: ManualClock) -> None:
    assert await IssuerKeys(issuer.url, f"{issuer.url}/jwks", clock).key("one") is not None
    assert issuer.asked == ["/jwks"]


REDIRECT = (302, {"Location": "/elsewhere"}, b"")
UNUSABLE: dict[str, tuple[str, tuple[int, dict[str, str], bytes]]] = {
    "a redirect": ("/jwks", REDIRECT),
    "metadata elsewhere": (METADATA, REDIRECT),
    "an error": ("/jwks", (500, {}, b"")),
    "no JSON": ("/jwks", (200, {}, b"<html>")),
    "another JSON": ("/jwks", (200, {}, b"[]")),
    "no key set": ("/jwks", (200, {}, b'{"keys": 7}')),
    "too much": ("/jwks", (200, {}, b" " * (MOST_BYTES + 1))),
    "deep JSON": ("/jwks", (200, {}, b"[" * 100_000)),
    "packed": ("/jwks", (200, {"Content-Encoding": "gzip"}, b"")),
    "metadata of another": (METADATA, (200, {}, b'{"issuer": "https://a.example", "jwks_uri": "https://a.example/j"}')),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_an_answer_that_is_of_no_use_gives_no_keys(keys: IssuerKeys, issuer: Any, name: str) -> None:
    path, answer = UNUSABLE[name]
    issuer.answers[path] = answer
    issuer.answers["/elsewhere"] = (200, {}, json.dumps(issuer.jwks()).encode())
    with pytest.raises(KeysUnavailable):
        await keys.key("one")
    assert "/elsewhere" not in issuer.asked


@pytest.mark.parametrize("uri", ["http://keys.example/jwks", "file:///etc/passwd", "https://a:b@keys.example/", "", 7])
async def test_metadata_that_leads_to_an_unsafe_address_is_not_followed(
    keys: IssuerKeys, issuer: Any, uri: object, outside_contacts: list[str]
) -> None:
    issuer.answers[METADATA] = (200, {}, json.dumps({**issuer.metadata(), "jwks_uri": uri}).encode())
    with pytest.raises(KeysUnavailable):
        await keys.key("one")
    assert outside_contacts == []


async def test_only_public_keys_that_sign_and_are_strong_are_taken(keys: IssuerKeys, issuer: Any) -> None:
    issuer.add_key("rsa", rsa.generate_private_key(65537, 2048))
    issuer.add_key("large", ec.generate_private_key(ec.SECP384R1()))
    issuer.add_key("weak", rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is the point
    issuer.add_key("bitcoin", ec.generate_private_key(ec.SECP256K1()))
    published = issuer.jwks()["keys"]
    published += [
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {**published[0], "kid": "encrypts", "use": "enc"},
        {**published[0], "kid": "says HS256", "alg": "HS256"},
        {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256"},
        "no key",
    ]
    issuer.answers["/jwks"] = (200, {}, json.dumps({"keys": published}).encode())
    found = {
        str(each["kid"]): await keys.key(each["kid"]) for each in published if isinstance(each, dict) and "kid" in each
    }
    usable = {name: sorted(key.algorithms) for name, key in found.items() if key is not None}
    assert usable == {
        "one": ["ES256"],
        "rsa": ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
        "large": ["ES384"],
    }


SIGN_IN = {"auth_issuer": "https://login.example", "auth_client_id": "dashboard", "auth_approver_role": "approvers"}


@pytest.mark.parametrize(
    "values",
    [
        {"auth_issuer": "http://login.example"},
        {"auth_issuer": "login.example"},
        {"auth_issuer": "https://user:password@login.example"},
        {"auth_issuer": "https://login.example", "auth_jwks_url": "http://login.example/jwks"},
        {"auth_jwks_url": "https://login.example/jwks"},
        {"allowed_hosts": ["overture.example"]},
        {"allowed_origins": ["https://overture.example"]},
        {"auth_audience": "overture"},
        {"auth_client_id": "dashboard", "auth_local": True, "auth_approver_role": "approvers"},
        {"auth_client_id": "dashboard", "auth_issuer": "https://login.example"},
        {"auth_client_secret": "secret", "auth_issuer": "https://login.example"},
        {"auth_approver_role": "approvers", "auth_issuer": "https://login.example"},
        {**SIGN_IN, "auth_audience": "dashboard"},
        {**SIGN_IN, "auth_sign_in_scope": "profile"},
        {**SIGN_IN, "public_url": "http://overture.example"},
        {**SIGN_IN, "http_host": "0.0.0.0"},
    ],
)
def test_settings_that_would_not_protect_are_refused(settings: Settings, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"OVERTURE_A|OVERTURE_PUBLIC_URL|auth_sign_in_scope"):
        Settings(**{"_env_file": None, "sandbox_only": True, **values})


@pytest.mark.parametrize("scope", ["profile", "openid,groups", "openid  groups", " openid", ""])
def test_a_scope_that_asks_for_no_identity_is_told_what_one_looks_like(scope: str) -> None:
    values: dict[str, Any] = {"_env_file": None, "sandbox_only": True, **SIGN_IN, "auth_sign_in_scope": scope}
    with pytest.raises(ValidationError, match=r'one space between them, `openid` among them, such as "openid groups"'):
        Settings(**values)
