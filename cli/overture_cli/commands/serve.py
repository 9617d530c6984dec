"""`overture serve`, `worker`, `sandbox` and `up`: the processes."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from overture_cli import processes
from overture_cli.context import open_store
from overture_cli.logs import log_to_stderr, observe
from overture_cli.output import JsonFlag, emit_json, progress_console, say, table
from overture_cli.stopping import Stop
from overture_core.errors import InvalidInput, QueueUnavailable
from overture_core.settings import Settings
from overture_core.text import quoted

# What runs for long prints nothing but its log, which is JSON anyway; the top level looks for the word itself.
ErrorsFlag = Annotated[bool, typer.Option("--json", help="Print an error as one JSON object.")]


def serve(
    server: Annotated[
        str | None, typer.Argument(help="Which server to speak over stdio: leads, messaging, linkedin or stripe.")
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Serve all of them over HTTP instead.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on (HTTP).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on (HTTP).")] = None,
    _as_json: ErrorsFlag = False,
) -> None:
    """Run an MCP server: one over stdio, or all over Streamable HTTP with their webhooks."""
    from overture_servers.main import serve_http, serve_stdio
    from overture_servers.registry import NAMES

    if http and server is not None:
        msg = f"Over HTTP all servers are served, {quoted(server)} under /{server}/mcp; leave its name out."
        raise InvalidInput(msg if server in NAMES else "Over HTTP all servers are served; leave the name out.")
    settings = Settings()
    observe(f"overture-{'http' if http else server}")
    if http:
        at, number = host or settings.http_host, settings.http_port if port is None else port
        processes.require_free_port(at, number, "give another --port")
        serve_http(settings, at, number)
    elif server is None:
        msg = f"Say which server to run ({', '.join(NAMES)}), or --http for all of them."
        raise InvalidInput(msg)
    else:
        serve_stdio(server, settings)


def worker(
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes to keep running.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Jobs of a queue at once in each process.")] = 2,
    _as_json: ErrorsFlag = False,
) -> None:
    """Run a worker: it sends what is due and applies what providers report. A process that dies is replaced."""
    from overture_queue.broker import connect, describe
    from overture_worker.supervisor import supervise

    settings = Settings()
    log_to_stderr()
    if settings.redis_url is not None:
        # Once it runs, a worker outlives a Redis that goes away; one that never answered is a mistake to report.
        connect(settings).close()
        info = describe(settings)
        if not info.reachable:
            raise QueueUnavailable(info.detail)
    supervise(settings, processes=processes, threads=threads, prepare=partial(observe, "overture-worker"))


def sandbox(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; else the one in OVERTURE_SANDBOX_URL.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the outcomes it invents.")] = 1,
    speed: Annotated[float, typer.Option(min=0.0, help="How fast events come back; 1 is normal.")] = 1.0,
    _as_json: ErrorsFlag = False,
) -> None:
    """Run the sandbox: SendGrid, Twilio, LinkedIn and Stripe as far as Overture needs them, contacting nobody.

    /sandbox shows what it took. It fails on command: POST {"provider": "sendgrid", "twilio", "linkedin" or "stripe",
    "kind": "429", "500", "401", "hang", "drop" or "slow", "count": 3} as application/json to /sandbox/faults, and
    the provider's next three requests fail that way; DELETE takes the faults back. POST {"id": ID} to
    /sandbox/stripe/pay pays a payment link, a checkout session or an invoice.
    """
    from overture_providers.sandbox.__main__ import serve as serve_sandbox

    log_to_stderr()
    serve_sandbox(Settings(), port=port, seed=seed, speed=speed)


def up(as_json: JsonFlag = False) -> None:
    """Run everything on this machine: Redis, sandbox, worker and all servers; Ctrl-C ends it."""
    from overture_servers.registry import NAMES

    settings = Settings()
    processes.require_free_ports(settings)
    specs = processes.all_specs(settings)
    with open_store(settings), Stop() as stop, processes.Supervisor(settings, specs, stop) as running:
        running.wait_ready()
        base = f"http://{settings.http_host}:{settings.http_port}"
        addresses = [("dashboard", f"{settings.page_url}/")]
        addresses += [(f"{name} (MCP)", f"{base}/{name}/mcp") for name in NAMES]
        addresses += [("health", f"{base}/health"), ("readiness", f"{base}/ready")]
        if settings.any_sandboxed:
            addresses.append(("sandbox inbox", f"{settings.sandbox_url}/sandbox"))
        if as_json:
            emit_json({"addresses": dict(addresses), "logs": str(running.log_dir)})
        else:
            table("Overture is up", ("what", "where"), addresses)
            say("To look, approve and stop in a browser, run `overture dashboard` in another terminal.")
            say(f"Logs are in {running.log_dir}. Press Ctrl-C to stop.")
        running.run_until_interrupted(_tell_revived)


def _tell_revived(name: str) -> None:
    progress_console.print(f"The {name} process ended and was started again; its log says why.", markup=False)
