"""Runs the demo: starts the processes, lets the crew work over MCP, waits for the answers, tells the story."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from overture_cli.context import person
from overture_cli.demo.stage import stage
from overture_cli.demo.story import Story
from overture_cli.processes import Supervisor, all_specs
from overture_core.approvals import policy
from overture_core.approvals.policy import PreApproval
from overture_core.campaigns.status import CampaignStatus, status
from overture_core.leads import importing
from overture_core.leads.reading import Source
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.replies import service as replies
from overture_core.segments import service as segments
from overture_core.settings import Settings
from overture_core.storage.schema import Lead, Message, Suppression
from overture_core.storage.store import Store
from overture_core.workspaces import service as workspaces
from overture_crew.brief import default_brief
from overture_crew.client import CLIENT_NAME
from overture_crew.engine import require_installed
from overture_crew.report import CrewEvent, CrewReport
from overture_crew.run import CrewSetup, run_campaign
from overture_crew.sessions import Ask, HttpServer
from overture_queue.broker import describe

SEND_WAIT_S = 40.0
EVENTS_WAIT_S = 15.0
POLL_S = 0.1
RESTART_WAIT_S = 10.0
MOST_RECIPIENTS = 5_000
REPLIES_SHOWN = 1_000

OnEvent = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo is run. `ask` puts the approval before a person; without it a written policy approves."""

    folder: Path
    leads: Path
    ask: Ask | None = None


def run_demo(options: Options, on_event: OnEvent) -> Story:
    """Run the demo once; a second run in the same folder goes on where the first one ended.

    Raises:
        OvertureError: the file cannot be used, or a process does not start.
        CrewError: the crew's run failed.
    """
    started = time.monotonic()
    # First what can be wrong: that should cost a second, not a start of everything.
    require_installed()
    Source.from_path(options.leads, [options.leads.resolve().parent])
    settings = stage(options.folder, options.leads)
    store = Store(settings)
    store.prepare()
    _allow(store, options.ask)
    before = _accepted_now(store)
    specs = all_specs(settings)
    on_event("Starting the sandbox, the MCP servers and a worker")
    with Supervisor(settings, specs) as running:
        running.wait_ready()
        with running.kept_alive():
            report = _crew(settings, options, on_event)
            on_event("Waiting for deliveries and answers to come back")
            _settle(store)
            story = _tell(store, report, before, started)
    store.close()
    return story


def _allow(store: Store, ask: Ask | None) -> None:
    """Say who approves: a written policy for the sandbox alone, or the person at this terminal."""
    with store.begin(store.settings.workspace, actor=person()) as work:
        workspace = workspaces.get(work)
        if ask is not None:
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


def _crew(settings: Settings, options: Options, on_event: OnEvent) -> CrewReport:
    base = f"http://{settings.http_host}:{settings.http_port}"

    def tell(event: CrewEvent) -> None:
        on_event(event.text)

    servers = {"leads": HttpServer(f"{base}/leads/mcp"), "messaging": HttpServer(f"{base}/messaging/mcp")}
    return run_campaign(
        CrewSetup(servers=servers, data_dir=settings.data_dir / "crew", ask=options.ask),
        default_brief(),
        on_event=tell,
        wait_s=SEND_WAIT_S,
        import_path=options.leads.resolve(),
    )


def _settle(store: Store) -> None:
    """Wait until nothing is in motion, the sandbox has nothing left to say, and all of it is applied."""
    deadline = time.monotonic() + EVENTS_WAIT_S
    while time.monotonic() < deadline:
        waiting = _sandbox(store.settings)["webhooks"].get("waiting", 0)
        if not waiting and not intake.waiting(store):
            return
        time.sleep(POLL_S)


def _tell(store: Store, report: CrewReport, before: int, started: float) -> Story:
    settings = store.settings
    with store.read(settings.workspace) as work:
        found = status(work, report.campaign)
        answers = replies.list_(work, campaign=report.campaign, limit=REPLIES_SHOWN).replies
        segment = segments.preview_named(work, str((report.segment or {})["name"]))
        leads = work.session.scalar(select(func.count(Lead.id)).where(Lead.workspace_id == work.workspace)) or 0
        counted = select(func.count(Suppression.id)).where(Suppression.workspace_id == work.workspace)
        suppressed = work.session.scalar(counted) or 0
    imported: dict[str, Any] = report.imported or {}
    redis = describe(settings)
    return Story(
        imported=imported["created"] + imported["merged"] + imported["unchanged"],
        created=imported["created"],
        merged=imported["merged"],
        unchanged=imported["unchanged"],
        rejected=imported["rejected"],
        reject_reasons=_reject_reasons(store, imported),
        leads=leads,
        in_segment=segment.count,
        planned=_planned(found),
        excluded=found.skipped,
        held=found.held,
        accepted=found.accepted,
        accepted_by_channel=_accepted_by_channel(store, found.campaign_id),
        sent_now=found.accepted - before,
        accepted_twice=len(_sandbox(settings)["accepted_twice"]),
        delivered=found.delivered,
        bounced=found.counts.get(State.BOUNCED, 0),
        failed=found.counts.get(State.FAILED, 0),
        complained=found.counts.get(State.COMPLAINED, 0),
        unknown=found.counts.get(State.UNKNOWN, 0),
        opened=found.opened,
        clicked=found.clicked,
        replied=found.replied,
        replies=dict(Counter(answer.intent for answer in answers)),
        stopped=found.stopped,
        suppressed=suppressed,
        approved_by=_approved_by(found),
        ending=report.ending,
        next_step=report.next_step,
        brain=report.brain,
        database=f"SQLite, {settings.data_dir / 'overture.db'}",
        redis=f"{redis.server} ({redis.kind})",
        providers="sandbox for SendGrid and Twilio; nobody outside was contacted",
        folder=str(settings.data_dir),
        seconds=round(time.monotonic() - started, 1),
    )


def _planned(found: CampaignStatus) -> int:
    return sum(found.counts.values()) - sum(found.skipped.values())


def _approved_by(found: CampaignStatus) -> str:
    approval = found.approval
    if approval is None or approval.decided_by is None:
        return "nobody yet"
    return f"{approval.decided_by}, by {approval.decided_via}"


def _accepted_now(store: Store) -> int:
    with store.read(store.settings.workspace) as work:
        return work.session.scalar(select(func.count(Message.accepted_at))) or 0


def _accepted_by_channel(store: Store, campaign_id: str) -> dict[Channel, int]:
    with store.read(store.settings.workspace) as work:
        counted = (
            select(Message.channel, func.count())
            .where(
                Message.workspace_id == work.workspace,
                Message.campaign_id == campaign_id,
                Message.accepted_at.is_not(None),
            )
            .group_by(Message.channel)
        )
        return {Channel(channel): number for channel, number in work.session.execute(counted)}


def _reject_reasons(store: Store, imported: dict[str, Any]) -> dict[str, int]:
    with store.read(store.settings.workspace) as work:
        rejects = importing.rejects(work, imported["import_id"])
    return dict(Counter(reason for each in rejects for reason in each.reasons))


@retry(
    retry=retry_if_exception_type(urllib.error.URLError),
    stop=stop_after_delay(RESTART_WAIT_S),
    wait=wait_fixed(POLL_S),
    reraise=True,
)
def _sandbox(settings: Settings) -> dict[str, Any]:
    address = f"{settings.sandbox_url}/sandbox/summary.json"
    with urllib.request.urlopen(address, timeout=5.0) as answer:  # noqa: S310 - our own sandbox on loopback
        summary: dict[str, Any] = json.load(answer)
    return summary
