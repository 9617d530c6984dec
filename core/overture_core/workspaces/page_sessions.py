"""Sessions of people on the dashboard: a link that the command line prints opens one, once and soon; so does a person
whom the identity provider sent back.

What a link and a session hold is random, 256 bits, and only its hash is stored: nothing that reads the database, and
so no tool, can show one that works.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, update

from overture_core.audit import service as audit
from overture_core.errors import NotAllowed
from overture_core.storage.schema import PageLink, PageSession
from overture_core.storage.store import Store, Work

LINK_LIFE = timedelta(minutes=5)
SESSION_LIFE = timedelta(hours=8)
_BYTES = 32
_SHOWN = 16  # characters of a session's hash by which the audit names it


class Session(NamedTuple):
    """An open session: whose, and in which workspace."""

    workspace: str
    person: str
    expires_at: datetime


def make_link(work: Work, person: str) -> str:
    """Return the secret of a new link for a person; what is over is cleared away."""
    _clear(work)
    secret = make_secret()
    work.session.add(
        PageLink(
            hash=_hash(secret),
            workspace_id=work.workspace,
            person=person,
            created_at=work.now(),
            expires_at=work.now() + LINK_LIFE,
        )
    )
    audit.record(work, "dashboard.link_made", person=person)
    return secret


def open_session(store: Store, link: str) -> str:
    """Spend a link and return the secret of the session that it opens.

    Raises:
        NotAllowed: there is no such link, it was used, or its time is over.
    """
    with store.look() as connection:
        workspace = connection.scalar(select(PageLink.workspace_id).where(PageLink.hash == _hash(link)))
    if workspace is None:
        raise _not_open()
    with store.begin(workspace, actor="dashboard") as work:
        spent = (
            update(PageLink)
            .where(PageLink.hash == _hash(link), PageLink.used_at.is_(None), PageLink.expires_at > work.now())
            .values(used_at=work.now())
            .returning(PageLink.person)
        )
        person = work.session.connection().execute(spent).scalar()
        if person is None:
            raise _not_open()
        secret = make_secret()
        _open(work, secret, person)
    return secret


def make_secret() -> str:
    """Return what a new session, or a link to one, holds."""
    return secrets.token_urlsafe(_BYTES)


def sign_in(store: Store, workspace: str, person: str, secret: str, *, issuer: str, account: str) -> None:
    """Open the session of a secret for a person; the audit says by which account of which identity provider.

    A secret opens one session: the same answer of the provider cannot open another.

    Raises:
        NotAllowed: the secret has opened one.
        NotFound: there is no such workspace.
    """
    with store.begin(workspace, actor="dashboard") as work:
        if work.session.get(PageSession, _hash(secret)) is not None:
            msg = "This sign-in was used before; begin anew."
            raise NotAllowed(msg)
        _clear(work)
        _open(work, secret, person, issuer=issuer, account=account)


def find_session(store: Store, secret: str) -> Session | None:
    """Return the session that a browser holds the secret of, if it is open."""
    with store.look() as connection:
        row = connection.execute(
            select(PageSession.workspace_id, PageSession.person, PageSession.expires_at).where(
                PageSession.hash == _hash(secret),
                PageSession.ended_at.is_(None),
                PageSession.expires_at > store.clock.now(),
            )
        ).one_or_none()
    return Session(*row) if row is not None else None


def end_session(work: Work, secret: str) -> None:
    """End a session for good."""
    ended = update(PageSession).where(
        PageSession.workspace_id == work.workspace, PageSession.hash == _hash(secret), PageSession.ended_at.is_(None)
    )
    work.session.connection().execute(ended.values(ended_at=work.now()))
    audit.record(work, "dashboard.left", _hash(secret)[:_SHOWN])


def _clear(work: Work) -> None:
    for table in (PageLink, PageSession):
        work.session.execute(
            delete(table).where(table.workspace_id == work.workspace, table.expires_at <= work.now()),
            execution_options={"synchronize_session": False},
        )


def _open(work: Work, secret: str, person: str, **by: str) -> None:
    work.session.add(
        PageSession(
            hash=_hash(secret),
            workspace_id=work.workspace,
            person=person,
            created_at=work.now(),
            expires_at=work.now() + SESSION_LIFE,
        )
    )
    audit.record(work, "dashboard.opened", _hash(secret)[:_SHOWN], person=person, **by)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _not_open() -> NotAllowed:
    return NotAllowed("This link opens nothing: it was used, or is over. Run `overture dashboard` for a new one.")
