"""Gathers the demo's story from the database, the crew's report and the sandbox's own count."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from sqlalchemy import func, select
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from overture_cli.demo.story import NOBODY, Story, explained
from overture_core.campaigns.status import CampaignStatus, status
from overture_core.errors import NotFound
from overture_core.leads import imports
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.payments.revenue import revenue
from overture_core.replies import service as replies
from overture_core.segments import service as segments
from overture_core.settings import Settings
from overture_core.storage.schema import BillingObject, Lead, Message, Suppression
from overture_core.storage.store import Store, Work
from overture_core.text import quantity
from overture_crew.report import CrewReport
from overture_queue.broker import describe

REPLIES_SHOWN = 1_000
RESTART_WAIT_S = 10.0
POLL_S = 0.1


def tell(store: Store, report: CrewReport, before: int, seconds: float) -> Story:
    """Return the story of a run that took `seconds` and began with `before` messages taken by a provider."""
    settings = store.settings
    with store.read(settings.workspace) as work:
        campaign = _campaign(work, report)
        segment = segments.preview_named(work, str(report.segment["name"])).count if report.segment else 0
        leads = work.session.scalar(select(func.count(Lead.id)).where(Lead.workspace_id == work.workspace)) or 0
        counted = select(func.count(Suppression.id)).where(Suppression.workspace_id == work.workspace)
        suppressed = work.session.scalar(counted) or 0
        brought = revenue(work, sandbox=True)
        made = select(func.count(BillingObject.id)).where(
            BillingObject.workspace_id == work.workspace, BillingObject.kind == "payment_link"
        )
        links = work.session.scalar(made) or 0
    imported: dict[str, Any] = report.imported or {}
    redis = describe(settings)
    story = Story(
        imported=imported["created"] + imported["merged"] + imported["unchanged"],
        created=imported["created"],
        merged=imported["merged"],
        unchanged=imported["unchanged"],
        rejected=imported["rejected"],
        reject_reasons=_reject_reasons(store, imported),
        leads=leads,
        in_segment=segment,
        suppressed=suppressed,
        payment_links=links,
        revenue=brought.rows,
        revenue_total=brought.total,
        accepted_twice=len(sandbox_summary(settings)["accepted_twice"]),
        approved_by=_approved_by(campaign),
        ending=_ending(report),
        next_step=report.next_step,
        brain=report.brain,
        database=f"SQLite, {settings.data_dir / 'overture.db'}",
        redis=f"{redis.server} ({redis.kind})",
        providers="sandbox for SendGrid, Twilio, LinkedIn and Stripe; nobody outside was contacted",
        folder=str(settings.data_dir),
        seconds=round(seconds, 1),
    )
    if campaign is not None:
        story = story.model_copy(update=_outcome(store, campaign, before))
    if not story.planned and report.ending in ("finished", "not launched"):
        story = story.model_copy(update={"ending": NOBODY, "next_step": _why_nobody(story)})
    return story


def _ending(report: CrewReport) -> str:
    """How the crew's run ended; messages that are held until a better hour are told of by themselves."""
    counts = (report.status or {}).get("counts", {})
    only_held = not any(counts.get(state) for state in ("due", "claimed", "sending"))
    return "finished" if report.ending == "still sending" and only_held else report.ending


def accepted_now(store: Store) -> int:
    """Count the messages that a provider has taken so far."""
    with store.read(store.settings.workspace) as work:
        return work.session.scalar(select(func.count(Message.accepted_at))) or 0


def _campaign(work: Work, report: CrewReport) -> CampaignStatus | None:
    try:
        return status(work, report.campaign)
    except NotFound:  # the run ended before it had a plan
        return None


def _outcome(store: Store, found: CampaignStatus, before: int) -> dict[str, Any]:
    with store.read(store.settings.workspace) as work:
        answers = replies.list_(work, campaign=found.campaign, limit=REPLIES_SHOWN).replies
    return {
        "planned": sum(found.counts.values()) - sum(found.skipped.values()),
        "excluded": found.skipped,
        "held": found.held,
        "accepted": found.accepted,
        "accepted_by_channel": _accepted_by_channel(store, found.campaign_id),
        "sent_now": found.accepted - before,
        "delivered": found.delivered,
        "bounced": found.counts.get(State.BOUNCED, 0),
        "failed": found.counts.get(State.FAILED, 0),
        "complained": found.counts.get(State.COMPLAINED, 0),
        "unknown": found.counts.get(State.UNKNOWN, 0),
        "opened": found.opened,
        "clicked": found.clicked,
        "replied": found.replied,
        "replies": dict(Counter(str(answer.intent) for answer in answers)),
        "stopped": found.stopped,
    }


def _why_nobody(story: Story) -> str:
    if not story.leads:
        return "No row of the file became a lead: table 1 counts why; correct the file, then run the demo again."
    if not story.in_segment:
        return (
            f"Of {quantity(story.leads, 'lead')} none is dormant, that is without activity for long enough; give a "
            "file with older leads, or wait."
        )
    reasons = "; ".join(f"{number} {explained(reason)}" for reason, number in story.excluded.items())
    return (
        f"Of {quantity(story.in_segment, 'dormant lead')} all have to be left out ({reasons}); give a file with others."
    )


def _approved_by(found: CampaignStatus | None) -> str:
    approval = found.approval if found else None
    if approval is None or approval.decided_by is None:
        return "nobody yet"
    return f"{approval.decided_by}, by {approval.decided_via}"


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
        rejects = list(imports.rejects(work, imported["import_id"]))
    return dict(Counter(reason for each in rejects for reason in each.reasons))


@retry(
    retry=retry_if_exception_type(urllib.error.URLError),
    stop=stop_after_delay(RESTART_WAIT_S),
    wait=wait_fixed(POLL_S),
    reraise=True,
)
def sandbox_summary(settings: Settings) -> dict[str, Any]:
    """Ask the sandbox what it took and what it still has to report; waits if it is being started again."""
    address = f"{settings.sandbox_url}/sandbox/summary.json"
    with urllib.request.urlopen(address, timeout=5.0) as answer:  # noqa: S310 - our own sandbox on loopback
        summary: dict[str, Any] = json.load(answer)
    return summary
