"""Planning: who would get what, when, frozen under a content hash.

A plan writes its messages as drafts. Planning a campaign again replaces the drafts that were never
launched and leaves everyone who already has a message alone, so that nobody gets a step twice.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from overture_core.approvals import policy
from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.campaigns import world
from overture_core.campaigns.drafting import PAGE, Tally, draft
from overture_core.campaigns.models import PlanApproval, PlanRequest, PlanView
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.errors import Conflict, InvalidInput
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.segments import service as segments
from overture_core.storage.schema import Approval, Campaign, Message, MessageEvent, Plan, Template
from overture_core.storage.store import Work
from overture_core.templates import service as templates

PLAN_LIFE = timedelta(days=7)
LATE = timedelta(minutes=5)  # "now", said by somebody who then thought, or whose clock is slow
FURTHEST = timedelta(days=366)


def plan(work: Work, request: PlanRequest) -> PlanView:
    """Plan a campaign (again), and ask for its approval; a written policy may give it at once.

    A plan that reaches nobody is kept, so that it can be looked at, with an approval that nobody can give.

    Raises:
        NotFound: the segment or a template does not exist.
        InvalidInput: a template is for another channel, or `send_at` is over or too far away.
        Conflict: the campaign was cancelled.
    """
    segment = segments.get(work, request.segment)
    chosen = _templates(work, request)
    order = [channel for channel in dict.fromkeys(request.channel_order) if channel in chosen]
    if not order:
        msg = "channel_order names no channel that has a template."
        raise InvalidInput(msg)
    send_at = _send_at(work, request)
    campaign = _campaign(work, request.name)
    _replace_open_plans(work, campaign)
    row = Plan(
        id=new_id("pln"),
        workspace_id=work.workspace,
        campaign_id=campaign.id,
        content_hash="",
        spec={
            "segment": segment.name,
            "filter": segment.filter,
            "templates": {channel: templates.content_hash(template) for channel, template in chosen.items()},
            "channel_order": order,
            "sandbox": world.frozen(work.settings, order),
            "send_at": send_at.isoformat() if send_at else None,
        },
        summary={},
        state=PlanState.PROPOSED,
        created_at=work.now(),
        expires_at=work.now() + PLAN_LIFE,
    )
    work.session.add(row)
    work.session.flush()
    tally = draft(work, row, chosen, order, send_at or work.now())
    row.content_hash = content_hash(work, row)
    sandbox = all(world.sandboxed(work.settings, channel) for channel in tally.by_channel)
    row.summary = {
        "campaign": campaign.name,
        "recipients": tally.by_channel.total(),
        "by_channel": dict(tally.by_channel),
        "excluded": dict(tally.excluded),
        "held": dict(tally.held),
        "sms_segments": tally.sms_segments,
        "samples": [sample.model_dump(mode="json") for sample in tally.samples],
        "sandbox": sandbox,
    }
    _request_approval(work, row, tally, sandbox=sandbox)
    return view(work, row)


def view(work: Work, row: Plan) -> PlanView:
    """Return how a plan is shown, with where its approval stands."""
    return PlanView(
        plan_id=row.id,
        campaign_id=row.campaign_id,
        segment=row.spec["segment"],
        content_hash=row.content_hash,
        send_at=row.spec["send_at"],
        approval=shown_approval(approvals.for_subject(work, row.id)),
        expires_at=row.expires_at,
        goes_to={channel: world.goes_to(row, Channel(channel)) for channel in row.summary["by_channel"]},
        **row.summary,
    )


def shown_approval(approval: Approval) -> PlanApproval:
    """Return how a plan's approval is shown beside it."""
    return PlanApproval(
        id=approval.id,
        state=ApprovalState(approval.state),
        decided_by=approval.decided_by,
        decided_via=Via(approval.decided_via) if approval.decided_via else None,
    )


def content_hash(work: Work, row: Plan) -> str:
    """Return the SHA-256 of what was asked and of every draft: recipient, channel, values, time."""
    digest = hashlib.sha256(_canonical(row.spec))
    drafts = (
        select(Message.lead_id, Message.channel, Message.address, Message.template_id, Message.merge, Message.due_at)
        .where(Message.workspace_id == work.workspace, Message.plan_id == row.id, Message.state == State.DRAFT)
        .order_by(Message.id)
        .execution_options(yield_per=PAGE)
    )
    for lead_id, channel, address, template_id, merge, due_at in work.session.execute(drafts):
        digest.update(_canonical([lead_id, channel, address, template_id, merge, due_at.isoformat()]))
    return digest.hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _templates(work: Work, request: PlanRequest) -> dict[Channel, Template]:
    chosen = {channel: templates.get(work, name) for channel, name in request.templates.items()}
    for channel, template in chosen.items():
        if template.channel != channel:
            msg = f"The template {template.name!r} is for {template.channel}, not for {channel}; choose another."
            raise InvalidInput(msg)
    return chosen


def _send_at(work: Work, request: PlanRequest) -> datetime | None:
    """Return the time that was asked for; None, which is now, for one that has just passed."""
    wanted, now = request.send_at, work.now()
    if wanted is None or now - LATE <= wanted <= now:
        return None
    if wanted < now:
        given = f"{wanted.isoformat()}; it is {now:%Y-%m-%dT%H:%MZ} now"
        msg = f"send_at is over ({given}); give a later time, or leave it out to send now."
        raise InvalidInput(msg)
    if wanted > now + FURTHEST:
        msg = f"send_at is more than a year away ({wanted.isoformat()}); give an earlier time."
        raise InvalidInput(msg)
    return wanted


def _campaign(work: Work, name: str) -> Campaign:
    known = work.session.scalar(select(Campaign).where(Campaign.workspace_id == work.workspace, Campaign.name == name))
    if known is None:
        known = Campaign(
            id=new_id("cmp"),
            workspace_id=work.workspace,
            name=name,
            state=CampaignState.PLANNED,
            created_at=work.now(),
        )
        work.session.add(known)
        work.session.flush()
    if known.state == CampaignState.CANCELLED:
        msg = f"The campaign {name!r} was cancelled; plan under another name."
        raise Conflict(msg)
    return known


def _replace_open_plans(work: Work, campaign: Campaign) -> None:
    open_plans = select(Plan).where(
        Plan.workspace_id == work.workspace,
        Plan.campaign_id == campaign.id,
        Plan.state.in_((PlanState.PROPOSED, PlanState.EMPTY)),
    )
    for old in work.session.scalars(open_plans):
        old.state = PlanState.REPLACED
        approvals.void(work, old.id)
        # Drafts of a plan that never was launched were never promised to anybody.
        never_launched = (Message.plan_id == old.id, Message.state.in_((State.DRAFT, State.SKIPPED)))
        ids = select(Message.id).where(*never_launched)
        work.session.execute(delete(MessageEvent).where(MessageEvent.message_id.in_(ids)))
        work.session.execute(delete(Message).where(*never_launched))
    work.session.flush()


def _request_approval(work: Work, row: Plan, tally: Tally, *, sandbox: bool) -> None:
    asked = approvals.request(work, "campaign_launch", row.id, row.content_hash, expires_at=row.expires_at)
    if not tally.by_channel:
        row.state = PlanState.EMPTY
        approvals.void(work, row.id, reason="the plan reaches nobody")
        return
    written = policy.read(work)
    if written and policy.covers(work, written, by_channel=dict(tally.by_channel), sandbox=sandbox):
        approvals.decide(
            work,
            asked.id,
            approve=True,
            by=f"{written.written_by} (policy)",
            via=Via.POLICY,
            reason=written.note,
        )
