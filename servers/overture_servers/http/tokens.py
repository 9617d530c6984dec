"""Checks a bearer token: who issued it, for whom, for how long, and by which key.

Only signatures by asymmetric keys count, and only under algorithms that fit the kind of key: a token cannot choose how
it is checked. What a refusal says never holds any of the token.

A token that held is known again by its hash, until it expires, and only while the key that signed it is still the one
that its issuer has: the key is asked for each time, as if the token were new.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import TLRUCache

from overture_core.clock import Clock, SystemClock
from overture_core.errors import NotAllowed, UserError
from overture_core.settings import Settings
from overture_core.text import clean, quoted
from overture_servers.http import local_tokens
from overture_servers.http.keys import IssuerKeys, Key, KeySource
from overture_servers.principal import Principal

LONGEST = 16 * 1024  # characters
LEEWAY_S = 30
MOST_SCOPES = 200
LONGEST_NAME = 100
MOST_KNOWN = 1024  # tokens that are known again; of more, those that were shown last
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})  # RFC 9068, and those that say nothing of their kind
_CLAIMS = ["iss", "sub", "aud", "exp"]


class InvalidToken(UserError):
    """The token is not one that is taken here."""

    code = "invalid_token"


@dataclass(frozen=True, slots=True)
class _Signer:
    """The key that a token was signed with, and where to ask for it again."""

    source: KeySource
    kid: str
    key: Key


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that held."""

    who: Principal
    signer: _Signer
    ends: float  # in seconds since 1970

    async def holds(self) -> bool:
        """Tell whether its issuer still has the very key."""
        return await self.signer.source.key(self.signer.kid) is self.signer.key


def _ends(_token: object, known: _Known, _now: float) -> float:
    return known.ends


class Tokens:
    """Checks tokens of the issuers that the settings name. `clock` is what their keys age by.

    It is the real one, and tokens end by it too: the sandbox's may be set to any other time.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._sources: dict[str, KeySource] = {}
        if settings.auth_issuer is not None:
            keys = IssuerKeys(settings.auth_issuer, settings.auth_jwks_url, clock or SystemClock())
            self._sources[settings.auth_issuer] = keys
        if settings.auth_local:
            self._sources[local_tokens.ISSUER] = local_tokens.LocalKeys(settings)
        self._known: TLRUCache[tuple[str, tuple[str, ...]], _Known] = TLRUCache(MOST_KNOWN, _ends, time.time)

    async def check(self, token: str, audiences: Sequence[str]) -> Principal:
        """Return whose token it is; it has to be for one of `audiences`.

        Raises:
            InvalidToken: it is none that is taken here.
            NotAllowed: it is, and names no workspace.
            KeysUnavailable: nobody can say now.
        """
        if len(token) > LONGEST:
            raise InvalidToken("The token is too long.")
        fingerprint = hashlib.sha256(token.encode()).hexdigest()
        mark = fingerprint, tuple(audiences)
        known = self._known.get(mark)
        if known is None or not await known.holds():
            claims, signer = await self._claims(token, audiences)
            known = _Known(self._principal(claims, fingerprint), signer, int(claims["exp"]) + LEEWAY_S)
            self._known[mark] = known
        return known.who

    def _principal(self, claims: Mapping[str, Any], fingerprint: str) -> Principal:
        workspace = claims.get(self._settings.auth_workspace_claim)
        if not isinstance(workspace, str) or not workspace or workspace != clean(workspace, limit=LONGEST_NAME):
            msg = f"The token names no workspace; its claim {quoted(self._settings.auth_workspace_claim)} has to."
            raise NotAllowed(msg)
        client = claims.get("client_id") or claims.get("azp") or claims["sub"]
        return Principal(
            token=fingerprint[:12],
            client_id=str(client),
            issuer=claims["iss"],
            subject=claims["sub"],
            workspace=workspace,
            scopes=_scopes(claims, self._settings.auth_scope_claim),
            expires_at=int(claims["exp"]),
            claims={"iss": claims["iss"]},  # the SDK's binding of sealed states looks there
        )

    async def _claims(self, token: str, audiences: Sequence[str]) -> tuple[dict[str, Any], _Signer]:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidToken("This is no JSON Web Token.") from error
        source = self._sources.get(issuer) if isinstance(issuer, str) else None
        if source is None:
            raise InvalidToken("The token is of an issuer that is not trusted here.")
        kid, algorithm, kind = header.get("kid"), header.get("alg"), header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise InvalidToken("The token is of another kind than an access token.")
        if not isinstance(kid, str):
            raise InvalidToken("The token does not say which key it was signed with.")
        key = await source.key(kid)
        if key is None:
            raise InvalidToken("The token was signed with a key that its issuer does not have.")
        if algorithm not in key.algorithms:
            raise InvalidToken("The token was signed in a way that is not taken here.")
        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[str(algorithm)],
                issuer=issuer,
                audience=[form for each in audiences for form in (each, f"{each}/")],
                leeway=LEEWAY_S,
                options={"require": _CLAIMS},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidToken(_why(error, audiences)) from error
        return claims, _Signer(source, kid, key)


def _why(error: Exception, audiences: Sequence[str]) -> str:
    import jwt

    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case jwt.InvalidAudienceError():
            return f"The token is for another resource; its audience has to be {' or '.join(audiences)}."
        case jwt.MissingRequiredClaimError(claim=claim):
            return f"The token lacks the claim {claim}."
        case jwt.InvalidSignatureError():
            return "The token's signature does not fit."
        case _:
            return "The token does not hold together."


def _scopes(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the scopes: separated by spaces (RFC 8693), or as a list; under `scp` where `name` is missing."""
    found = claims.get(name, claims.get("scp"))
    listed = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    return [clean(each, limit=100) for each in listed[:MOST_SCOPES] if isinstance(each, str)]
