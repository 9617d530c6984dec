"""OAuth 2.0 with LinkedIn: where a person grants access, and the exchange of what their browser brings back.

Three legs with a state, and PKCE (RFC 7636, S256) where LinkedIn enabled it for the application, which then has an
authorization address of its own. Access tokens live 60 days; refresh tokens are for approved applications only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from overture_core.clock import Clock
from overture_core.errors import ProviderRefused, ProviderUnavailable
from overture_core.linkedin.accounts import Member, Tokens
from overture_core.linkedin.scopes import missing_sentence
from overture_core.text import clean
from overture_providers import transport
from overture_providers.endpoints import LinkedInEndpoint

AUTHORIZE_PATH = "/oauth/v2/authorization"
AUTHORIZE_PKCE_PATH = "/oauth/native-pkce/authorization"
TOKEN_PATH = "/oauth/v2/accessToken"  # noqa: S105 - a path
USERINFO_PATH = "/v2/userinfo"
_USUAL = timedelta(days=60)
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,60}")


def authorization_url(
    endpoint: LinkedInEndpoint, *, state: str, redirect_uri: str, scopes: Sequence[str], verifier: str | None
) -> str:
    """Return the address that a person opens to grant access."""
    query = {
        "response_type": "code",
        "client_id": endpoint.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "scope": " ".join(scopes),
    }
    if verifier is None:
        return f"{endpoint.login_url}{AUTHORIZE_PATH}?{urlencode(query, quote_via=quote)}"
    query |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    return f"{endpoint.login_url}{AUTHORIZE_PKCE_PATH}?{urlencode(query, quote_via=quote)}"


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Login:
    """The token address of one application."""

    def __init__(
        self, http: aiohttp.ClientSession, endpoint: LinkedInEndpoint, *, timeout_s: float, clock: Clock
    ) -> None:
        self._http = http
        self._endpoint = endpoint
        self._deadline_s = timeout_s + transport.CONNECT_TIMEOUT_S
        self._clock = clock

    async def exchange(self, code: str, redirect_uri: str, verifier: str | None) -> Tokens:
        """Return the tokens for a code that the browser brought back.

        Raises:
            ProviderRefused: LinkedIn does not take the code.
            ProviderUnavailable: LinkedIn does not answer.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if verifier is not None:
            form["code_verifier"] = verifier
        return await self._tokens(form, refresh=None)

    async def refresh(self, tokens: Tokens) -> Tokens:
        """Return new tokens for a refresh token. Raises as `exchange` does."""
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh or ""}
        return await self._tokens(form, refresh=tokens)

    async def member(self, tokens: Tokens) -> Member:
        """Return who granted the tokens. Raises as `exchange` does."""
        url = f"{self._endpoint.base_url}{USERINFO_PATH}"
        headers = {"Authorization": f"Bearer {tokens.access}"}
        try:
            answer = await transport.exchange(self._http, "GET", url, self._deadline_s, headers=headers)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise ProviderUnavailable(_AWAY) from error
        body = transport.json_object(answer)
        subject = body.get("sub")
        if not answer.is_success or not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            lacking = [each for each in ("openid", "profile") if each not in tokens.scopes]
            why = missing_sentence(*lacking) if lacking else transport.detail_of(answer, None)
            raise ProviderRefused(f"LinkedIn granted access but does not say to whom. {why}")
        name = body.get("name")
        return Member(f"urn:li:person:{subject}", name if isinstance(name, str) else "")

    async def _tokens(self, form: Mapping[str, str], *, refresh: Tokens | None) -> Tokens:
        url = f"{self._endpoint.login_url}{TOKEN_PATH}"
        client = {"client_id": self._endpoint.client_id, "client_secret": self._endpoint.client_secret}
        answer = await transport.post(self._http, url, deadline_s=self._deadline_s, headers={}, form={**form, **client})
        if not isinstance(answer, transport.Answer) or answer.status >= transport.SERVER_ERROR:
            raise ProviderUnavailable(_AWAY)
        body = transport.json_object(answer)
        if not answer.is_success:
            said = body.get("error_description") or body.get("error")
            detail = transport.detail_of(answer, said if isinstance(said, str) else None)
            msg = f"LinkedIn gave no token ({detail}); connect again, and check the application's id, secret and URL."
            raise ProviderRefused(msg)
        return self._read(body, refresh)

    def _read(self, body: Mapping[str, Any], before: Tokens | None) -> Tokens:
        access, scope = body.get("access_token"), body.get("scope")
        if not isinstance(access, str) or not access:
            raise ProviderRefused("LinkedIn's answer has no token; connect again.")
        # LinkedIn separates scopes by commas, RFC 6749 by spaces.
        scopes = scope.replace(",", " ").split() if isinstance(scope, str) else (before.scopes if before else [])
        renewed = body.get("refresh_token")
        return Tokens(
            access=access,
            expires_at=self._later(body.get("expires_in")) or self._clock.now() + _USUAL,
            scopes=[clean(each, limit=60) for each in scopes[:50]],
            refresh=renewed if isinstance(renewed, str) else (before.refresh if before else None),
            refresh_expires_at=self._later(body.get("refresh_token_expires_in"))
            or (before.refresh_expires_at if before else None),
        )

    def _later(self, seconds: object) -> datetime | None:
        if not isinstance(seconds, int) or not 0 <= seconds <= 10**9:
            return None
        return self._clock.now() + timedelta(seconds=seconds)


_AWAY = "LinkedIn's login does not answer; nothing was changed, try it again later."
