"""Connections on their way: somebody opened LinkedIn's page, and their browser has to come back with what we gave it.

The state is random and used once. Only its digest is kept, so that whoever reads the database can finish nobody's
connection.
"""

from __future__ import annotations

import hashlib
import secrets as random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, update

from overture_core import secrets
from overture_core.errors import InvalidInput
from overture_core.storage.schema import LinkedInAuthorization
from overture_core.storage.store import Store, Work
from overture_core.text import clean

PURPOSE = "linkedin-verifier"
HOLDS = timedelta(minutes=15)
ASKING = "LinkedIn was not asked yet."
_BYTES = 32


@dataclass(frozen=True, slots=True)
class Begun:
    """A connection that was begun. `verifier` is PKCE's secret, if it is used."""

    state: str = field(repr=False)
    verifier: str | None = field(repr=False)
    redirect_uri: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Returned:
    """What was kept of a connection whose browser came back."""

    workspace: str
    actor: str
    sandbox: bool
    verifier: str | None = field(repr=False)
    redirect_uri: str


def begin(work: Work, redirect_uri: str, *, sandbox: bool, pkce: bool) -> Begun:
    """Begin a connection; it has to be finished within 15 minutes."""
    work.session.execute(
        delete(LinkedInAuthorization).where(
            LinkedInAuthorization.workspace_id == work.workspace,
            LinkedInAuthorization.expires_at < work.now() - timedelta(days=1),
        )
    )
    begun = Begun(
        random.token_urlsafe(_BYTES),
        random.token_urlsafe(_BYTES) if pkce else None,
        redirect_uri,
        work.now() + HOLDS,
    )
    work.session.add(
        LinkedInAuthorization(
            state=_digest(begun.state),
            workspace_id=work.workspace,
            sandbox=sandbox,
            verifier=secrets.seal(work.settings, PURPOSE, begun.verifier) if begun.verifier else None,
            redirect_uri=redirect_uri,
            requested_by=clean(work.actor, limit=200),
            expires_at=begun.expires_at,
        )
    )
    work.session.flush()
    return begun


def take(store: Store, state: str) -> Returned:
    """Use a state up, whichever workspace it is of: the browser that comes back knows nothing else.

    Raises:
        InvalidInput: we did not give it, it was used, or too much time went by.
    """
    with store.begin(store.settings.workspace, actor="linkedin", check=False) as work:
        used = (
            update(LinkedInAuthorization)
            .where(
                LinkedInAuthorization.state == _digest(state),
                LinkedInAuthorization.settled_at.is_(None),
                LinkedInAuthorization.expires_at > work.now(),
            )
            .values(settled_at=work.now(), error=ASKING)
            .returning(LinkedInAuthorization)
        )
        row = work.session.scalar(used)
        if row is None:
            msg = "This link is not ours, was used before, or is too old; begin again by `overture linkedin connect`."
            raise InvalidInput(msg)
        verifier = secrets.unseal(store.settings, PURPOSE, row.verifier) if row.verifier else None
        return Returned(row.workspace_id, row.requested_by, row.sandbox, verifier, row.redirect_uri)


def settle(store: Store, state: str, error: str | None) -> None:
    """Write down what came of a connection, for whoever waits for it."""
    with store.begin(store.settings.workspace, actor="linkedin", check=False) as work:
        row = work.session.get(LinkedInAuthorization, _digest(state))
        if row is not None:
            row.error = clean(error, limit=1_000) if error else None


def outcome(work: Work, state: str) -> tuple[bool, str | None]:
    """Return whether the browser came back and LinkedIn was asked, and what was wrong then."""
    row = work.session.get(LinkedInAuthorization, _digest(state))
    if row is None or row.workspace_id != work.workspace or row.settled_at is None or row.error == ASKING:
        return False, None
    return True, row.error


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode(errors="replace")).hexdigest()
