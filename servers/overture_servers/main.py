"""Runs a server: one over stdio, or all of them over HTTP."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import anyio
import structlog

from overture_core import telemetry
from overture_core.errors import ConfigurationError
from overture_core.http_settings import ANY_ADDRESS, is_loopback
from overture_core.own_secrets import BETTER, guessable
from overture_core.settings import Settings
from overture_servers.registry import Creator, creator
from overture_servers.runtime import Runtime
from overture_servers.tooling import OvertureServer

HEAPS = 2
_M_ARENA_MAX = -8  # malloc.h
GRACE_S = 20  # what a call may still take once the process was told to end


def serve_stdio(name: str, settings: Settings) -> None:
    """Speak MCP over stdin and stdout until stdin closes.

    Without its database it lists what it offers, and every call says that the database is away: most clients show
    their user no more of a server that ends than that it ended.

    Raises:
        InvalidInput: there is no such server.
    """
    create = creator(name)
    _keep_stdout_clean()
    runtime = Runtime(settings)
    server = create(runtime)
    _spare_the_collector()
    runtime.open_soon()
    try:
        anyio.run(_speak, server)
    finally:
        runtime.close()


async def _speak(server: OvertureServer) -> None:
    """Speak over stdio. Told to end, the process exports its last spans before it does as it is told.

    Nothing else ends it: the thread that waits for a line of the client's cannot be called off.
    """
    if sys.platform != "win32":
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, _end, each)
    await server.run_stdio_async()


def _end(told: signal.Signals) -> None:
    telemetry.end_tracing()
    signal.signal(told, signal.SIG_DFL)
    signal.raise_signal(told)


def serve_http(settings: Settings, host: str, port: int, make: Callable[[str], Creator] = creator) -> None:
    """Serve every server over Streamable HTTP until a signal says stop; `make` gives what makes each.

    Raises:
        ConfigurationError: others could reach the address, and there is no authentication, a secret that can be
            guessed, or no name to come by.
        DatabaseUnavailable: the database cannot be reached.
    """
    settings = settings.model_copy(update={"http_host": host, "http_port": port})
    _require_protection(settings)
    import uvicorn
    from sse_starlette.sse import AppStatus

    from overture_servers.http import connections
    from overture_servers.http.app import create_app

    _keep_stdout_clean()
    few_heaps()
    runtime = Runtime(settings)
    runtime.open()
    app = create_app(runtime, make)
    # It would cut the answers in progress as soon as the process is told to end; they have GRACE_S.
    AppStatus.enable_automatic_graceful_drain = False
    _spare_the_collector()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        **connections.OPTIONS,
    )
    with suppress(KeyboardInterrupt):  # raised again by uvicorn once it has ended
        connections.Listening(config).run()


def _require_protection(settings: Settings) -> None:
    host = settings.http_host
    if is_loopback(host):
        return
    if not settings.authenticated:
        msg = (
            f"{host} is not a loopback address, and without authentication only this machine may reach the servers; "
            "set OVERTURE_AUTH_ISSUER or OVERTURE_AUTH_LOCAL (docs/security.md), or listen on 127.0.0.1."
        )
        raise ConfigurationError(msg)
    for name in guessable(settings):
        msg = f"{host} is not a loopback address, and {name} can be guessed; {BETTER}."
        raise ConfigurationError(msg)
    if host in ANY_ADDRESS and settings.public_url is None:
        msg = f"{host} is no address that clients can name, and tokens are for one; set OVERTURE_PUBLIC_URL to it."
        raise ConfigurationError(msg)


def _spare_the_collector() -> None:
    """What is loaded by now stays: going through it again and again was a quarter of a large plan's time."""
    gc.freeze()
    gc.enable()


def few_heaps() -> None:
    """Have glibc's threads share two heaps; another allocator is left alone.

    Each of the many threads that tools run in would else have one of its own, and what SQLite gave back to one of them
    is of no use to the others (mallopt(3), M_ARENA_MAX).
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS)


def _keep_stdout_clean() -> None:
    """structlog prints to stdout unless its host says otherwise; that belongs to the protocol."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
