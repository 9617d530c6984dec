"""The keys that tokens are checked with: an issuer's, fetched and kept, or this installation's own.

Keys are fetched anew after `FRESH`, and when a token names one that is not among them, at most once in `PAUSE`: who
sends made-up key ids makes us ask the issuer no oftener than that. While the issuer does not answer, what was fetched
goes on for `KEPT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import anyio
import structlog

from overture_core.clock import Clock
from overture_core.errors import KeysUnavailable
from overture_core.http_settings import may_be_fetched

if TYPE_CHECKING:
    import httpx2

FRESH = timedelta(minutes=10)
KEPT = timedelta(hours=4)
PAUSE = timedelta(seconds=30)
FETCH_WITHIN_S = 5.0
MOST_BYTES = 512 * 1024
LEAST_RSA_BITS = 2048  # RFC 7518, section 3.3
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
# RFC 8414, section 3.1, then OpenID Connect Discovery in both of its spellings.
_METADATA = (
    "{origin}/.well-known/oauth-authorization-server{path}",
    "{origin}/.well-known/openid-configuration{path}",
    "{origin}{path}/.well-known/openid-configuration",
)

log = structlog.get_logger(__name__)


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
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fetched: datetime | None = None
        self._asked: datetime | None = None
        self._lock = anyio.Lock()

    async def key(self, kid: str) -> Key | None:
        """Return a key by its id, after a look at the issuer if that is due.

        Raises:
            KeysUnavailable: there are no keys that may still be used, and the issuer does not answer.
        """
        if not self._usable(FRESH) or kid not in self._keys:
            async with self._lock:
                if self._asking_is_due(kid):
                    await self._ask()
            if not self._usable(KEPT):
                raise KeysUnavailable
        return self._keys.get(kid)

    def _usable(self, age: timedelta) -> bool:
        return self._fetched is not None and self._clock.now() - self._fetched < age

    def _asking_is_due(self, kid: str) -> bool:
        if self._usable(FRESH) and kid in self._keys:  # somebody else asked while we waited
            return False
        return self._asked is None or self._clock.now() - self._asked >= PAUSE

    async def _ask(self) -> None:
        import httpx2

        self._asked = self._clock.now()
        try:
            with anyio.fail_after(FETCH_WITHIN_S):
                async with httpx2.AsyncClient(follow_redirects=False, timeout=FETCH_WITHIN_S) as http:
                    url = self._jwks_url or await self._discover(http)
                    found = _read_keys(await _fetch(http, url))
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            # What an issuer sent does not go into the log, only what kind of trouble it was.
            log.warning("issuer_keys_not_fetched", issuer=self._issuer, error=type(error).__name__, detail=_said(error))
            return
        self._keys, self._fetched = found, self._clock.now()

    async def _discover(self, http: httpx2.AsyncClient) -> str:
        parts = urlsplit(self._issuer)
        origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        for form in _METADATA:
            try:
                metadata = await _fetch(http, form.format(origin=origin, path=path))
            except _NotThere:
                continue
            url = metadata.get("jwks_uri")
            if metadata.get("issuer") != self._issuer:  # RFC 8414, section 3.3
                raise _Unusable("its metadata is of another issuer")
            if not isinstance(url, str) or not may_be_fetched(url):
                raise _Unusable("its metadata names no https address of its keys")
            return url
        raise _Unusable("it has no metadata at the addresses of RFC 8414 and OpenID Connect")


class _Unusable(ValueError):
    """What came is of no use; the text is ours."""


class _NotThere(_Unusable):
    """There is nothing at an address."""


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, _Unusable) else ""


async def _fetch(http: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """Get a JSON object: no redirect is followed, nothing is unpacked, and no more than a bounded size is read."""
    import orjson

    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with http.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 404:
            raise _NotThere("there is nothing at its address")
        if answer.status_code != 200:
            raise _Unusable(f"it answered with status {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise _Unusable("it packed its answer, although it was asked not to")
        body = b""
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > MOST_BYTES:
                raise _Unusable("its answer is too large")
    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise _Unusable("its answer is no JSON object")
    return found


def _read_keys(document: dict[str, Any]) -> dict[str, Key]:
    """Return the keys that signatures may be checked with, by their id. Others are left out (RFC 7517, section 5)."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise _Unusable("its answer is no JWK set")
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
