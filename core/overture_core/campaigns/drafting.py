"""Writes a plan's messages as drafts: one row a lead, with its channel, values and time frozen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from overture_core.campaigns.models import Sample
from overture_core.campaigns.paging import PAGE
from overture_core.campaigns.sealing import Row, canonical, digest
from overture_core.campaigns.writing import insert_rows, moment, new_ids
from overture_core.contactability.gate import Decisions, first_usable
from overture_core.contactability.rules import Decision, Reason, Verdict
from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel
from overture_core.messages.content import Content, compose, own_fields, sms_segments
from overture_core.messages.states import State
from overture_core.segments.filter import LeadFilter, where
from overture_core.storage.among import among
from overture_core.storage.schema import Lead, Message, Plan, Template
from overture_core.storage.store import Work
from overture_core.templates.foreseeing import Foresight
from overture_core.templates.render import LEAD_FIELDS, MissingField, fields_of, merge_values
from overture_core.workspaces.service import sender_for

SAMPLES = 3  # and one more for each channel that none of them is of
STEP = 1
ALREADY_IN = "already_in_campaign"
_MESSAGE = (
    *("workspace_id", "campaign_id", "plan_id", "attempt", "created_at", "updated_at"),
    *(*Row._fields, "state"),
)
_EVENT = ("workspace_id", "at", "cause", "message_id", "to_state", "detail")


@dataclass(slots=True)
class Tally:
    """What became of a segment's leads; `excluded` and `held` count by reason, `pages` has for each page its last
    lead, the number of drafts and their digest."""

    by_channel: Counter[Channel] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    sms_segments: int = 0
    samples: list[Sample] = field(default_factory=list)
    pages: list[tuple[str, int, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Line:
    """A channel of the plan: what is sent on it, and from where."""

    template: Template
    fields: frozenset[str]
    sender_id: str | None
    foresight: Foresight


class Drafting:
    """The drafting of one plan, page by page: one message for each lead of its segment that has none in its campaign
    yet. It goes through the leads by their ids."""

    def __init__(
        self, work: Work, plan: Plan, chosen: dict[Channel, Template], order: list[Channel], at: datetime
    ) -> None:
        self.tally = Tally()
        self.leads = 0
        self._plan_id, self._campaign_id = plan.id, plan.campaign_id
        self._order, self._at = order, at
        self._lines = {channel: _line(work, channel, chosen[channel]) for channel in order}
        self._conditions = where(work, LeadFilter.model_validate(plan.spec["filter"]))
        self._columns = _columns(frozenset().union(*(line.fields for line in self._lines.values())))
        self._last = ""

    def count(self, work: Work) -> int:
        """Return how many leads there are to go through."""
        return work.session.scalar(select(func.count()).select_from(Lead).where(*self._conditions)) or 0

    def page(self, work: Work) -> bool:
        """Draft the next page; false when there is none."""
        wanted = select(*self._columns).where(*self._conditions, Lead.id > self._last)
        leads: Sequence[Any] = work.session.execute(wanted.order_by(Lead.id).limit(PAGE)).all()
        if not leads:
            return False
        known = select(Message.lead_id).where(
            Message.campaign_id == self._campaign_id,
            Message.step == STEP,
            among(Message.lead_id, [lead.id for lead in leads]),
        )
        already = set(work.session.scalars(known))
        self.tally.excluded.update([ALREADY_IN] * len(already))
        fresh = [lead for lead in leads if lead.id not in already] if already else leads
        decisions = first_usable(work, fresh, self._order, self._at)
        drafts: list[Row] = []
        skipped: list[Row] = []
        for message_id, lead in zip(new_ids("msg", len(fresh)), fresh, strict=True):
            channel, decision = _best(decisions[lead.id], self._order)
            row = self._row(message_id, lead, channel)
            row, sent = self._decided(work, row, decision)
            (drafts if sent else skipped).append(row)
        self._insert(work, drafts, skipped)
        self._last = leads[-1].id
        self.leads += len(leads)
        self.tally.pages.append((self._last, len(drafts), digest(drafts)))
        return True

    def _row(self, message_id: str, lead: Any, channel: Channel) -> Row:
        line = self._lines[channel]
        return Row(
            message_id,
            lead.id,
            STEP,
            channel.value,
            (lead.email if channel is Channel.EMAIL else lead.phone) or "",
            line.sender_id,
            line.template.id,
            merge_values(lead, line.fields),
            None,
            None,
        )

    def _decided(self, work: Work, row: Row, decision: Decision) -> tuple[Row, bool]:
        """Return the row with its time and reason, and whether it is to be sent at all."""
        channel, tally = Channel(row.channel), self.tally
        if decision.verdict is Verdict.NEVER:
            return self._left_out(row, str(decision.reason)), False
        wanted = len(tally.samples) < SAMPLES or channel not in tally.by_channel
        if wanted or channel is Channel.SMS or not self._lines[channel].foresight.certain(row.merge):
            try:
                content = compose(work.settings, self._lines[channel].template, row.id, row.merge)
            except MissingField as error:
                return self._left_out(row, f"{error.code}:{error.field}"), False
            except TemplateError as error:
                return self._left_out(row, error.code), False
            if channel is Channel.SMS:
                tally.sms_segments += sms_segments(content.body)
            if wanted:
                tally.samples.append(_sample(row, channel, content))
        tally.by_channel[channel] += 1
        if decision.verdict is Verdict.LATER:
            tally.held[str(decision.reason)] += 1
            return row._replace(due_at=decision.not_before, reason=str(decision.reason)), True
        return row._replace(due_at=self._at), True

    def _left_out(self, row: Row, reason: str) -> Row:
        self.tally.excluded[reason] += 1
        return row._replace(reason=reason)

    def _insert(self, work: Work, drafts: list[Row], skipped: list[Row]) -> None:
        now = moment(work, work.now())
        every = (work.workspace, self._campaign_id, self._plan_id, 0, now, now)
        times = {due_at: moment(work, due_at) if due_at else None for due_at in {row.due_at for row in drafts} | {None}}
        of_state = ((State.DRAFT.value, drafts), (State.SKIPPED.value, skipped))
        messages = (
            (*every, *row[:7], canonical(row.merge), times[row.due_at], row.reason, state)
            for state, rows in of_state
            for row in rows
        )
        insert_rows(work, "messages", _MESSAGE, messages)
        events = ((work.workspace, now, "plan", row.id, state, row.reason) for state, rows in of_state for row in rows)
        insert_rows(work, "message_events", _EVENT, events)


def _sample(row: Row, channel: Channel, content: Content) -> Sample:
    return Sample(lead_id=row.lead_id, channel=channel, to=row.address, subject=content.subject, body=content.body)


def _line(work: Work, channel: Channel, template: Template) -> _Line:
    sender = sender_for(work, channel)
    fields = fields_of(template.body) | fields_of(template.subject or "")
    foresight = Foresight(template, own_fields(work.settings, template, new_ids("msg", 1)[0]))
    return _Line(template, fields, sender.id if sender else None, foresight)


def _columns(fields: frozenset[str]) -> list[Any]:
    """The columns of a lead that the gate, the addresses and the templates ask for."""
    names = {"id", "email", "phone", "country", "time_zone", *(fields & set(LEAD_FIELDS))}
    if any(field.startswith("custom.") for field in fields):
        names.add("custom")
    return [getattr(Lead, name) for name in sorted(names)]


def _best(decisions: Decisions, order: list[Channel]) -> tuple[Channel, Decision]:
    """The first channel that may be used now, else the first that may later, else the first."""
    for verdict in (Verdict.YES, Verdict.LATER):
        for channel in order:
            decision = decisions.get(channel)
            if decision is not None and decision.verdict is verdict:
                return channel, decision
    return _most_telling(decisions, order)


def _most_telling(decisions: Decisions, order: list[Channel]) -> tuple[Channel, Decision]:
    """Of channels that are all refused, one that the lead has: its reason says more than `no_address`."""
    reachable = [channel for channel in order if decisions[channel].reason is not Reason.NO_ADDRESS]
    channel = (reachable or order)[0]
    return channel, decisions[channel]
