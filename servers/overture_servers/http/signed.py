"""Checks a signed token: which issuer's key signed it, for whom it is, and that it is not over.

Only signatures by asymmetric keys count, and only under algorithms that fit the kind of key: a token cannot choose how
it is checked. What a refusal says never holds any of the token.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overture_core.errors import UserError
from overture_servers.http.keys import Key, KeySource

LONGEST = 16 * 1024  # characters
LEEWAY_S = 30


class InvalidToken(UserError):
    """The token is not one that is taken here."""

    code = "invalid_token"


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that a token was signed with, and where to ask for it again."""

    source: KeySource
    kid: str
    key: Key


async def signed_claims(
    token: str,
    sources: Mapping[str, KeySource],
    *,
    audiences: Sequence[str],
    kind: str,
    types: Collection[str],
    required: Sequence[str],
) -> tuple[dict[str, Any], Signer]:
    """Return what a token of one of the issuers in `sources` claims for one of `audiences`, and who signed it.

    `kind` is what it is called, and `types` are those (`typ`, in small letters) that it may have; one that says nothing
    is a `jwt`.

    Raises:
        InvalidToken: it does not hold.
        KeysUnavailable: nobody can say now.
    """
    import jwt

    if len(token) > LONGEST:
        raise InvalidToken("The token is too long.")
    try:
        header = jwt.get_unverified_header(token)
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidToken("This is no JSON Web Token.") from error
    source = sources.get(issuer) if isinstance(issuer, str) else None
    if source is None:
        raise InvalidToken("The token is of an issuer that is not trusted here.")
    kid, algorithm, typ = header.get("kid"), header.get("alg"), header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower() not in types:
        raise InvalidToken(f"The token is of another kind than {kind}.")
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
            audience=audiences,
            leeway=LEEWAY_S,
            options={"require": [*required]},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidToken(_why(error, audiences)) from error
    return claims, Signer(source, kid, key)


def _why(error: Exception, audiences: Sequence[str]) -> str:
    import jwt

    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case jwt.InvalidAudienceError():
            wanted = " or ".join(dict.fromkeys(each.rstrip("/") for each in audiences))
            return f"The token is for another resource; its audience has to be {wanted}."
        case jwt.MissingRequiredClaimError(claim=claim):
            return f"The token lacks the claim {claim}."
        case jwt.InvalidSignatureError():
            return "The token's signature does not fit."
        case _:
            return "The token does not hold together."
