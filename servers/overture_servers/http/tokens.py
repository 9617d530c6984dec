"""Checks a bearer token: who issued it, for whom, for how long, and by which key.

Only signatures by asymmetric keys count, and only under algorithms that fit the kind of key: a token cannot choose how
it is checked. What a refusal says never holds any of the token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from overture_core.clock import SystemClock
from overture_core.errors import NotAllowed, UserError
from overture_core.settings import Settings
from overture_core.text import clean, quoted
from overture_servers.http import local_tokens
from overture_servers.http.keys import IssuerKeys, KeySource
from overture_servers.principal import Principal

LONGEST = 16 * 1024  # characters
LEEWAY_S = 30
MOST_SCOPES = 200
LONGEST_NAME = 100
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})  # RFC 9068, and those that say nothing of their kind
_CLAIMS = ["iss", "sub", "aud", "exp"]


class InvalidToken(UserError):
    """The token is not one that is taken here."""

    code = "invalid_token"


class Tokens:
    """Checks tokens of the issuers that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sources: dict[str, KeySource] = {}
        if settings.auth_issuer is not None:
            # Keys age by the real time: the sandbox's clock may be set to any other.
            keys = IssuerKeys(settings.auth_issuer, settings.auth_jwks_url, SystemClock())
            self._sources[settings.auth_issuer] = keys
        if settings.auth_local:
            self._sources[local_tokens.ISSUER] = local_tokens.LocalKeys(settings)

    async def check(self, token: str, audiences: Sequence[str]) -> Principal:
        """Return whose token it is; it has to be for one of `audiences`.

        Raises:
            InvalidToken: it is none that is taken here.
            NotAllowed: it is, and names no workspace.
            KeysUnavailable: nobody can say now.
        """
        if len(token) > LONGEST:
            raise InvalidToken("The token is too long.")
        claims = await self._claims(token, audiences)
        workspace = claims.get(self._settings.auth_workspace_claim)
        if not isinstance(workspace, str) or not workspace or workspace != clean(workspace, limit=LONGEST_NAME):
            msg = f"The token names no workspace; its claim {quoted(self._settings.auth_workspace_claim)} has to."
            raise NotAllowed(msg)
        client = claims.get("client_id") or claims.get("azp") or claims["sub"]
        return Principal(
            token=hashlib.sha256(token.encode()).hexdigest()[:12],
            client_id=str(client),
            issuer=claims["iss"],
            subject=claims["sub"],
            workspace=workspace,
            scopes=_scopes(claims, self._settings.auth_scope_claim),
            expires_at=int(claims["exp"]),
            claims={"iss": claims["iss"]},  # the SDK's binding of sealed states looks there
        )

    async def _claims(self, token: str, audiences: Sequence[str]) -> dict[str, Any]:
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
            return jwt.decode(
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
