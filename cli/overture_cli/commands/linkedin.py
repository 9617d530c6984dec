"""`overture linkedin ...`: connect LinkedIn, see what it grants, take the connection back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import anyio
import typer

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_cli.stopping import Stop
from overture_core.errors import InvalidInput, ProviderRefused
from overture_core.linkedin import accounts, connecting
from overture_core.operations.states import OperationState
from overture_core.settings import Settings
from overture_core.storage.store import Store

app = typer.Typer(help="The connection to LinkedIn.", no_args_is_help=True)
_LOOK_EVERY_S = 0.2


@app.command()
def connect(
    wait: Annotated[bool, typer.Option(help="Wait until the browser came back.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Print a link for you to open in a browser, and wait until you granted access there.

    The browser comes back to the HTTP server (`overture serve --http`); where none runs, this command listens on its
    address for as long as it waits.
    """
    from overture_providers.linkedin.capabilities import capabilities
    from overture_providers.linkedin.session import invite

    settings = Settings()
    with open_store(settings) as store:
        with store.begin(settings.workspace, actor=actor()) as work:
            invitation = invite(work, settings)
        if not wait:
            shown = {"url": invitation.url, "expires_at": invitation.expires_at.isoformat()}
            emit_json(shown) if as_json else say(f"Open within 15 minutes:\n{invitation.url}")
            return
        with Stop() as stop, _listening(store, settings):
            # Said only now: whoever is quick must not find nobody at home.
            typer.echo(f"Open within 15 minutes:\n{invitation.url}", err=as_json)
            _wait(store, invitation.state, stop)
        with store.read(settings.workspace) as work:
            found = capabilities(work)
    emit_json(found) if as_json else say(f"Connected as {found.name} ({found.member}).")


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """Show who is connected, which scopes are granted and what they give, and today's calls."""
    from overture_core.linkedin.scopes import SCOPES
    from overture_providers.linkedin.capabilities import capabilities

    with open_store() as store, store.read(store.settings.workspace) as work:
        found = capabilities(work)
    if as_json:
        emit_json(found)
        return
    where = "the sandbox" if found.sandbox else "the real LinkedIn"
    if found.member is None:
        say(f"Not connected to {where}; `overture linkedin connect` gives the link for it.")
    elif found.expired:
        say(
            f"The connection to {where} as {found.name} ({found.member}) expired on "
            f"{found.expires_at:%Y-%m-%d %H:%M} UTC; `overture linkedin connect` gives the link for a new one."
        )
    else:
        say(f"Connected to {where} as {found.name} ({found.member}) until {found.expires_at:%Y-%m-%d %H:%M} UTC.")
    rows = [
        (each.name, "yes" if each.name in found.granted else "no", each.enables, each.product)
        for each in SCOPES.values()
    ]
    table("Scopes", ("scope", "granted", "enables", "product"), rows)
    if found.calls:
        none_until = {name: f"{until:%Y-%m-%d %H:%M} UTC" for name, until in found.limited.items()}
        calls = [(name, number, none_until.get(name, "")) for name, number in found.calls.items()]
        table("Calls today (UTC)", ("resource", "calls", "no more until"), calls)


@app.command()
def disconnect(as_json: JsonFlag = False) -> None:
    """Forget the connection and its tokens. At LinkedIn you take it back under Settings, Data privacy."""
    settings = Settings()
    with open_store(settings) as store, store.begin(settings.workspace, actor=actor()) as work:
        gone = accounts.forget(work, sandbox=settings.linkedin_sandboxed)
    emit_json({"disconnected": gone}) if as_json else say("Disconnected." if gone else "There was no connection.")


@app.command()
def watch(
    owner: Annotated[
        str, typer.Argument(help="urn:li:sponsoredAccount:ID or urn:li:organization:ID.", show_default=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Have LinkedIn report new leads of an owner of lead forms to the HTTP server, whose worker imports them."""
    from overture_core.operations import service as operations
    from overture_providers.linkedin import proposals
    from overture_providers.operations import run

    settings = Settings()
    with open_store(settings) as store:
        with store.begin(settings.workspace, actor=actor()) as work:
            account, _ = accounts.get(work, sandbox=settings.linkedin_sandboxed)
            asked = operations.propose(work, proposals.watch(account, owner))
        done = anyio.run(lambda: run(store, settings.workspace, asked.id, actor=actor()))
    if done.state is not OperationState.DONE:
        raise ProviderRefused(done.error)
    emit_json(done) if as_json else say(f"LinkedIn reports new leads of {owner} to {(done.result or {})['webhook']}.")


@app.command()
def look(
    operation: Annotated[str, typer.Argument(help="The operation's id.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Look for a post whose outcome is unknown among the author's own, where the scopes allow it."""
    from overture_providers.linkedin.operations import look as look_for
    from overture_providers.linkedin.operations import settling

    with open_store() as store:
        found = anyio.run(lambda: look_for(store, store.settings.workspace, operation, actor=actor()))
    if as_json:
        emit_json(found)
    elif found.state is OperationState.UNKNOWN:
        say(f"None of the author's newest posts is it, or more than one is like it. {settling(found.id)}")
    else:
        say(f"{found.id} is {found.state}: {(found.result or {}).get('url', '')}")


def _wait(store: Store, state: str, stop: Stop) -> None:
    """Wait until the browser came back.

    Raises:
        InvalidInput: it came back without access, or not in time.
    """
    until = time.monotonic() + connecting.HOLDS.total_seconds()
    while time.monotonic() < until:
        stop.check()
        with store.read(store.settings.workspace) as work:
            came, error = connecting.outcome(work, state)
        if came and error is None:
            return
        if came:
            raise InvalidInput(error)
        time.sleep(_LOOK_EVERY_S)
    msg = "Nobody came back from LinkedIn within 15 minutes; run this again for a new link."
    raise InvalidInput(msg)


@contextmanager
def _listening(store: Store, settings: Settings) -> Iterator[None]:
    """Take the browser back ourselves, unless the HTTP server is there to do it."""
    import uvicorn
    from starlette.applications import Starlette

    from overture_servers.linkedin.callback import routes
    from overture_servers.runtime import Runtime

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.http_host, settings.http_port))
        listener.listen()
    except OSError:
        listener.close()
        yield  # the HTTP server has the address
        return
    config = uvicorn.Config(Starlette(routes=routes(Runtime(settings, store))), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="linkedin-callback")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
