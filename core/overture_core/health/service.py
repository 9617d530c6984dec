"""Bounce and complaint rates of e-mail by campaign and sender, and the automatic pause."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, case, exists, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from overture_core.audit import service as audit
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.states import CampaignState
from overture_core.errors import Conflict
from overture_core.health import senders
from overture_core.health.thresholds import BOUNCES, COMPLAINTS, LEAST_EVENTS, WINDOW, Level, level, sentence
from overture_core.messages.channels import Channel
from overture_core.messages.states import State, is_in
from overture_core.storage.schema import Campaign, Message, Sender
from overture_core.storage.store import Work
from overture_core.text import quoted

_WORST = (Level.OVER, Level.WARNING, Level.TOO_FEW, Level.OK)


class Rates(BaseModel):
    """How a campaign or a sender stands: messages accepted in the last 7 days and what came of them."""

    kind: Literal["campaign", "sender"]
    name: str
    accepted: int
    bounced: int
    complained: int
    bounce_rate: float = Field(description="Share of accepted, 0 to 1.")
    complaint_rate: float
    level: Level = Field(description="too_few: not enough messages to tell.")
    next: list[str] = Field(description="What was found, and what to do.")


class Paused(BaseModel):
    """A campaign that was paused with a reason."""

    campaign: str
    reason: str


class HealthReport(BaseModel):
    """E-mail's delivery health, and the campaigns that were paused for it."""

    since: datetime
    rates: list[Rates]
    paused: list[Paused]


def report(work: Work) -> HealthReport:
    """Count the rates of every campaign and sender that had e-mail accepted in the window."""
    since = work.now() - WINDOW
    paused = select(Campaign.name, Campaign.paused_reason).where(
        Campaign.workspace_id == work.workspace,
        Campaign.state == CampaignState.PAUSED,
        Campaign.paused_reason.is_not(None),
    )
    by_campaign = _counted(work, Campaign.name, Message.accepted_at >= since).join(
        Campaign, Campaign.id == Message.campaign_id
    )
    by_sender = _counted(work, Sender.address, Message.accepted_at >= since).join(
        Sender, Sender.id == Message.sender_id
    )
    return HealthReport(
        since=since,
        rates=[
            *(_rates(work, "campaign", *row) for row in work.session.execute(by_campaign).all()),
            *(_rates(work, "sender", *row) for row in work.session.execute(by_sender).all()),
        ],
        paused=[Paused(campaign=name, reason=reason or "") for name, reason in work.session.execute(paused)],
    )


def pause_unhealthy(work: Work) -> list[Paused]:
    """Pause the running campaigns whose rates, or whose sender's, are at a stopping threshold; returns those.

    What was accepted before a person resumed one anyway no longer counts. By an index of bounced and complained
    messages, and nothing is counted for a campaign that has hardly any: cheap while all is well.
    """
    troubled = (
        select(Message.campaign_id)
        .join(Campaign, Campaign.id == Message.campaign_id)
        .where(
            Campaign.workspace_id == work.workspace,
            Campaign.state == CampaignState.RUNNING,
            is_in(State.BOUNCED, State.COMPLAINED),
        )
        .group_by(Message.campaign_id)
        .having(func.count() >= LEAST_EVENTS)
    )
    paused = []
    for campaign in work.session.scalars(select(Campaign).where(Campaign.id.in_(troubled))).all():
        found = _of(work, campaign)
        if found is None or found.level is not Level.OVER:
            continue
        paused += _pause(work, " ".join(found.next), Campaign.id == campaign.id)
    running = exists().where(Campaign.workspace_id == work.workspace, Campaign.state == CampaignState.RUNNING)
    for sender, reason in senders.over(work, running):
        from_it = exists().where(Message.campaign_id == Campaign.id, Message.sender_id == sender.id)
        paused += _pause(work, reason, from_it)
    return paused


def _pause(work: Work, reason: str, *conditions: ColumnElement[bool]) -> list[Paused]:
    changed = work.session.execute(
        update(Campaign)
        .where(Campaign.workspace_id == work.workspace, Campaign.state == CampaignState.RUNNING, *conditions)
        .values(state=CampaignState.PAUSED, paused_reason=reason)
        .returning(Campaign.id, Campaign.name)
    ).all()
    for campaign_id, _ in changed:
        audit.record(work, "campaign.paused", campaign_id, reason=reason)
    return [Paused(campaign=name, reason=reason) for name in sorted(name for _, name in changed)]


def resume(work: Work, name_or_id: str, *, anyway: bool = False) -> Campaign:
    """Let a paused campaign run again; `anyway` is a person's word, which counts its and its
    senders' rates afresh from now.

    Raises:
        NotFound: there is no such campaign.
        Conflict: its rates or its sender's are still over a limit, or it is not paused.
    """
    campaign = campaigns.get(work, name_or_id)
    if campaign.state == CampaignState.PAUSED:
        found = _of(work, campaign)
        own = found.next if found is not None and found.level is Level.OVER else []
        troubled = senders.of_campaign(work, campaign)
        told = [f"The campaign {quoted(campaign.name)} is still over a limit: {' '.join(own)}"] if own else []
        told += [reason for _, reason in troubled]
        if told and not anyway:
            raise Conflict(" ".join([*told, "A person may still resume it with `overture resume --anyway`."]))
        if own:
            campaign.rates_from = work.now()
        for sender, _ in troubled:
            senders.resume(work, sender.address, anyway=True)
    campaign = campaigns.set_state(work, campaign.id, CampaignState.RUNNING)
    campaign.paused_reason = None
    return campaign


def _of(work: Work, campaign: Campaign) -> Rates | None:
    since = max(work.now() - WINDOW, campaign.rates_from or datetime.min.replace(tzinfo=work.now().tzinfo))
    of_campaign = (Message.campaign_id == campaign.id, Message.accepted_at > since)
    row = work.session.execute(_counted(work, Message.campaign_id, *of_campaign)).first()
    return None if row is None else _rates(work, "campaign", campaign.name, *row[1:])


def _counted(
    work: Work, key: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]
) -> Select[Any, int, int, int]:
    return (
        select(
            key,
            func.count(),
            func.count(case((Message.state == State.BOUNCED, Message.id))),
            func.count(case((Message.state == State.COMPLAINED, Message.id))),
        )
        .select_from(Message)
        .where(Message.workspace_id == work.workspace, Message.channel == Channel.EMAIL, *conditions)
        .group_by(key)
        .order_by(key)
    )


def _rates(
    work: Work, kind: Literal["campaign", "sender"], name: str, accepted: int, bounced: int, complained: int
) -> Rates:
    least = work.settings.health_least_messages
    levels, said = [], []
    for threshold, events in ((BOUNCES, bounced), (COMPLAINTS, complained)):
        reached = level(threshold, events, accepted, least=least)
        levels.append(reached)
        if reached in (Level.WARNING, Level.OVER):
            said.append(sentence(threshold, events, accepted, reached))
    return Rates(
        kind=kind,
        name=name,
        accepted=accepted,
        bounced=bounced,
        complained=complained,
        bounce_rate=bounced / accepted,
        complaint_rate=complained / accepted,
        level=min(levels, key=_WORST.index),
        next=said,
    )
