"""Who looks at the dashboard: a session in a cookie, and proof that what is posted comes from a page of ours.

The cookie is the session's secret, the time at which it was last used, and a signature over both. So a session that
nobody uses ends without anything being written on a GET. An access token, and whatever else a tool may return, is none.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from overture_core import secrets
from overture_core.errors import NotAllowed
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.workspaces.page_sessions import find_session

IDLE = timedelta(minutes=30)
SIGN_IN_LIFE = timedelta(minutes=10)
_COOKIE, _CSRF = "dashboard-cookie", "dashboard-csrf"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person with an open session. `csrf` is what their forms carry."""

    secret: str
    workspace: str
    person: str
    csrf: str

    @property
    def actor(self) -> str:
        """How the audit names them."""
        return f"web:{self.person}"


class Visitors:
    """Finds out who looks, and hands out cookies."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def visitor(self, request: Request) -> Visitor | None:
        """Return who looks; None without a session that is open and in use. Asks the database."""
        given = request.cookies.get(self._name(request), "").split(".")
        if len(given) != 3 or not given[1].isdecimal() or not given[1].isascii():
            return None
        secret, seen, signature = given
        if not secrets.verify(self._settings, _COOKIE, f"{secret}.{seen}", signature):
            return None
        if self._now() - int(seen) > IDLE.total_seconds():
            return None
        session = find_session(self._store, secret)
        if session is None:
            return None
        csrf = secrets.sign(self._settings, _CSRF, secret)
        return Visitor(secret, session.workspace, session.person, csrf)

    def remember(self, request: Request, response: Response, secret: str) -> None:
        """Give the browser the cookie, as used now."""
        value = f"{secret}.{self._now()}"
        signed = f"{value}.{secrets.sign(self._settings, _COOKIE, value)}"
        response.set_cookie(
            self._name(request),
            signed,
            path="/",
            secure=self._by_https(request),
            httponly=True,
            samesite="strict",
        )

    def forget(self, request: Request, response: Response) -> None:
        """Take the cookie back."""
        response.delete_cookie(
            self._name(request), path="/", secure=self._by_https(request), httponly=True, samesite="strict"
        )

    def keep_sign_in(self, request: Request, response: Response, sealed: str | None) -> None:
        """Have the browser keep a sign-in on its way, or keep it no longer.

        The provider sends the browser back from another site, so that a strict cookie would not come along.
        """
        response.set_cookie(
            f"{self._name(request)}-sign-in",
            sealed or "",
            max_age=int(SIGN_IN_LIFE.total_seconds()) if sealed else 0,
            path="/",
            secure=self._by_https(request),
            httponly=True,
            samesite="lax",
        )

    def kept_sign_in(self, request: Request) -> str:
        """Return the sign-in on its way that the browser keeps; nothing if it has none."""
        return request.cookies.get(f"{self._name(request)}-sign-in", "")

    def require_own_page(self, request: Request) -> None:
        """Make sure that a form was sent by a page of ours.

        Raises:
            NotAllowed: another page sent it, or nothing says which.
        """
        scheme = "https" if self._by_https(request) else "http"
        site = request.headers.get("sec-fetch-site", "same-origin")
        if request.headers.get("origin") != f"{scheme}://{request.headers.get('host')}" or site != "same-origin":
            raise NotAllowed("This was not sent by a page of Overture, so nothing was done.")

    def require_own_form(self, visitor: Visitor, token: str) -> None:
        """Make sure that a form is of this session.

        Raises:
            NotAllowed: it is not.
        """
        if not hmac.compare_digest(visitor.csrf.encode(), token.encode()):
            raise NotAllowed("This form is not of your session, so nothing was done; reload the page and try again.")

    def _by_https(self, request: Request) -> bool:
        """Whether browsers come to this host by TLS, which ends before us."""
        public = urlsplit(self._settings.public_url or "")
        return public.scheme == "https" and request.headers.get("host") == public.netloc

    def _name(self, request: Request) -> str:
        # Cookies do not tell ports apart, and several installations may run on one machine.
        return "__Host-overture" if self._by_https(request) else f"overture-{self._settings.http_port}"

    def _now(self) -> int:
        return int(self._store.clock.now().timestamp())
