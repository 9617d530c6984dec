"""A campaign's timeline: what happened to each message, when, why, and what it cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Row, Select, select

from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel
from overture_core.messages.content import compose, sms_segments
from overture_core.messages.pricing import Cost, cost_of, region_of
from overture_core.messages.states import State
from overture_core.storage.schema import Campaign, Lead, Message, MessageEvent, Reply, Template
from overture_core.storage.store import Work

REPLIED = "replied"
_BLOCKED = (State.HELD, State.SKIPPED, State.CANCELLED)
_SHOWN = (*_BLOCKED, *(State.ACCEPTED, State.DELIVERED, State.BOUNCED, State.COMPLAINED, State.FAILED, State.UNKNOWN))
_ROWS_AT_ONCE = 1_000


class TimelineEntry(BaseModel):
    """Something that happened to one message. `what` is the state that it came to, or `replied`."""

    at: datetime
    lead_id: str
    step: int
    channel: Channel
    what: str
    reason: str | None = None


class Hour(BaseModel):
    """What happened within an hour, by what happened."""

    hour: datetime
    counts: dict[str, int]


class Timeline(BaseModel):
    """A campaign's timeline. `entries` are the first ones, in order of time; the counts are of all."""

    campaign: str
    campaign_id: str
    state: str
    totals: dict[str, int]
    blocked: dict[str, int] = Field(description="Messages held, skipped or cancelled, by reason.")
    sms_cost: Cost | None = Field(description="Of the SMS that were accepted, by OVERTURE_SMS_PRICES.")
    hours: list[Hour]
    entries: list[TimelineEntry]
    more: bool = Field(description="Whether there are more entries than these.")


def timeline(work: Work, campaign: Campaign, *, most: int, since: datetime | None = None) -> Timeline:
    """Return what happened to a campaign's messages since they were launched, or only from `since` on, with the first
    `most` entries."""
    from_then = since or datetime.min.replace(tzinfo=UTC)
    totals: Counter[str] = Counter()
    blocked: Counter[str] = Counter()
    hours: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    entries: list[TimelineEntry] = []
    segments = _Segments(work)
    for row in work.session.execute(_events(campaign, from_then), execution_options={"yield_per": _ROWS_AT_ONCE}):
        if row.to_state == State.ACCEPTED and row.channel == Channel.SMS:
            segments.add(row)
        _count(row, totals, blocked, hours)
        if len(entries) < most:
            entries.append(_entry(row))
    for reply in work.session.execute(_replies(campaign, from_then)):
        totals[REPLIED] += 1
        hours[_hour(reply.at)][REPLIED] += 1
        entries.append(TimelineEntry(**reply._mapping, what=REPLIED))
    entries.sort(key=lambda each: (each.at, each.lead_id, each.step))
    return Timeline(
        campaign=campaign.name,
        campaign_id=campaign.id,
        state=campaign.state,
        totals=dict(totals),
        blocked=dict(blocked),
        sms_cost=cost_of(work.settings, segments.by_region) if segments.by_region else None,
        hours=[Hour(hour=hour, counts=dict(counts)) for hour, counts in sorted(hours.items())],
        entries=entries[:most],
        more=totals.total() > most,
    )


def _events(campaign: Campaign, since: datetime) -> Select[Any]:
    return (
        select(
            *(MessageEvent.at, MessageEvent.to_state, MessageEvent.detail.label("reason")),
            *(Message.lead_id, Message.step, Message.channel, Message.id, Message.template_id, Message.merge),
            *(Lead.phone, Lead.country),
        )
        .join(Message, Message.id == MessageEvent.message_id)
        .join(Lead, Lead.id == Message.lead_id)
        .where(
            Message.campaign_id == campaign.id,
            MessageEvent.at >= since,
            MessageEvent.to_state.in_(_SHOWN),
            MessageEvent.to_state != MessageEvent.from_state,
        )
        .order_by(MessageEvent.at, Message.lead_id, Message.step)
    )


def _replies(campaign: Campaign, since: datetime) -> Select[datetime, str, str, int, str]:
    return (
        select(
            *(Reply.received_at.label("at"), Reply.intent.label("reason"), Message.lead_id, Message.step),
            Message.channel,
        )
        .join(Message, Message.id == Reply.message_id)
        .where(Message.campaign_id == campaign.id, Reply.received_at >= since)
        .order_by(Reply.received_at, Reply.id)
    )


def _entry(row: Row[Any]) -> TimelineEntry:
    told = row.to_state in (*_BLOCKED, State.FAILED)
    return TimelineEntry(
        at=row.at,
        lead_id=row.lead_id,
        step=row.step,
        channel=row.channel,
        what=row.to_state,
        reason=row.reason if told else None,
    )


def _count(
    row: Row[Any], totals: Counter[str], blocked: Counter[str], hours: defaultdict[datetime, Counter[str]]
) -> None:
    totals[row.to_state] += 1
    hours[_hour(row.at)][row.to_state] += 1
    if row.to_state in _BLOCKED:
        blocked[row.reason or "unknown"] += 1


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


class _Segments:
    """Counts the segments of SMS by country, of the text as it was sent."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.by_region: Counter[str] = Counter()

    def add(self, row: Row[Any]) -> None:
        template = self._work.session.get_one(Template, row.template_id)
        try:
            body = compose(self._work.settings, template, row.id, row.merge).body
        except TemplateError:  # it was accepted before the template's rules were narrowed
            return
        self.by_region[region_of(row.phone or "", row.country)] += sms_segments(body)
