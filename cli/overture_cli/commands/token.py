"""`overture token`: a token for the HTTP servers, without an identity provider."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

import typer

from overture_cli.context import open_store, person
from overture_cli.output import JsonFlag, emit_json, progress_console
from overture_core.clock import SystemClock
from overture_core.errors import ConfigurationError, InvalidInput, NotFound
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.text import quoted

MONTH_MIN = 30 * 24 * 60


def token(
    workspace: Annotated[str | None, typer.Option(help="Workspace; else the one in OVERTURE_WORKSPACE.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Scope, such as messaging:send; can be repeated. Else everything that only reads."),
    ] = None,
    server: Annotated[str | None, typer.Option(help="For this server alone; else for all of them.")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=MONTH_MIN, help="How long it holds; at most 30 days.")] = 60,
    audience: Annotated[
        str | None,
        typer.Option(help="Base URL by which clients reach the servers, where the settings name another."),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Whose it is, for the record; else your user name.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a token for the HTTP servers of this installation; they take it where OVERTURE_AUTH_LOCAL is 1.

    Whoever has it may do what its scopes say until it ends, and it cannot be taken back before. The token alone is
    printed on stdout.
    """
    from overture_servers.http.local_tokens import CLIENT, make_token
    from overture_servers.http.protection import path_of
    from overture_servers.registry import NAMES
    from overture_servers.scopes import READS, Scope

    settings = Settings()
    if not settings.auth_local:
        msg = "No server here takes such a token; set OVERTURE_AUTH_LOCAL=1, for them and for this command."
        raise ConfigurationError(msg)
    if server is not None and server not in NAMES:
        msg = f"There is no server {quoted(server)}; the servers are: {', '.join(NAMES)}."
        raise InvalidInput(msg)
    unknown = [each for each in scope or () if each not in set(Scope)]
    if unknown:
        msg = f"There is no scope {quoted(unknown[0])}; the scopes are: {', '.join(Scope)}."
        raise InvalidInput(msg)
    base = settings.audience if audience is None else _base_url(audience.rstrip("/"), settings)
    named = workspace or settings.workspace
    with open_store(settings) as store:
        _require_workspace(store, named)
    scopes = [Scope(each) for each in dict.fromkeys(scope)] if scope else list(READS.values())
    meant = base + (path_of(server) if server else "")
    lifetime, now = timedelta(minutes=minutes), SystemClock().now()
    made = make_token(
        settings,
        workspace=named,
        scopes=scopes,
        subject=subject or person(),
        audience=meant,
        now=now,
        lifetime=lifetime,
    )
    ends = now + lifetime
    if as_json:
        emit_json(
            {"token": made, "workspace": named, "scopes": scopes, "client": CLIENT, "expires_at": ends.isoformat()}
        )
        return
    typer.echo(made)
    progress_console.print(
        f"For {meant}, workspace {named}, until {ends:%Y-%m-%d %H:%M} UTC: {', '.join(scopes)}.", markup=False
    )


def _base_url(audience: str, settings: Settings) -> str:
    """Return the audience, if a server can be there; one of other settings than these may be."""
    if audience == settings.audience:
        return audience
    try:
        parts = urlsplit(audience)
        bare = parts.hostname and parts.port != 0 and parts._replace(query="", fragment="").geturl() == audience
    except ValueError:
        bare = False
    if not bare or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.path.endswith("/mcp"):
        msg = (
            f"No server takes a token for {quoted(audience)}; give the base URL by which clients reach it, such as "
            f"{settings.base_url}, and name a single one with --server."
        )
        raise InvalidInput(msg)
    progress_console.print(
        f"Servers with these settings are {settings.audience} and will not take it; only those at {audience} will.",
        markup=False,
    )
    return audience


def _require_workspace(store: Store, name: str) -> None:
    try:
        with store.read(name):
            pass
    except NotFound as error:
        msg = f"There is no workspace {quoted(name)}; give --workspace one that exists."
        raise NotFound(msg) from error
