"""The pages that a person reads: what each is asked for and shows. None changes anything."""

from __future__ import annotations

from typing import Any

from overture_core.approvals.service import ApprovalState
from overture_core.approvals.subjects import listed, page, subject
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import get_plan
from overture_core.campaigns.showing import cost, follow_ups, one_a_line, when, where
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.campaigns.status import counts_by_campaign, status
from overture_core.contactability.explaining import explain
from overture_core.errors import InvalidInput, NotFound, QueueUnavailable
from overture_core.health import service as health
from overture_core.health import workers
from overture_core.health.thresholds import BOUNCES, COMPLAINTS
from overture_core.leads.finding import lead_id_of, lead_of
from overture_core.leads.searching import search
from overture_core.leads.tracing import trace
from overture_core.messages import breaker
from overture_core.messages.channels import BY_HAND, PROVIDERS, Channel
from overture_core.messages.limits import limits_of
from overture_core.payments.revenue import revenue
from overture_core.replies import service as replies
from overture_core.replies import threads
from overture_core.replies.intent import Intent
from overture_core.segments.filter import LeadFilter
from overture_core.storage.store import Work
from overture_core.workspaces import emergency, senders
from overture_servers.runtime import Runtime
from overture_servers.ui import charts, paths
from overture_servers.ui.serving import Given, View

MOST_ENTRIES = 500  # of a lead's trace
MOST_CAMPAIGNS = 100
PAGE = 50
LONGEST_WORDS = 200
NO_WORKER = "No worker runs, so nothing is sent: what is due waits until you run `overture worker`, or `overture up`."
_MAY_PAUSE = (CampaignState.RUNNING,)
_MAY_CANCEL = (CampaignState.PLANNED, CampaignState.RUNNING, CampaignState.PAUSED)


def overview(work: Work, given: Given) -> dict[str, Any]:
    """What waits for a person, and the newest campaigns with how far each is."""
    counts = counts_by_campaign(work)
    newest = campaigns.list_(work)[:MOST_CAMPAIGNS]
    bars = [(each, charts.progress(counts.get(each.campaign_id, {}))) for each in newest]
    return {"waiting": listed(work, ApprovalState.PENDING), "campaigns": bars, "not_sent": _not_sent(given.runtime)}


def approval(work: Work, given: Given) -> dict[str, Any]:
    """What an approval would let out, all of it, with the forms that decide."""
    found = subject(work, given.path["approval_id"], longest=None)
    warnings = [each for each in (found.obstacle, found.note) if each is not None]
    shown = {
        "asked": found.approval,
        "title": found.title,
        "question": found.question,
        "warnings": warnings,
        "obstacle": found.obstacle,
    }
    if found.plan is None:
        return {**shown, "plan": None, "lines": found.lines}
    plan = found.plan
    samples = [(plan.samples.index(sample), sample) for sample in one_a_line(plan.samples)]
    return {
        **shown,
        "plan": plan,
        "where": where(plan),
        "when": when(plan),
        "follow_ups": follow_ups(plan),
        "cost": cost(plan),
        "samples": samples,
        "may_launch": get_plan(work, plan.plan_id).state == PlanState.PROPOSED,
    }


def approvals(work: Work, given: Given) -> dict[str, Any]:
    """Every approval that was ever asked for, the newest first."""
    return {"page": page(work, limit=PAGE, cursor=given.query.get("after"))}


def campaign(work: Work, given: Given) -> dict[str, Any]:
    """What became of a campaign, and the forms that pause, resume and cancel it."""
    found = status(work, given.path["campaign_id"])
    return {
        "campaign": found,
        "progress": charts.progress(found.counts),
        "advice": [each for each in found.advice if each != emergency.standing(work).advice],  # above on every page
        "not_sent": _not_sent(given.runtime),
        "may_pause": found.state in _MAY_PAUSE,
        "may_resume": found.state is CampaignState.PAUSED,
        "may_cancel": found.state in _MAY_CANCEL,
        "revenue": revenue(work, sandbox=work.settings.stripe_sandboxed, campaign=found.campaign_id),
    }


def replied(work: Work, given: Given) -> dict[str, Any]:
    """Replies of one intent or of all, the newest first."""
    wanted = given.query.get("intent")
    if wanted is not None and wanted not in set(Intent):
        raise NotFound("There is no such intent; choose one of those on the page of replies.")
    intent = Intent(wanted) if wanted else None
    found = replies.list_(work, intent=intent, limit=PAGE, cursor=given.query.get("after"))
    return {"counts": replies.by_intent(work), "intent": intent, "page": found}


def reply(work: Work, given: Given) -> dict[str, Any]:
    """All that was said between us and the lead of a reply."""
    return {"thread": threads.of_reply(work, given.path["reply_id"])}


def leads(work: Work, given: Given) -> dict[str, Any]:
    """Leads by words, or the one whose address was given."""
    words = given.query.get("find", "")[:LONGEST_WORDS].strip()
    if "@" in words or words.startswith("+"):
        try:
            named = [lead_of(work, lead_id_of(work, words))]
        except (NotFound, InvalidInput):
            named = []
        return {"words": words, "found": named, "more": False, "after": None}
    some = search(work, LeadFilter(query=words or None), limit=PAGE, cursor=given.query.get("after"))
    return {"words": words, "found": some.leads, "more": some.more, "after": some.next_cursor}


def lead(work: Work, given: Given) -> dict[str, Any]:
    """Everything that happened to a lead, and whether they may be written to now."""
    found = lead_of(work, given.path["lead_id"])
    happened = trace(work, found.id, limit=MOST_ENTRIES)
    return {"lead": found, "trace": happened, "channels": explain(work, found.id).channels}


def deliverability(work: Work, _given: Given) -> dict[str, Any]:
    """Bounces and complaints by sender and campaign, beside what mailbox providers put up with."""
    return {
        "report": health.report(work),
        "senders": senders.list_(work),
        "bounces": BOUNCES,
        "complaints": COMPLAINTS,
        "share": charts.share,
    }


def system(work: Work, given: Given) -> dict[str, Any]:
    """What waits, who works on it, at which rate, and which providers are left alone."""
    try:
        queues = given.runtime.queue_depths()
    except QueueUnavailable:
        queues = {}
    providers = [breaker.view(work, PROVIDERS[channel]) for channel in Channel if channel not in BY_HAND]
    return {
        "now": work.now(),
        "waiting": workers.waiting(work),
        "workers": workers.workers(work),
        "queues": queues,
        "not_sent": _not_sent(given.runtime),
        "providers": providers,
        "limits": [each for each in limits_of(work.settings).items() if each[0] not in BY_HAND],
    }


def _not_sent(runtime: Runtime) -> str | None:
    """Say why nothing is sent at all: no worker runs, or Redis is away."""
    try:
        return None if runtime.has_worker() else NO_WORKER
    except QueueUnavailable as error:
        return f"{error.message} What is due waits in the database, and goes out once it is back."


def earned(work: Work, _given: Given) -> dict[str, Any]:
    """What campaigns brought in, by step and variant."""
    found = revenue(work, sandbox=work.settings.stripe_sandboxed)
    whole = {
        currency: sum(max(row.net, 0) for row in found.rows if row.currency == currency) for currency in found.total
    }
    return {"revenue": found, "whole": whole, "share": charts.share}


VIEWS = (
    View(paths.HOME, "overview", "campaigns", overview, live=True),
    View(paths.APPROVALS, "approvals", "campaigns", approvals),
    View(paths.APPROVAL, "approval", "campaigns", approval),
    View(paths.CAMPAIGN, "campaign", "campaigns", campaign, live=True),
    View(paths.REPLIES, "replies", "replies", replied),
    View(paths.REPLY, "reply", "replies", reply),
    View(paths.LEADS, "leads", "leads", leads),
    View(paths.LEAD, "lead", "leads", lead),
    View(paths.SENDERS, "senders", "senders", deliverability, live=True),
    View(paths.SYSTEM, "system", "system", system, live=True),
    View(paths.REVENUE, "revenue", "revenue", earned),
)
