"""A workspace's connection: begun, finished, and used for calls, with the token renewed where LinkedIn allows it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from anyio import to_thread

from overture_core.errors import DatabaseUnavailable, NotConnected, OvertureError, ProviderRefused
from overture_core.linkedin import accounts, connecting, usage
from overture_core.linkedin.accounts import AccountView, Tokens
from overture_core.settings import Settings
from overture_core.storage.store import Store, Work
from overture_core.text import clean
from overture_providers import transport
from overture_providers.endpoints import LINKEDIN_CALLBACK_PATH, LinkedInEndpoint, linkedin_endpoint
from overture_providers.linkedin.client import LinkedInClient, Meter
from overture_providers.linkedin.oauth import Login, authorization_url

RENEW_BEFORE = timedelta(minutes=10)
ACTOR = "linkedin"
T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link for a person to open. `state` is in it; whoever waits for the outcome asks by it."""

    url: str
    state: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A connection in use."""

    account: AccountView
    client: LinkedInClient
    endpoint: LinkedInEndpoint


def invite(work: Work, settings: Settings) -> Invitation:
    """Begin a connection and return the link that a person opens.

    Raises:
        ConfigurationError: LinkedIn's application is set only in part.
    """
    endpoint = linkedin_endpoint(settings)
    redirect_uri = f"{settings.webhook_base_url}{LINKEDIN_CALLBACK_PATH}"
    begun = connecting.begin(work, redirect_uri, sandbox=endpoint.sandbox, pkce=endpoint.pkce)
    url = authorization_url(
        endpoint,
        state=begun.state,
        redirect_uri=redirect_uri,
        scopes=settings.linkedin_scopes,
        verifier=begun.verifier,
    )
    return Invitation(url, begun.state, begun.expires_at)


async def welcome(store: Store, settings: Settings, state: str, code: str | None, refusal: str | None) -> AccountView:
    """Finish a connection with what the browser brought back, and keep it for the workspace that began it.

    Raises:
        InvalidInput: the state is not ours, was used, or is too old.
        ProviderRefused: the person or LinkedIn said no.
        ProviderUnavailable: LinkedIn does not answer.
    """
    back = await to_thread.run_sync(connecting.take, store, state)
    try:
        account = await _finish(store, settings, back, code, refusal)
    except OvertureError as error:
        await to_thread.run_sync(connecting.settle, store, state, error.message)
        raise
    await to_thread.run_sync(connecting.settle, store, state, None)
    return account


async def _finish(
    store: Store, settings: Settings, back: connecting.Returned, code: str | None, refusal: str | None
) -> AccountView:
    if code is None:
        said = clean(refusal or "no reason given", limit=200)
        raise ProviderRefused(f"LinkedIn granted no access ({said}); nothing was changed. Connect again to try anew.")
    endpoint = linkedin_endpoint(settings)
    if endpoint.sandbox != back.sandbox:
        msg = "LinkedIn changed between the sandbox and the real one since this link was made; begin again."
        raise ProviderRefused(msg)
    async with transport.make_http(settings.provider_timeout_s) as http:
        login = Login(http, endpoint, timeout_s=settings.provider_timeout_s, clock=store.clock)
        tokens = await login.exchange(code, back.redirect_uri, back.verifier)
        member = await login.member(tokens)

    def keep() -> AccountView:
        with store.begin(back.workspace, actor=back.actor) as work:
            return accounts.save(work, member, tokens, sandbox=back.sandbox)

    return await to_thread.run_sync(keep)


@asynccontextmanager
async def connected(store: Store, settings: Settings, *, workspace: str | None = None) -> AsyncIterator[Session]:
    """Open the workspace's connection.

    Raises:
        NotConnected: there is none, or it expired.
        ConfigurationError: LinkedIn's application is set only in part, or the stored tokens cannot be opened.
        ProviderUnavailable: the token had to be renewed, and LinkedIn does not answer.
    """
    endpoint = linkedin_endpoint(settings)
    books = _Books(store, workspace or settings.workspace)
    account, tokens = await books.read(partial(accounts.get, sandbox=endpoint.sandbox))
    async with transport.make_http(settings.provider_timeout_s, connections=10) as http:
        if tokens.expires_at - store.clock.now() < RENEW_BEFORE:
            login = Login(http, endpoint, timeout_s=settings.provider_timeout_s, clock=store.clock)
            tokens = await _renewed(books, login, tokens, sandbox=endpoint.sandbox)
        client = LinkedInClient(
            http,
            endpoint,
            tokens.access,
            granted=tokens.scopes,
            meter=_KeptMeter(books, endpoint.client_id, account.member),
            timeout_s=settings.provider_timeout_s,
            clock=store.clock,
        )
        yield Session(account, client, endpoint)


async def _renewed(books: _Books, login: Login, tokens: Tokens, *, sandbox: bool) -> Tokens:
    now = books.store.clock.now()
    usable = tokens.refresh is not None and (tokens.refresh_expires_at is None or tokens.refresh_expires_at > now)
    if not usable:
        if tokens.expires_at > now:
            return tokens
        raise NotConnected(accounts.expired_sentence(tokens.expires_at))
    try:
        fresh = await login.refresh(tokens)
    except ProviderRefused as error:
        msg = f"{error} The access token was not renewed; a person connects again with `overture linkedin connect`."
        raise NotConnected(msg) from error
    await books.write(lambda work: accounts.renew(work, fresh, sandbox=sandbox))
    return fresh


class _Books:
    """The workspace's rows, reached from the event loop."""

    def __init__(self, store: Store, workspace: str) -> None:
        self.store = store
        self._workspace = workspace

    async def read(self, function: Callable[[Work], T]) -> T:
        def run() -> T:
            with self.store.read(self._workspace, actor=ACTOR) as work:
                return function(work)

        return await to_thread.run_sync(run)

    async def write(self, function: Callable[[Work], T]) -> T:
        def run() -> T:
            with self.store.begin(self._workspace, actor=ACTOR) as work:
                return function(work)

        return await to_thread.run_sync(run)


class _KeptMeter(Meter):
    """Counts calls in the database."""

    def __init__(self, books: _Books, app: str, member: str) -> None:
        self._books = books
        self._who = (app, member)

    async def before(self, resource: str) -> None:
        await self._books.read(lambda work: usage.require(work, *self._who, resource))

    async def after(self, resource: str) -> None:
        try:
            await self._books.write(lambda work: usage.count(work, *self._who, resource))
        except DatabaseUnavailable as error:
            _not_counted(resource, error)

    async def refused(self, resource: str, until: datetime | None) -> datetime:
        try:
            return await self._books.write(lambda work: usage.refuse(work, *self._who, resource, until))
        except DatabaseUnavailable as error:
            _not_counted(resource, error)
            return until or usage.soon(self._books.store.clock.now())


def _not_counted(resource: str, error: DatabaseUnavailable) -> None:
    """The call was made: that it could not be counted must not look as if it had failed."""
    log.warning("linkedin_call_not_counted", resource=resource, detail=error.message)
