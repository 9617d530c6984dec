"""Writes a plan's messages as drafts: one row a lead, with its channel, values and time frozen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from overture_core.campaigns.models import Sample
from overture_core.contactability.gate import contactabilities
from overture_core.contactability.rules import Decision, Reason, Verdict
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.content import compose, sms_segments
from overture_core.messages.states import State
from overture_core.segments.filter import LeadFilter, where
from overture_core.storage.schema import Lead, Message, MessageEvent, Plan, Sender, Template
from overture_core.storage.store import Work
from overture_core.templates.render import MissingField, fields_of, merge_values
from overture_core.workspaces.service import sender_for

PAGE = 500
SAMPLES = 3  # and one more for each channel that none of them is of
STEP = 1
ALREADY_IN = "already_in_campaign"


@dataclass(slots=True)
class Tally:
    """What became of a segment's leads; `excluded` and `held` count by reason."""

    by_channel: Counter[Channel] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    sms_segments: int = 0
    samples: list[Sample] = field(default_factory=list)


def draft(work: Work, row: Plan, chosen: dict[Channel, Template], order: list[Channel], at: datetime) -> Tally:
    """Draft one message for each lead of the plan's segment that has none in its campaign yet."""
    fields = {channel: fields_of(t.body) | fields_of(t.subject or "") for channel, t in chosen.items()}
    senders = {channel: sender_for(work, channel) for channel in order}
    tally = Tally()
    for leads in _pages(work, LeadFilter.model_validate(row.spec["filter"])):
        known = select(Message.lead_id).where(
            Message.workspace_id == work.workspace,
            Message.campaign_id == row.campaign_id,
            Message.step == STEP,
            Message.lead_id.in_([lead.id for lead in leads]),
        )
        already = set(work.session.scalars(known))
        tally.excluded.update([ALREADY_IN] * len(already))
        fresh = [lead for lead in leads if lead.id not in already]
        decisions = contactabilities(work, fresh, order, at)
        drafts = []
        for lead in fresh:
            channel, decision = _best(decisions[lead.id], order)
            message = _message(work, row, lead, channel, chosen[channel], senders[channel], fields[channel])
            drafts.append(_decided(work, message, lead, chosen[channel], decision, at, tally))
        _insert(work, drafts)
    return tally


def _pages(work: Work, segment: LeadFilter) -> Iterator[list[Lead]]:
    conditions = where(work, segment)
    last = ""
    while True:
        page = select(Lead).where(Lead.workspace_id == work.workspace, Lead.id > last, *conditions)
        leads = list(work.session.scalars(page.order_by(Lead.id).limit(PAGE)))
        if not leads:
            return
        yield leads
        last = leads[-1].id
        for lead in leads:
            work.session.expunge(lead)


def _best(decisions: dict[Channel, Decision], order: list[Channel]) -> tuple[Channel, Decision]:
    """The first channel that may be used now, else the first that may later, else the first."""
    for verdict in (Verdict.YES, Verdict.LATER):
        for channel in order:
            if decisions[channel].verdict is verdict:
                return channel, decisions[channel]
    return _most_telling(decisions, order)


def _most_telling(decisions: dict[Channel, Decision], order: list[Channel]) -> tuple[Channel, Decision]:
    """Of channels that are all refused, one that the lead has: its reason says more than `no_address`."""
    reachable = [channel for channel in order if decisions[channel].reason is not Reason.NO_ADDRESS]
    channel = (reachable or order)[0]
    return channel, decisions[channel]


def _message(
    work: Work,
    row: Plan,
    lead: Lead,
    channel: Channel,
    template: Template,
    sender: Sender | None,
    fields: frozenset[str],
) -> dict[str, Any]:
    return {
        "id": new_id("msg"),
        "workspace_id": work.workspace,
        "campaign_id": row.campaign_id,
        "plan_id": row.id,
        "step": STEP,
        "lead_id": lead.id,
        "channel": channel,
        "address": (lead.email if channel is Channel.EMAIL else lead.phone) or "",
        "sender_id": sender.id if sender else None,
        "template_id": template.id,
        "merge": merge_values(lead, fields),
        "attempt": 0,
        "created_at": work.now(),
        "updated_at": work.now(),
    }


def _decided(
    work: Work, draft: dict[str, Any], lead: Lead, template: Template, decision: Decision, at: datetime, tally: Tally
) -> dict[str, Any]:
    if decision.verdict is Verdict.NEVER:
        tally.excluded[str(decision.reason)] += 1
        return {**draft, "state": State.SKIPPED, "reason": decision.reason, "due_at": None}
    try:
        content = compose(work.settings, template, draft["id"], draft["merge"])
    except MissingField as error:
        reason = f"{error.code}:{error.field}"
        tally.excluded[reason] += 1
        return {**draft, "state": State.SKIPPED, "reason": reason, "due_at": None}
    channel = Channel(draft["channel"])
    tally.by_channel[channel] += 1
    if channel is Channel.SMS:
        tally.sms_segments += sms_segments(content.body)
    if len(tally.samples) < SAMPLES or channel not in {sample.channel for sample in tally.samples}:
        tally.samples.append(
            Sample(lead_id=lead.id, channel=channel, to=draft["address"], subject=content.subject, body=content.body)
        )
    if decision.verdict is Verdict.LATER:
        tally.held[str(decision.reason)] += 1
        return {**draft, "state": State.DRAFT, "reason": decision.reason, "due_at": decision.not_before}
    return {**draft, "state": State.DRAFT, "reason": None, "due_at": at}


def _insert(work: Work, drafts: list[dict[str, Any]]) -> None:
    if not drafts:
        return
    work.session.execute(insert(Message), drafts)
    events = [
        {
            "workspace_id": work.workspace,
            "message_id": draft["id"],
            "at": work.now(),
            "from_state": None,
            "to_state": draft["state"],
            "cause": "plan",
            "detail": draft["reason"],
        }
        for draft in drafts
    ]
    work.session.execute(insert(MessageEvent), events)
