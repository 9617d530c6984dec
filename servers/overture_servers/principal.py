"""Who makes a request over HTTP, as their checked token says.

It lives in the SDK's own context variable for as long as the request, so that whatever serves it, in the event loop or
in a thread, comes to the same. Over stdio, and without authentication, there is none.
"""

from __future__ import annotations

import json
from hashlib import blake2s
from typing import Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.context import ServerRequestContext


class Principal(AccessToken):
    """Who calls: `subject` and `client_id` of `issuer`, in one workspace, with `scopes`.

    `token` is a fingerprint for logs: the token itself ends where it was checked, so that nothing can pass it on.
    """

    workspace: str
    subject: str
    issuer: str

    @property
    def pseudonym(self) -> str:
        """The same for all tokens of one person at one issuer, and no name: a subject may be an e-mail address."""
        return blake2s(f"{self.issuer}\0{self.subject}".encode(), digest_size=8).hexdigest()


def principal() -> Principal | None:
    """Return who makes this request; None where no token was asked for."""
    found = get_access_token()
    return found if isinstance(found, Principal) else None


def state_owner(_ctx: ServerRequestContext[Any, Any]) -> str | None:
    """Return whom a sealed state belongs to: the SDK's client, issuer and subject, and our workspace besides."""
    who = principal()
    return None if who is None else json.dumps([who.client_id, who.issuer, who.subject, who.workspace])
