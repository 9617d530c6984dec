"""Sessions of people on the dashboard: a link that the command line prints opens one, once and soon.

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
    for table in (PageLink, PageSession):
        work.session.execute(
            delete(table).where(table.workspace_id == work.workspace, table.expires_at <= work.now()),
            execution_options={"synchronize_session": False},
        )
    secret = secrets.token_urlsafe(_BYTES)
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
        secret = secrets.token_urlsafe(_BYTES)
        work.session.add(
            PageSession(
                hash=_hash(secret),
                workspace_id=workspace,
                person=person,
                created_at=work.now(),
                expires_at=work.now() + SESSION_LIFE,
            )
        )
        audit.record(work, "dashboard.opened", _hash(secret)[:_SHOWN], person=person)
    return secret


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


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _not_open() -> NotAllowed:
    return NotAllowed("This link opens nothing: it was used, or is over. Run `overture dashboard` for a new one.")
