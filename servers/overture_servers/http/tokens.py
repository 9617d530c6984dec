"""Checks a bearer token, and says whose it is: who calls, in which workspace, with which scopes.

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
from overture_core.errors import NotAllowed
from overture_core.settings import Settings
from overture_core.text import clean, quoted
from overture_servers.http import local_tokens
from overture_servers.http.keys import IssuerKeys, KeySource
from overture_servers.http.signed import LEEWAY_S, LONGEST, InvalidToken, Signer, signed_claims
from overture_servers.principal import Principal

MOST_SCOPES = 200
LONGEST_NAME = 100
MOST_KNOWN = 1024  # tokens that are known again; of more, those that were shown last
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})  # RFC 9068, and those that say nothing of their kind
_CLAIMS = ["iss", "sub", "aud", "exp"]


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that held."""

    who: Principal
    signer: Signer
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
            claims, signer = await signed_claims(
                token,
                self._sources,
                audiences=[form for each in audiences for form in (each, f"{each}/")],
                kind="an access token",
                types=_TYPES,
                required=_CLAIMS,
            )
            known = _Known(self._principal(claims, fingerprint), signer, int(claims["exp"]) + LEEWAY_S)
            self._known[mark] = known
        return known.who

    def _principal(self, claims: Mapping[str, Any], fingerprint: str) -> Principal:
        if not claims["sub"]:
            raise InvalidToken("The token names nobody: its claim sub is empty.")
        client = claims.get("client_id") or claims.get("azp") or claims["sub"]
        return Principal(
            token=fingerprint[:12],
            client_id=str(client),
            issuer=claims["iss"],
            subject=claims["sub"],
            workspace=workspace_of(claims, self._settings),
            scopes=_scopes(claims, self._settings.auth_scope_claim),
            expires_at=int(claims["exp"]),
            claims={"iss": claims["iss"]},  # the SDK's binding of sealed states looks there
        )


def workspace_of(claims: Mapping[str, Any], settings: Settings) -> str:
    """Return the workspace that a token is for.

    Raises:
        NotAllowed: it names none.
    """
    workspace = claims.get(settings.auth_workspace_claim)
    if not isinstance(workspace, str) or not workspace or workspace != clean(workspace, limit=LONGEST_NAME):
        msg = f"The token names no workspace; its claim {quoted(settings.auth_workspace_claim)} has to."
        raise NotAllowed(msg)
    return workspace


def _scopes(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the scopes: separated by spaces (RFC 8693), or as a list; under `scp` where `name` is missing."""
    found = claims.get(name, claims.get("scp"))
    listed = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    return [clean(each, limit=100) for each in listed[:MOST_SCOPES] if isinstance(each, str)]
