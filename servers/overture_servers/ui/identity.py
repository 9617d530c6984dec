"""Asks the identity provider who somebody is: OpenID Connect's authorization code flow with PKCE.

The provider is believed only in an ID token that it hands us for the code of this very flow: signed by its key, for our
client, with the flow's nonce. An access token, whoever holds it, is none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from overture_core.clock import SystemClock
from overture_core.errors import ConfigurationError, IssuerUnavailable, NotAllowed
from overture_core.http_settings import may_be_fetched
from overture_core.settings import Settings
from overture_core.text import clean, quoted
from overture_servers.http.discovery import Kept, Unusable, discover
from overture_servers.http.keys import IssuerKeys
from overture_servers.http.signed import LEEWAY_S, InvalidToken, signed_claims
from overture_servers.http.tokens import workspace_of
from overture_servers.ui import paths

if TYPE_CHECKING:
    import httpx2
    from authlib.oidc.core import CodeIDToken

ANSWER_WITHIN_S = 10.0
LONGEST_NAME = 200
_BASIC, _POST = "client_secret_basic", "client_secret_post"
_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "nonce"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a provider is asked with: `state` comes back by the browser, `nonce` in the ID token, and `verifier` is
    PKCE's secret."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider named, `account` as it knows them itself (`sub`); they may approve."""

    name: str
    workspace: str
    issuer: str
    account: str


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorization: str
    token: str
    authentication: str  # how a client with a secret shows it


class IdentityProvider:
    """The issuer of the settings, to which the dashboard is a client."""

    def __init__(self, settings: Settings) -> None:
        issuer, client_id = settings.auth_issuer, settings.auth_client_id
        if issuer is None or client_id is None:
            msg = "Nobody can sign in before OVERTURE_AUTH_ISSUER and OVERTURE_AUTH_CLIENT_ID are set."
            raise ConfigurationError(msg)
        self._settings = settings
        self._issuer, self._client_id = issuer, client_id
        clock = SystemClock()
        self._keys = IssuerKeys(issuer, settings.auth_jwks_url, clock)
        self._endpoints = Kept(
            self._discover, clock, issuer=issuer, event="issuer_metadata_not_fetched", away=IssuerUnavailable
        )

    async def address(self, asked: Asked) -> str:
        """Return where the person's browser has to go.

        Raises:
            IssuerUnavailable: the provider does not answer.
        """
        from authlib.oauth2.client import OAuth2Client

        endpoints = await self._endpoints.get()
        client = OAuth2Client(None, code_challenge_method="S256", **self._as_client(endpoints))
        url, _ = client.create_authorization_url(
            endpoints.authorization, state=asked.state, nonce=asked.nonce, code_verifier=asked.verifier
        )
        return url

    async def person(self, code: str, asked: Asked) -> Person:
        """Return whom the provider named, for the code that the browser came back with.

        Raises:
            NotAllowed: the code or the ID token does not hold, it names no workspace, or they may not approve.
            IssuerUnavailable: the provider does not answer.
            ConfigurationError: it does not know us.
        """
        answer = await self._exchanged(code, asked)
        claims = await self._claims(answer, asked)
        name = claims.get(self._settings.auth_person_claim)
        if not isinstance(name, str) or not (shown := clean(name, limit=LONGEST_NAME)):
            msg = f"Your account has no name here; its claim {quoted(self._settings.auth_person_claim)} has to say it."
            raise NotAllowed(msg)
        if self._settings.auth_approver_role not in _roles(claims, self._settings.auth_role_claim):
            msg = (
                f"{shown} may not approve, and this page is for who may: whoever runs the identity provider gives you "
                f"the role {quoted(self._settings.auth_approver_role or '')}."
            )
            raise NotAllowed(msg)
        return Person(shown, workspace_of(claims, self._settings), self._issuer, str(claims["sub"]))

    async def _exchanged(self, code: str, asked: Asked) -> dict[str, Any]:
        import httpx2
        from authlib.integrations.base_client.errors import OAuthError
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        endpoints = await self._endpoints.get()
        options = {"follow_redirects": False, "timeout": ANSWER_WITHIN_S}
        try:
            with anyio.fail_after(ANSWER_WITHIN_S):
                async with AsyncOAuth2Client(**self._as_client(endpoints), **options) as client:
                    answer: dict[str, Any] = await client.fetch_token(
                        endpoints.token, grant_type="authorization_code", code=code, code_verifier=asked.verifier
                    )
        except OAuthError as error:
            # What a provider sent does not go into the log or on the page, only its code for what is wrong.
            log.warning("sign_in_code_refused", issuer=self._issuer, error=clean(str(error.error), limit=50))
            if error.error in {"invalid_client", "unauthorized_client"}:
                msg = (
                    "The identity provider does not know Overture; whoever runs Overture compares "
                    "OVERTURE_AUTH_CLIENT_ID and OVERTURE_AUTH_CLIENT_SECRET with what the provider has."
                )
                raise ConfigurationError(msg) from error
            msg = "The identity provider does not take this sign-in any more; begin anew."
            raise NotAllowed(msg) from error
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            log.warning("sign_in_code_not_taken", issuer=self._issuer, error=type(error).__name__)
            raise IssuerUnavailable from error
        return answer

    async def _claims(self, answer: Mapping[str, Any], asked: Asked) -> CodeIDToken:
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _not_held("it sent no ID token; the scope openid has to be allowed for this client")
        try:
            claims, _ = await signed_claims(
                token,
                {self._issuer: self._keys},
                audiences=[self._client_id],
                kind="an ID token",
                types=("jwt",),
                required=_CLAIMS,
            )
        except InvalidToken as error:
            raise _not_held(error.message) from error
        found = CodeIDToken(claims, {}, params={"nonce": asked.nonce, "client_id": self._client_id})
        try:
            found.validate(int(time.time()), LEEWAY_S)
        except JoseError as error:
            raise _not_held("its ID token is of another sign-in, or for another client") from error
        return found

    async def _discover(self, http: httpx2.AsyncClient) -> _Endpoints:
        metadata = await discover(http, self._issuer)
        authorization, token = (metadata.get(f"{name}_endpoint") for name in ("authorization", "token"))
        for url in (authorization, token):
            if not isinstance(url, str) or not may_be_fetched(url):
                raise Unusable("its metadata names no https addresses for signing in")
        taken = metadata.get("token_endpoint_auth_methods_supported")
        by_post = isinstance(taken, list) and _BASIC not in taken and _POST in taken
        return _Endpoints(str(authorization), str(token), _POST if by_post else _BASIC)

    def _as_client(self, endpoints: _Endpoints) -> dict[str, Any]:
        secret = self._settings.auth_client_secret
        return {
            "client_id": self._client_id,
            "client_secret": secret.get_secret_value() if secret is not None else None,
            "token_endpoint_auth_method": endpoints.authentication if secret is not None else "none",
            "scope": self._settings.auth_sign_in_scope,
            "redirect_uri": self._settings.page_url + paths.SIGNED_IN,
        }


def _roles(claims: Mapping[str, Any], name: str) -> list[str]:
    found = claims.get(name)
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str)]


def _not_held(why: str) -> NotAllowed:
    log.warning("id_token_refused", reason=why)
    return NotAllowed(f"What the identity provider said of you does not hold, so you are not signed in: {why}")
