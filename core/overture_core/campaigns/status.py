"""What became of a campaign, counted from its messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy import Select, case, func, select

from overture_core.approvals import service as approvals
from overture_core.campaigns import following, sequence, service, world
from overture_core.campaigns.models import PlanApproval
from overture_core.campaigns.planning import shown_approval
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.campaigns.variants import VariantStatus, winner
from overture_core.messages import breaker
from overture_core.messages.breaker import BreakerState, ProviderView
from overture_core.messages.channels import PROVIDERS, Channel
from overture_core.messages.outcomes import UNAUTHORIZED
from overture_core.messages.states import IN_MOTION, REFUSED, State
from overture_core.replies.intent import AUTOMATIC, Intent
from overture_core.storage.schema import Campaign, Message, Plan, Reply, Template
from overture_core.storage.store import Work
from overture_core.workspaces import emergency
from overture_core.workspaces.emergency import Standing

UNAUTHORIZED_REASON = f"retry:{UNAUTHORIZED}"
_UNFINISHED = (PlanState.PREPARING, PlanState.REPLACED)  # nothing was asked of anybody
_VARIANT = ("channel", "template", "version", "accepted", "opened", "clicked", "replied")
CREDENTIALS = (
    "The provider refused our credentials: check OVERTURE_SENDGRID_API_KEY for e-mail, OVERTURE_TWILIO_ACCOUNT_SID and "
    "OVERTURE_TWILIO_AUTH_TOKEN for SMS. Nothing is lost; the messages are tried again every minute."
)


class StepStatus(BaseModel):
    """What became of one step of a sequence. Leads who were passed over count as nothing else."""

    step: int
    accepted: int
    replied: int
    passed_over: int = Field(description="Leads for whom the step was left out: condition not met, or refused.")
    variants: list[VariantStatus]


class CampaignStatus(BaseModel):
    """What became of a campaign's messages, counted now."""

    campaign: str
    campaign_id: str
    state: CampaignState
    plan_id: str | None
    approval: PlanApproval | None
    counts: dict[State, int]
    by_channel: dict[Channel, dict[State, int]]
    skipped: dict[str, int] = Field(description="Leads never to be written to, by reason.")
    held: dict[str, int] = Field(description="Leads to be written to later, by reason.")
    waiting: dict[str, int] = Field(description="Messages due again after a try that failed, by reason.")
    failed: dict[str, int] = Field(description="Messages refused for good, by the provider's code.")
    cancelled: dict[str, int] = Field(description="Messages called off, by what happened before they left.")
    advice: list[str] = Field(description="What a person has to do so that messages move again.")
    providers: list[ProviderView] = Field(description="Providers that are left alone for now, and until when.")
    next_at: datetime | None = Field(description="When the next held or waiting message goes out.")
    follow_ups_left: bool = Field(description="Some who got a message may still get a follow-up.")
    steps: list[StepStatus] = Field(description="By step and template, where there are several of either.")
    accepted: int = Field(description="Messages that a provider took, whatever came of them.")
    delivered: int = Field(description="Messages that arrived.")
    opened: int
    clicked: int
    replied: int = Field(description="Leads who answered, without those who only asked to stop.")
    stopped: int = Field(description="Leads who asked to stop.")
    done: bool = Field(
        description="Nothing is due, claimed or being sent, and no follow-up is left; held messages may be."
    )
    sandbox: bool = Field(description="True: nobody outside was contacted.")


def counts_by_campaign(work: Work) -> dict[str, dict[State, int]]:
    """Count every campaign's messages by state, by its id."""
    counted = (
        select(Message.campaign_id, Message.state, func.count())
        .where(Message.workspace_id == work.workspace, Message.campaign_id.is_not(None))
        .group_by(Message.campaign_id, Message.state)
    )
    found: dict[str, dict[State, int]] = defaultdict(dict)
    for campaign_id, state, number in work.session.execute(counted):
        found[campaign_id or ""][State(state)] = number
    return found


def status(work: Work, name_or_id: str) -> CampaignStatus:
    """Count what became of a campaign's messages.

    Raises:
        NotFound: there is no such campaign.
    """
    campaign = service.get(work, name_or_id)
    counts: dict[State, int] = defaultdict(int)
    by_channel: dict[Channel, dict[State, int]] = defaultdict(dict)
    reasons: dict[State, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    refused: dict[str, int] = defaultdict(int)
    for channel, state, reason, number in work.session.execute(_counted(work, campaign)):
        counts[State(state)] += number
        per_channel = by_channel[Channel(channel)]
        per_channel[State(state)] = per_channel.get(State(state), 0) + number
        if state in REFUSED:
            refused[reason or state] += number
        elif reason:
            reasons[State(state)][reason] += number
    replied, stopped = _answers(work, campaign)
    arrived = counts.get(State.DELIVERED, 0) + counts.get(
        State.COMPLAINED, 0
    )  # only what arrived can be complained about
    standing = emergency.standing(work)
    newest, plans = _newest_plan(work, campaign), _plans(work, campaign)
    follow_ups_left = _follow_ups_left(work, campaign)
    engaged = select(func.count(Message.opened_at), func.count(Message.clicked_at), func.count(Message.accepted_at))
    of_campaign = (Message.workspace_id == work.workspace, Message.campaign_id == campaign.id)
    opened, clicked, accepted = work.session.execute(engaged.where(*of_campaign)).one()
    views = (breaker.view(work, PROVIDERS[channel]) for channel in by_channel)
    resting = [each for each in views if each.state is not BreakerState.CLOSED]
    return CampaignStatus(
        campaign=campaign.name,
        campaign_id=campaign.id,
        state=CampaignState(campaign.state),
        plan_id=newest.id if newest else None,
        approval=shown_approval(work, approvals.for_subject(work, newest.id)) if newest else None,
        counts=dict(counts),
        by_channel=dict(by_channel),
        skipped=dict(reasons[State.SKIPPED]),
        held=dict(reasons[State.HELD]),
        waiting=dict(reasons[State.DUE]),
        failed=dict(refused),
        cancelled=dict(reasons[State.CANCELLED]),
        advice=[*_stopped(campaign, standing), *_advice(reasons[State.DUE], resting)],
        providers=resting,
        next_at=None if standing.stopped or campaign.state != CampaignState.RUNNING else _next_at(work, campaign),
        follow_ups_left=follow_ups_left,
        steps=_steps(work, campaign) if any(sequence.has_several(each.spec) for each in plans) else [],
        accepted=accepted,
        delivered=arrived,
        opened=opened,
        clicked=clicked,
        replied=replied,
        stopped=stopped,
        done=not follow_ups_left and not any(counts.get(state) for state in IN_MOTION),
        sandbox=world.all_sandboxed(plans),
    )


def _stopped(campaign: Campaign, standing: Standing) -> list[str]:
    said = [standing.advice] if standing.stopped else []
    if campaign.state == CampaignState.PAUSED and campaign.paused_reason:
        said.append(f"It was paused by itself. {campaign.paused_reason}")
    return said


def _advice(waiting: Mapping[str, int], resting: Sequence[ProviderView]) -> list[str]:
    said = [CREDENTIALS] if UNAUTHORIZED_REASON in waiting else []
    for each in resting:
        if each.reason != UNAUTHORIZED and each.until is not None:
            why = f"{each.provider} takes no messages for now: {(each.detail or each.reason or '').rstrip('.')}."
            said.append(f"{why} Nothing is lost; one message is tried at {each.until:%H:%M:%S} UTC.")
    return said


def _counted(work: Work, campaign: Campaign) -> Select[str, str, str | None, int]:
    return (
        select(Message.channel, Message.state, Message.reason, func.count())
        .where(Message.workspace_id == work.workspace, Message.campaign_id == campaign.id)
        .group_by(Message.channel, Message.state, Message.reason)
    )


def _answers(work: Work, campaign: Campaign) -> tuple[int, int]:
    """Count the leads who answered this campaign, and those who asked to stop."""
    stops = case((Reply.intent == Intent.STOP, Reply.lead_id))
    answers = case((Reply.intent.not_in((Intent.STOP, *AUTOMATIC)), Reply.lead_id))
    counted = (
        select(func.count(answers.distinct()), func.count(stops.distinct()))
        .join(Message, Message.id == Reply.message_id)
        .where(Reply.workspace_id == work.workspace, Message.campaign_id == campaign.id)
    )
    replied, stopped = work.session.execute(counted).one()
    return replied, stopped


def _follow_ups_left(work: Work, campaign: Campaign) -> bool:
    if campaign.state == CampaignState.CANCELLED:
        return False
    left = select(Campaign.id).where(Campaign.id == campaign.id, following.outstanding())
    return work.session.scalar(left) is not None


def _steps(work: Work, campaign: Campaign) -> list[StepStatus]:
    """Count each step's templates; an answer counts for the message that it answers."""
    answered = (
        select(Reply.message_id).where(Reply.message_id == Message.id, Reply.intent.not_in((Intent.STOP, *AUTOMATIC)))
    ).exists()
    counted = (
        select(
            Message.step,
            func.count(case((Message.state == State.SKIPPED, Message.id))),
            *(Message.channel, Template.name, Template.version),
            *(func.count(each) for each in (Message.accepted_at, Message.opened_at, Message.clicked_at)),
            func.count(case((answered, Message.id))),
        )
        .join(Template, Template.id == Message.template_id)
        .where(Message.workspace_id == work.workspace, Message.campaign_id == campaign.id)
        .group_by(Message.step, Message.channel, Template.name, Template.version)
        .order_by(Message.step, Message.channel, Template.name, Template.version)
    )
    steps: dict[int, StepStatus] = {}
    for row in work.session.execute(counted).all():
        step, skipped, *variant = row
        of_step = steps.setdefault(step, StepStatus(step=step, accepted=0, replied=0, passed_over=0, variants=[]))
        counts = VariantStatus.model_validate(dict(zip(_VARIANT, variant, strict=True)))
        of_step.accepted += counts.accepted
        of_step.replied += counts.replied
        of_step.passed_over += skipped
        if counts.accepted:
            of_step.variants.append(counts)
    for each in steps.values():
        for channel in Channel:
            if (best := winner([variant for variant in each.variants if variant.channel is channel])) is not None:
                best.winner = True
    return list(steps.values())


def _newest_plan(work: Work, campaign: Campaign) -> Plan | None:
    return work.session.scalar(
        select(Plan)
        .where(Plan.workspace_id == work.workspace, Plan.campaign_id == campaign.id, Plan.state.not_in(_UNFINISHED))
        .order_by(Plan.state == PlanState.EMPTY, Plan.created_at.desc(), Plan.id.desc())
        .limit(1)
    )


def _plans(work: Work, campaign: Campaign) -> Sequence[Plan]:
    of_campaign = (Plan.workspace_id == work.workspace, Plan.campaign_id == campaign.id)
    return work.session.scalars(select(Plan).where(*of_campaign, Plan.state != PlanState.REPLACED)).all()


def _next_at(work: Work, campaign: Campaign) -> datetime | None:
    return work.session.scalar(
        select(func.min(Message.due_at)).where(
            Message.workspace_id == work.workspace,
            Message.campaign_id == campaign.id,
            Message.state.in_((State.HELD, State.DUE)),
        )
    )
