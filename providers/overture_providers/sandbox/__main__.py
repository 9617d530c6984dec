"""Runs the sandbox: `python -m overture_providers.sandbox`."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from overture_core.clock import SystemClock
from overture_core.errors import ConfigurationError, OvertureError
from overture_core.settings import Settings
from overture_providers.sandbox.app import create_app
from overture_providers.sandbox.faults import DroppableProtocol


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            line = f"The sandbox is ready at http://{host}:{port}/sandbox; nobody outside is contacted.\n"
            sys.stderr.write(line)
            sys.stderr.flush()


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    webhook_url: str | None = None,
    seed: int = 1,
    speed: float = 1.0,
) -> None:
    """Run the sandbox until SIGTERM or Ctrl-C. Port 0 takes any free one; the line on stderr names it.

    Raises:
        ConfigurationError: the address is not on this machine's loopback interface, or is taken.
    """
    configured = urlsplit(settings.sandbox_url)
    listener = _listen(host or configured.hostname or "127.0.0.1", port if port is not None else configured.port or 80)
    app = create_app(
        settings,
        clock=SystemClock(timedelta(seconds=settings.clock_offset_s)),
        webhook_url=webhook_url or settings.webhook_base_url,
        seed=seed,
        speed=speed,
    )
    config = uvicorn.Config(
        app,
        http=DroppableProtocol,
        log_level=logging.WARNING,
        access_log=False,
        timeout_keep_alive=75,  # longer than any client keeps an idle connection, so that it is never cut in use
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    # uvicorn ends in good order, then raises the signal again; a clean end is exit code 0
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        _Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return


def _listen(host: str, port: int) -> socket.socket:
    name = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(name).is_loopback and ":" not in name
    except ValueError:
        loopback = False
    if not loopback:
        msg = f"The sandbox listens on this machine only, not on {host}; use 127.0.0.1."
        raise ConfigurationError(msg)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((name, port))
    except OSError as error:
        listener.close()
        msg = f"The sandbox cannot listen on {name}:{port} ({error.strerror}); set OVERTURE_SANDBOX_URL to a free port."
        raise ConfigurationError(msg) from error
    return listener


def main() -> int:
    """Read the command line and serve; returns the exit code."""
    parser = argparse.ArgumentParser(prog="overture_providers.sandbox", description=serve.__doc__)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--webhook-url", help="base URL of the receiver of webhooks")
    parser.add_argument("--seed", type=int, default=1, help="seed of the outcomes")
    parser.add_argument("--speed", type=float, default=1.0, help="divides the delays between events; 0 means none")
    parser.add_argument("--data-dir", type=Path, help="folder of the sandbox's database and keys")
    given = parser.parse_args()
    settings = Settings(data_dir=given.data_dir) if given.data_dir else Settings()
    try:
        serve(
            settings,
            host=given.host,
            port=given.port,
            webhook_url=given.webhook_url,
            seed=given.seed,
            speed=given.speed,
        )
    except OvertureError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
