"""The keys that tokens are checked with: an issuer's, fetched and kept, or this installation's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from overture_core.clock import Clock
from overture_core.errors import KeysUnavailable
from overture_core.http_settings import may_be_fetched
from overture_servers.http.discovery import Kept, Unusable, discover, fetch

if TYPE_CHECKING:
    import httpx2

LEAST_RSA_BITS = 2048  # RFC 7518, section 3.3
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and the algorithms that it may be used with."""

    public: Any
    algorithms: frozenset[str]


class KeySource(Protocol):
    """Where an issuer's keys come from."""

    async def key(self, kid: str) -> Key | None:
        """Return a key by its id; None if there is none.

        Raises:
            KeysUnavailable: nobody can say now.
        """


class IssuerKeys:
    """The keys at an issuer's address, or where its metadata says that they are."""

    def __init__(self, issuer: str, jwks_url: str | None, clock: Clock) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._kept = Kept(self._fetch, clock, issuer=issuer, event="issuer_keys_not_fetched", away=KeysUnavailable)

    async def key(self, kid: str) -> Key | None:
        """Return a key by its id, after a look at the issuer if that is due.

        Raises:
            KeysUnavailable: there are no keys that may still be used, and the issuer does not answer.
        """
        return (await self._kept.get(lambda keys: kid in keys)).get(kid)

    async def _fetch(self, http: httpx2.AsyncClient) -> dict[str, Key]:
        return _read_keys(await fetch(http, self._jwks_url or await self._address(http)))

    async def _address(self, http: httpx2.AsyncClient) -> str:
        url = (await discover(http, self._issuer)).get("jwks_uri")
        if not isinstance(url, str) or not may_be_fetched(url):
            raise Unusable("its metadata names no https address of its keys")
        return url


def _read_keys(document: dict[str, Any]) -> dict[str, Key]:
    """Return the keys that signatures may be checked with, by their id. Others are left out (RFC 7517, section 5)."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise Unusable("its answer is no JWK set")
    keys = {}
    for each in listed:
        kid = each.get("kid") if isinstance(each, dict) else None
        key = _key(each) if isinstance(kid, str) else None
        if key is not None:
            keys[str(kid)] = key
    return keys


def _key(jwk: dict[str, Any]) -> Key | None:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    if jwk.get("use", "sig") != "sig":
        return None
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            able = _RSA
        case "EC", str(curve) if curve in _BY_CURVE:
            able = frozenset({_BY_CURVE[curve]})
        case "OKP", "Ed25519":
            able = frozenset({"EdDSA"})
        case _:  # `oct` above all: a secret that is published is none
            return None
    named = jwk.get("alg")
    able = able if named is None else able & {named}
    if not able:
        return None
    # A private key that somebody published by mistake is read as what of it is public.
    public = {name: value for name, value in jwk.items() if name in {"kty", "crv", "n", "e", "x", "y", "kid"}}
    try:
        key = PyJWK.from_dict(public, min(able)).key
    except (PyJWTError, ValueError):
        return None
    return None if jwk["kty"] == "RSA" and key.key_size < LEAST_RSA_BITS else Key(key, able)
