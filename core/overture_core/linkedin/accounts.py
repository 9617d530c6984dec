"""The LinkedIn member that a workspace is connected to. Tokens are sealed, and leave here only for a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import delete, select

from overture_core import secrets
from overture_core.audit import service as audit
from overture_core.errors import NotConnected
from overture_core.storage.schema import LinkedInAccount, LinkedInLeadSource
from overture_core.storage.store import Work
from overture_core.text import clean

PURPOSE = "linkedin-token"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What LinkedIn granted. `refresh` is None where it gives no refresh tokens."""

    access: str = field(repr=False)
    expires_at: datetime
    scopes: list[str]
    refresh: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Who granted it: their URN, such as `urn:li:person:a1B2`, and their name."""

    urn: str
    name: str


class AccountView(BaseModel):
    """A connection as shown to people; without its tokens. `expired` says that only a person can make it work again:
    the access token is over, and nothing renews it."""

    member: str
    name: str
    scopes: list[str]
    expires_at: datetime
    refresh_expires_at: datetime | None
    sandbox: bool
    connected_by: str
    connected_at: datetime
    expired: bool


def expired_sentence(since: datetime) -> str:
    """Say that the access token is over, and what a person does."""
    return (
        f"LinkedIn's access token expired on {since:%Y-%m-%d %H:%M} UTC; a person connects again with "
        "`overture linkedin connect`, or with the link of linkedin_connect."
    )


def save(work: Work, member: Member, tokens: Tokens, *, sandbox: bool) -> AccountView:
    """Keep a connection, in place of the one before."""
    row = _find(work, sandbox=sandbox)
    if row is None:
        row = LinkedInAccount(workspace_id=work.workspace, sandbox=sandbox)
        work.session.add(row)
    row.member, row.name = clean(member.urn, limit=100), clean(member.name, limit=200)
    row.connected_by, row.connected_at = clean(work.actor, limit=200), work.now()
    _put(work, row, tokens)
    audit.record(work, "linkedin.connected", row.member, scopes=" ".join(row.scopes), sandbox=sandbox)
    return _view(work, row)


def renew(work: Work, tokens: Tokens, *, sandbox: bool) -> None:
    """Keep tokens that a refresh brought; LinkedIn may leave the refresh token as it was."""
    row = _get(work, sandbox=sandbox)
    _put(work, row, tokens)


def find(work: Work, *, sandbox: bool) -> AccountView | None:
    """Return the connection, if there is one."""
    row = _find(work, sandbox=sandbox)
    return None if row is None else _view(work, row)


def get(work: Work, *, sandbox: bool) -> tuple[AccountView, Tokens]:
    """Return the connection with its tokens, for a call.

    Raises:
        NotConnected: there is none.
        ConfigurationError: its tokens were sealed with another key.
    """
    row = _get(work, sandbox=sandbox)
    refresh = secrets.unseal(work.settings, PURPOSE, row.refresh_token) if row.refresh_token else None
    access = secrets.unseal(work.settings, PURPOSE, row.access_token)
    tokens = Tokens(access, row.expires_at, list(row.scopes), refresh, row.refresh_expires_at)
    return _view(work, row), tokens


def forget(work: Work, *, sandbox: bool) -> bool:
    """Delete the connection with its tokens; false if there was none."""
    row = _find(work, sandbox=sandbox)
    if row is None:
        return False
    audit.record(work, "linkedin.disconnected", row.member, sandbox=sandbox)
    work.session.delete(row)
    sources = delete(LinkedInLeadSource).where(
        LinkedInLeadSource.workspace_id == work.workspace, LinkedInLeadSource.sandbox == sandbox
    )
    work.session.execute(sources)
    work.session.flush()
    return True


def _view(work: Work, row: LinkedInAccount) -> AccountView:
    now = work.now()
    renewable = row.refresh_token is not None and (row.refresh_expires_at is None or row.refresh_expires_at > now)
    return AccountView(
        member=row.member,
        name=row.name,
        scopes=list(row.scopes),
        expires_at=row.expires_at,
        refresh_expires_at=row.refresh_expires_at,
        sandbox=row.sandbox,
        connected_by=row.connected_by,
        connected_at=row.connected_at,
        expired=row.expires_at <= now and not renewable,
    )


def _put(work: Work, row: LinkedInAccount, tokens: Tokens) -> None:
    row.scopes = sorted(tokens.scopes)
    row.access_token = secrets.seal(work.settings, PURPOSE, tokens.access)
    row.expires_at = tokens.expires_at
    row.refresh_token = secrets.seal(work.settings, PURPOSE, tokens.refresh) if tokens.refresh else None
    row.refresh_expires_at = tokens.refresh_expires_at
    work.session.flush()


def _find(work: Work, *, sandbox: bool) -> LinkedInAccount | None:
    return work.session.scalar(
        select(LinkedInAccount).where(
            LinkedInAccount.workspace_id == work.workspace, LinkedInAccount.sandbox == sandbox
        )
    )


def _get(work: Work, *, sandbox: bool) -> LinkedInAccount:
    row = _find(work, sandbox=sandbox)
    if row is None:
        raise NotConnected
    return row
