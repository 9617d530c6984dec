"""Tokens for local use, without an identity provider: made by `overture token`, signed by a key of this installation.

The key (Ed25519) is derived from the stored secret, so that every process of one data folder, and every machine that
is given the same OVERTURE_SECRET_KEY, takes them, and nobody else can make them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from overture_core import secrets
from overture_core.ids import new_id
from overture_core.settings import Settings
from overture_servers.http.keys import Key
from overture_servers.scopes import Scope, joined

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER = "overture-local"
CLIENT = "overture-token"
ALGORITHM = "EdDSA"
LONGEST = timedelta(days=30)
PURPOSE = "local-tokens"


class LocalKeys:
    """The keys of this installation that are accepted, read when the first token comes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def key(self, kid: str) -> Key | None:
        """Return the key that is named, if it is one of them."""
        return self._own.get(kid)

    @cached_property
    def _own(self) -> dict[str, Key]:
        signers = [_signer(seed) for seed in secrets.derive_accepted(self._settings, PURPOSE)]
        return {_kid(each): Key(each.public_key(), frozenset({ALGORITHM})) for each in signers}


def make_token(
    settings: Settings,
    *,
    workspace: str,
    scopes: Sequence[Scope],
    subject: str,
    audience: str,
    now: datetime,
    lifetime: timedelta,
) -> str:
    """Return a signed token (RFC 9068) for at most 30 days."""
    import jwt

    signer = _signer(secrets.derive(settings, PURPOSE))
    claims = {
        "iss": ISSUER,
        "sub": subject,
        "client_id": CLIENT,
        "aud": audience,
        "iat": now,
        "exp": now + min(lifetime, LONGEST),
        "jti": new_id("tok"),
        settings.auth_scope_claim: joined(scopes),
        settings.auth_workspace_claim: workspace,
    }
    return jwt.encode(claims, signer, ALGORITHM, headers={"kid": _kid(signer), "typ": "at+jwt"})


def _signer(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def _kid(signer: Ed25519PrivateKey) -> str:
    return hashlib.sha256(signer.public_key().public_bytes_raw()).hexdigest()[:16]
