"""Runs the demo: starts the processes, lets the crew work over MCP, waits for the answers, tells the story."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from overture_cli.asking import Terminal
from overture_cli.context import actor, person
from overture_cli.crew.working import in_thread
from overture_cli.demo import paying, posting, telling
from overture_cli.demo.stage import stage
from overture_cli.demo.story import Story
from overture_cli.processes import Supervisor, all_specs
from overture_cli.stopping import Interrupted, Stop
from overture_core.approvals import policy
from overture_core.approvals.policy import PreApproval
from overture_core.errors import InvalidInput, UnreadableFile
from overture_core.leads.mapping import NoAddressColumn
from overture_core.leads.reading import Source
from overture_core.leads.understanding import check_header
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.text import quantity
from overture_core.workspaces import service as workspaces
from overture_crew.brief import default_brief
from overture_crew.connection import CLIENT_NAME
from overture_crew.crews import REACTIVATION
from overture_crew.engine import require_installed
from overture_crew.report import CrewEvent, CrewReport
from overture_crew.run import CrewSetup, begin, work
from overture_crew.sessions import HttpServer
from overture_crew.waiting import Waiting

SEND_WAIT_S = 40.0
EVENTS_WAIT_S = 15.0
POLL_S = 0.1
MOST_RECIPIENTS = 5_000
REPLIES_SHOWN = 1_000

OnEvent = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo is run. `ask` puts the approval before a person; without it a written policy approves."""

    folder: Path
    leads: Path
    ask: bool = False


def run_demo(options: Options, on_event: OnEvent) -> Story:
    """Run the demo once; a second run in the same folder goes on where the first one ended.

    Raises:
        OvertureError: the file or the folder cannot be used, or a process does not start.
        CrewError: the crew's run failed.
        Interrupted: a signal asked for the end; no child is left running, and nothing was approved since.
    """
    started = time.monotonic()
    # First what can be wrong: that should cost a second, not a start of everything.
    require_installed()
    leads = _real(options.leads)
    _check(Source.from_path(options.leads, [leads.parent]))
    settings = stage(options.folder, leads, on_event)
    with closing(Store(settings)) as store, Stop() as stop:
        store.prepare()
        _allow(store, ask=options.ask)
        before = telling.accepted_now(store)
        terminal = Terminal(stop)
        on_event("Starting the sandbox, the MCP servers and a worker")
        with Supervisor(settings, all_specs(settings), stop) as running:
            try:
                running.wait_ready()
                with running.kept_alive():
                    report = _crew(settings, leads, terminal if options.ask else None, stop, on_event)
                    on_event("Waiting for deliveries and answers to come back")
                    _settle(store, stop)
                    _take_payments(store, stop, on_event)
                    on_event("Publishing a post at the sandbox's LinkedIn, once it is approved")
                    post = posting.publish(store, terminal.ask if options.ask else None)
                    stop.check()
                    seconds = time.monotonic() - started - terminal.waited_s
                    return telling.tell(store, report, before, seconds).model_copy(update={"linkedin_post": post})
            except Interrupted:
                on_event("Stopping; the same command goes on from here")
                raise


def _check(source: Source) -> None:
    try:
        check_header(source)
    except NoAddressColumn as error:
        msg = f"{error.what} Rename the one that holds the addresses to email or phone, then run the demo again."
        raise InvalidInput(msg) from error


def _real(leads: Path) -> Path:
    try:
        return leads.resolve()
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError to some versions of pathlib
        msg = f"{leads} is a link that leads back to itself; name the file it should stand for."
        raise UnreadableFile(msg) from error


def _allow(store: Store, *, ask: bool) -> None:
    """Say who approves: a written policy for the sandbox alone, or the person at this terminal."""
    with store.begin(store.settings.workspace, actor=actor()) as work:
        workspace = workspaces.get(work)
        if ask:
            policy.remove(work)
            workspace.trusted_clients = [CLIENT_NAME]
            return
        workspace.trusted_clients = []
        policy.write(
            work,
            PreApproval(
                note="demo: sandbox only",
                written_by=person(),
                written_at=work.now(),
                channels=list(Channel),
                max_recipients_per_plan=MOST_RECIPIENTS,
                max_recipients_per_day=MOST_RECIPIENTS,
            ),
        )


def _crew(settings: Settings, leads: Path, terminal: Terminal | None, stop: Stop, on_event: OnEvent) -> CrewReport:
    """Let the crew work through the servers that run already."""
    base = f"http://{settings.http_host}:{settings.http_port}"

    def tell(event: CrewEvent) -> None:
        if not stop.asked:
            on_event(event.text)

    def run_it() -> CrewReport:
        setup = CrewSetup(servers, settings.data_dir / "crew", ask=terminal.ask if terminal else None)
        run = begin(setup, REACTIVATION, default_brief())
        if run.launched:  # a second demo looks for leads who have no message yet
            run = begin(setup, REACTIVATION, default_brief(), anew=True)
        return work(setup, run, on_event=tell, waiting=Waiting(SEND_WAIT_S), import_path=leads)

    servers = {"leads": HttpServer(f"{base}/leads/mcp"), "messaging": HttpServer(f"{base}/messaging/mcp")}
    return in_thread(run_it, stop)


def _take_payments(store: Store, stop: Stop, on_event: OnEvent) -> None:
    """Ask who said yes to pay, have the sandbox pay, and wait until that is known."""
    links = paying.ask_to_pay(store)
    if links:
        on_event(f"{quantity(links, 'lead')} said yes: each gets a payment link, and the sandbox pays it")
    paying.pay(store)
    _settle(store, stop)


def _settle(store: Store, stop: Stop) -> None:
    """Wait until nothing is in motion, the sandbox has nothing left to say, and all of it is applied."""
    deadline = time.monotonic() + EVENTS_WAIT_S
    while time.monotonic() < deadline:
        waiting = telling.sandbox_summary(store.settings)["webhooks"].get("waiting", 0)
        if not waiting and not intake.waiting(store):
            return
        stop.check()
        time.sleep(POLL_S)
