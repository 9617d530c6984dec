"""Signing in by the identity provider: to its page, and back to ours with a session.

What belongs to a sign-in on its way is sealed in a cookie of the browser that began it, so that any replica can end it
and no other browser can. The secret that its session will have is drawn at the beginning: a sign-in opens one session,
however often its answer comes.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets as random
from dataclasses import asdict, dataclass, field
from functools import partial
from http import HTTPStatus

import structlog
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from overture_core import secrets
from overture_core.errors import NotAllowed, OvertureError
from overture_core.settings import Settings
from overture_core.text import clean
from overture_core.workspaces import page_sessions
from overture_servers.http.gate import Workspaces
from overture_servers.runtime import Runtime
from overture_servers.ui import paths, rendering
from overture_servers.ui.identity import Asked, IdentityProvider
from overture_servers.ui.serving import Serving, status_of
from overture_servers.ui.visitors import SIGN_IN_LIFE, Visitors

_PURPOSE = "dashboard-sign-in"
_BYTES = 32
_LONGEST_ANSWER = 4_000  # characters of a code or state
# A page of ours: no other host, nothing that a browser reads as one, nothing that would have to be escaped.
_OURS = re.compile(r"/(page/[A-Za-z0-9_./-]*)?(\?[A-Za-z0-9_.=&%+-]*)?")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in on its way. `secret` is the one of the session that it will open, `to` the page to go on at."""

    asked: Asked
    secret: str = field(repr=False)
    to: str
    ends: float  # in seconds since 1970

    def sealed(self, settings: Settings) -> str:
        """Return it as the browser keeps it."""
        return secrets.seal(settings, _PURPOSE, json.dumps(asdict(self)))

    @classmethod
    def opened(cls, settings: Settings, sealed: str) -> SignIn | None:
        """Return what was sealed; None if it was not by us."""
        found = secrets.unseal_accepted(settings, _PURPOSE, sealed)
        if found is None:
            return None
        values = json.loads(found)
        return cls(**{**values, "asked": Asked(**values["asked"])})


def routes(runtime: Runtime, serving: Serving, visitors: Visitors) -> list[Route]:
    """Return the pages of signing in; none where the settings name no client."""
    settings = runtime.settings
    if settings.auth_client_id is None:
        return []
    provider, workspaces, clock = IdentityProvider(settings), Workspaces(runtime.store), runtime.store.clock

    async def leaving(request: Request) -> Response:
        to = request.query_params.get(paths.TO, paths.HOME)
        made = SignIn(
            Asked(*(random.token_urlsafe(_BYTES) for _ in range(3))),
            page_sessions.make_secret(),
            to if _OURS.fullmatch(to) else paths.HOME,
            (clock.now() + SIGN_IN_LIFE).timestamp(),
        )
        answer = RedirectResponse(await provider.address(made.asked), HTTPStatus.SEE_OTHER)
        visitors.keep_sign_in(request, answer, made.sealed(settings))
        return answer

    async def returned(request: Request) -> Response:
        sign_in = SignIn.opened(settings, visitors.kept_sign_in(request))
        if sign_in is None or sign_in.ends <= clock.now().timestamp():
            msg = "This browser has no sign-in on its way, or it took longer than ten minutes."
            raise NotAllowed(msg)
        who = await provider.person(_code(request, sign_in, settings), sign_in.asked)
        await workspaces.require(who.workspace)
        open_session = partial(page_sessions.sign_in, issuer=who.issuer, account=who.account)
        await to_thread.run_sync(open_session, runtime.store, who.workspace, who.name, sign_in.secret)
        # The browser comes from another site, and would not show a strict cookie after a redirect: our page goes on.
        answer = rendering.page("signed_in.html", {"to": sign_in.to})
        answer.headers["Referrer-Policy"] = "no-referrer"  # the address holds the code
        visitors.remember(request, answer, sign_in.secret)
        visitors.keep_sign_in(request, answer, None)
        return answer

    def refused(error: OvertureError) -> Response:
        log.info("sign_in_refused", code=error.code)  # the sentence may name a person, or be the provider's
        values = {"message": error.message, "sign_in": paths.sign_in_url(settings)}
        answer = rendering.page("not_signed_in.html", values, status_of(error))
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    return [
        Route(paths.SIGN_IN, serving.told(leaving, refused), methods=["GET"]),
        Route(paths.SIGNED_IN, serving.told(returned, refused), methods=["GET"]),
    ]


def _code(request: Request, sign_in: SignIn, settings: Settings) -> str:
    """Return the code that the provider gave this browser for this sign-in.

    Raises:
        NotAllowed: the answer is of another sign-in or another provider, or a refusal.
    """
    query = {name: value[:_LONGEST_ANSWER] for name, value in request.query_params.items()}
    if not hmac.compare_digest(sign_in.asked.state.encode(), query.get("state", "").encode()):
        raise NotAllowed("This is the answer to another sign-in than the last that this browser began.")
    if query.get("iss", settings.auth_issuer) != settings.auth_issuer:  # RFC 9207
        raise NotAllowed("This is the answer of another identity provider.")
    if "error" in query:
        said = clean(query.get("error_description") or query["error"], limit=300)
        raise NotAllowed(f"The identity provider did not sign you in. It says: {said}")
    if not query.get("code"):
        raise NotAllowed("The identity provider sent no code, so it did not sign you in.")
    return query["code"]
