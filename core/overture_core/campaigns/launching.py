"""Launching: what was approved becomes due, and nothing else."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import select

from overture_core.approvals import policy
from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.campaigns import world
from overture_core.campaigns.planning import content_hash
from overture_core.campaigns.showing import nobody
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.errors import ApprovalRequired, Conflict, NotFound
from overture_core.messages.channels import Channel
from overture_core.messages.states import State, change
from overture_core.storage.schema import Campaign, Message, Plan
from overture_core.storage.store import Work

ROWS_A_STATEMENT = 5_000


class LaunchResult(BaseModel):
    """What a launch made due. A second launch of the same plan returns the same."""

    campaign_id: str
    campaign: str
    state: CampaignState
    queued: int
    held: int
    approved_by: str
    approved_via: Via


def get_plan(work: Work, plan_id: str) -> Plan:
    """Return a plan.

    Raises:
        NotFound: there is none by that id.
    """
    row = work.session.scalar(select(Plan).where(Plan.workspace_id == work.workspace, Plan.id == plan_id))
    if row is None:
        msg = f"There is no plan {plan_id!r}; plan the campaign and use the plan_id that comes back."
        raise NotFound(msg)
    return row


def launch(work: Work, plan_id: str) -> LaunchResult:
    """Launch an approved plan: its drafts become due, those that the gate puts off are held.

    Raises:
        NotFound: there is no such plan.
        ApprovalRequired: nobody approved exactly this content, or the approval has expired.
        Conflict: the plan reaches nobody, was replaced by a newer one or changed since it was made, or its campaign
            was cancelled.
    """
    row = get_plan(work, plan_id)
    campaign = work.session.get_one(Campaign, row.campaign_id, with_for_update=True)
    if row.state == PlanState.REPLACED:
        msg = "This plan was replaced by a newer one; launch that, or plan again."
        raise Conflict(msg)
    if row.state == PlanState.EMPTY:
        msg = f"There is nothing to launch: {nobody(row.summary['excluded'])}"
        raise Conflict(msg)
    if row.state == PlanState.PROPOSED:
        _release(work, row, campaign)
    return _result(work, row, campaign)


def _release(work: Work, row: Plan, campaign: Campaign) -> None:
    if campaign.state == CampaignState.CANCELLED:
        msg = f"The campaign {campaign.name!r} was cancelled; plan under another name."
        raise Conflict(msg)
    if content_hash(work, row) != row.content_hash:
        msg = "The plan's messages changed after it was made; plan again and have a person approve it."
        raise Conflict(msg)
    _require_same_world(work, row)
    _require_policy_still_covers(work, row)
    approvals.use(work, row.id, row.content_hash)
    if campaign.state in (CampaignState.PLANNED, CampaignState.FINISHED):
        campaign.state, campaign.finished_at = CampaignState.RUNNING, None
        campaign.launched_at = campaign.launched_at or work.now()
    row.state = PlanState.LAUNCHED
    of_plan = Message.plan_id == row.id
    for target, condition in ((State.HELD, Message.reason.is_not(None)), (State.DUE, Message.reason.is_(None))):
        while change(work, State.DRAFT, target, of_plan, condition, cause="launch", limit=ROWS_A_STATEMENT):
            pass


def _require_same_world(work: Work, row: Plan) -> None:
    if not all(world.holds(work.settings, row, Channel(channel)) for channel in row.summary["by_channel"]):
        msg = (
            "The providers changed between the sandbox and real ones since this plan was approved; plan again and "
            "have a person approve it."
        )
        raise Conflict(msg)


def _require_policy_still_covers(work: Work, row: Plan) -> None:
    """A policy approved the plan when it was made; its caps may be used up since, or the policy gone."""
    approval = approvals.for_subject(work, row.id)
    if approval.state != ApprovalState.APPROVED or approval.decided_via != Via.POLICY:
        return
    written = policy.read(work)
    by_channel = {Channel(channel): number for channel, number in row.summary["by_channel"].items()}
    if written is None or not policy.covers(work, written, by_channel=by_channel, sandbox=row.summary["sandbox"]):
        msg = "The policy that approved this plan no longer covers it; plan again and have a person approve it."
        raise ApprovalRequired(msg)


def _result(work: Work, row: Plan, campaign: Campaign) -> LaunchResult:
    approval = approvals.for_subject(work, row.id)
    assert approval.decided_by  # a launched plan was decided
    assert approval.decided_via
    planned = row.summary
    held = sum(planned["held"].values())
    return LaunchResult(
        campaign_id=campaign.id,
        campaign=campaign.name,
        state=CampaignState(campaign.state),
        queued=planned["recipients"] - held,
        held=held,
        approved_by=approval.decided_by,
        approved_via=Via(approval.decided_via),
    )
