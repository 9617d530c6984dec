"""Writes a plan's messages as drafts: one row a lead, with its channel, values and time frozen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement, func, select

from overture_core.campaigns import sequence
from overture_core.campaigns.models import Sample
from overture_core.campaigns.sampling import Sampling, sample_of
from overture_core.campaigns.sealing import seal
from overture_core.campaigns.sequence import FIRST, Line, Lines
from overture_core.campaigns.writing import insert_rows, moment, new_ids
from overture_core.contactability.facts import hours, zones
from overture_core.contactability.gate import Decisions, first_usable
from overture_core.contactability.rules import Decision, Reason, Verdict
from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel, address_of
from overture_core.messages.content import compose, sms_segments
from overture_core.messages.pricing import region_of
from overture_core.messages.states import State
from overture_core.segments.filter import LeadFilter, where
from overture_core.storage.schema import Lead, Message, Plan
from overture_core.storage.store import Work
from overture_core.templates.render import LEAD_FIELDS, MissingField, merge_values
from overture_core.templates.values import Doubts

ALREADY_IN = "already_in_campaign"
SEND_WINDOW = "send_window"
NO_COMMON_HOURS = "no_common_hours"
_OWN = (
    *("id", "lead_id", "step", "channel", "address", "sandbox", "sender_id", "template_id"),
    *("merge", "next_step", "due_at", "reason", "state"),
)
_MESSAGE = ("workspace_id", "campaign_id", "plan_id", "attempt", "created_at", "updated_at", *_OWN)
_EVENT = ("workspace_id", "at", "cause", "message_id", "to_state", "detail")
_DUE_AT = _OWN.index("due_at")
_DRAFT, _SKIPPED = State.DRAFT.value, State.SKIPPED.value
_REASON = 200  # characters, as the column has
_Row = tuple[Any, ...]  # the values of `_OWN`; a plain tuple, of which a million are made


@dataclass(slots=True)
class Tally:
    """What became of a segment's leads; `excluded` and `held` count by reason, `sms_segments` by country, `pages` has
    for each page its last lead, the number of drafts and their digest. `by_step` counts the messages of every step by
    channel, of a later one at most: as if nobody answered, and on each channel as if the others could not be used.
    `sms_segments` is at most in the same way."""

    by_step: defaultdict[int, Counter[Channel]] = field(default_factory=lambda: defaultdict(Counter))
    excluded: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    sms_segments: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    pages: list[tuple[str, int, str]] = field(default_factory=list)
    doubts: Doubts = field(default_factory=Doubts)

    @property
    def by_channel(self) -> Counter[Channel]:
        """The messages of the first step: one a recipient."""
        return self.by_step[FIRST]


class Drafting:
    """The drafting of one plan, page by page: the first message for each lead of its segment that has none in its
    campaign yet. It goes through the leads by their ids."""

    def __init__(self, work: Work, plan: Plan, at: datetime) -> None:
        self.tally = Tally()
        self.leads = 0
        self._plan_id, self._campaign_id = plan.id, plan.campaign_id
        self._first, *self._later = sequence.lines(work, plan)
        self._order, self._at = self._first.order, at
        self._window = sequence.window_of(plan.spec)
        # Frozen with the first message: later ones are made of the same values.
        self._fields = self._first.fields.union(*(step.fields for step in self._later))
        self._next_step = FIRST + 1 if self._later else None
        self._conditions = where(work, LeadFilter.model_validate(plan.spec["filter"]))
        self._by_id = _without_index(work, self._conditions)
        self._columns = _columns(self._fields)
        self._last = ""
        self._sampling = Sampling(self.tally.samples, plan.campaign_id, self._later)

    def count(self, work: Work) -> int:
        """Return how many leads there are to go through."""
        return work.session.scalar(select(func.count()).select_from(Lead).where(*self._conditions)) or 0

    def page(self, work: Work, most: int) -> bool:
        """Draft the next page of up to `most` leads; false when there is none."""
        wanted = select(*self._columns).where(*self._by_id, Lead.id > self._last)
        leads: Sequence[Any] = work.session.connection().execute(wanted.order_by(Lead.id).limit(most)).all()
        if not leads:
            if self.tally.by_channel:
                self._sampling.end()
            return False
        after, self._last = self._last, leads[-1].id
        # By a range of the index of campaign and lead: with a list, PostgreSQL may compare it with every message.
        between = (Message.lead_id > after, Message.lead_id <= self._last)
        known = select(Message.lead_id).where(Message.campaign_id == self._campaign_id, *between, Message.step == FIRST)
        already = set(work.session.scalars(known)).intersection([lead.id for lead in leads])
        self.tally.excluded.update([ALREADY_IN] * len(already))
        fresh = [lead for lead in leads if lead.id not in already] if already else leads
        decisions = first_usable(work, fresh, self._order, self._at, free_text=self._first.free_text)
        rows = [
            self._row(work, message_id, lead, *best(decisions[lead.id], self._order))
            for message_id, lead in zip(new_ids("msg", len(fresh)), fresh, strict=True)
        ]
        self._insert(work, rows)
        self.leads += len(leads)
        self.tally.pages.append((self._last, *seal(work, self._plan_id, self._campaign_id, after, self._last)))
        return True

    def _row(self, work: Work, message_id: str, lead: Any, channel: Channel, decision: Decision) -> _Row:
        line = self._first.line(channel, self._campaign_id, lead.id)
        merge = merge_values(lead, self._fields)
        address = _address(lead, channel) or ""
        state, next_step, due_at = _SKIPPED, None, None
        reason = str(decision.reason) if decision.verdict is Verdict.NEVER else None
        at: datetime | None = decision.not_before or self._at
        if decision.reason is Reason.UNVERIFIED_SENDER:
            at = self._at  # the sender may have been accepted by then: the worker asks
        if reason is None and self._window is not None and at is not None:
            at = self._window.opening(at, zones(lead), hours(work, channel, lead))
            reason = NO_COMMON_HOURS if at is None else None
        reason = reason or self._foreseen(work, message_id, lead, channel, line, merge)
        if reason is None:
            state, next_step, due_at = _DRAFT, self._next_step, at
            self.tally.doubts.look_at(merge, address)
            if decision.verdict is Verdict.LATER:
                reason = str(decision.reason)
            elif at is not None and at > self._at:
                reason = SEND_WINDOW
            if reason is not None:
                self.tally.held[reason] += 1
        else:
            self.tally.excluded[reason] += 1
        return (
            *(message_id, lead.id, FIRST, channel.value, address, line.sandbox, line.sender_id, line.template_id),
            *(to_json(merge).decode(), next_step, due_at, reason, state),
        )

    def _foreseen(
        self, work: Work, message_id: str, lead: Any, channel: Channel, line: Line, merge: dict[str, Any]
    ) -> str | None:
        """Return why one of a lead's messages can't be made; what can't be foreseen is tried."""
        later = ((step, usual) for step in self._later if (usual := _usual(step, lead)) is not None)
        messages = [
            (FIRST, channel, line),
            *((step.number, usual, step.line(usual, self._campaign_id, lead.id)) for step, usual in later),
        ]
        samples: list[tuple[Sample, Line]] = []
        segments = 0
        try:
            for number, by, each in messages:
                wanted = self._sampling.wants(each)
                if not wanted and by is not Channel.SMS and each.foresight.certain(merge):
                    continue
                content = compose(work.settings, each.template, message_id, merge)
                if by is Channel.SMS:
                    segments += sms_segments(content.body)
                if wanted:
                    samples.append((sample_of(lead, by, each, content, number), each))
        except MissingField as error:
            return f"{error.code}:{error.field}"[:_REASON]
        except TemplateError as error:
            return error.code
        self._sampling.take(work, message_id, lead, merge, samples)
        for number, by, _ in messages:
            self.tally.by_step[number][by] += 1
        segments += self._instead(work, message_id, lead, merge)
        if segments:
            self.tally.sms_segments[region_of(lead.phone, lead.country)] += segments
        return None

    def _instead(self, work: Work, message_id: str, lead: Any, merge: dict[str, Any]) -> int:
        """Count what later steps send where their usual channel can't be used by then; returns its SMS segments."""
        segments = 0
        for step in self._later:
            for channel in [channel for channel in step.order if _address(lead, channel)][1:]:
                line = step.line(channel, self._campaign_id, lead.id)
                with suppress(TemplateError):  # the lead would get none of it
                    if channel is Channel.SMS:
                        segments += sms_segments(compose(work.settings, line.template, message_id, merge).body)
                    self.tally.by_step[step.number][channel] += 1
        return segments

    def _insert(self, work: Work, rows: list[_Row]) -> None:
        now = moment(work, work.now())
        every = (work.workspace, self._campaign_id, self._plan_id, 0, now, now)
        times = {due_at: moment(work, due_at) if due_at else None for due_at in {row[_DUE_AT] for row in rows}}
        messages = ((*every, *row[:_DUE_AT], times[row[_DUE_AT]], row[-2], row[-1]) for row in rows)
        insert_rows(work, "messages", _MESSAGE, messages)
        events = ((work.workspace, now, "plan", row[0], row[-1], row[-2]) for row in rows)
        insert_rows(work, "message_events", _EVENT, events)


def _without_index(work: Work, conditions: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Return the same conditions, with the workspace's in a function.

    Every index of leads but that of their ids begins with the workspace. SQLite would take one of them, and sort the
    whole audience for each page.
    """
    own = Lead.workspace_id == work.workspace
    rest = [condition for condition in conditions if not condition.compare(own)]
    return [func.coalesce(Lead.workspace_id, "") == work.workspace, *rest]


def _address(lead: Any, channel: Channel) -> str | None:
    return address_of(lead, channel)


def _usual(step: Lines, lead: Any) -> Channel | None:
    """The first channel of a later step that the lead has an address on."""
    return next((channel for channel in step.order if _address(lead, channel)), None)


def _columns(fields: frozenset[str]) -> list[Any]:
    """The columns of a lead that the gate, the addresses and the templates ask for."""
    names = {"id", "email", "phone", "linkedin_url", "country", "time_zone", *(fields & set(LEAD_FIELDS))}
    if any(field.startswith("custom.") for field in fields):
        names.add("custom")
    return [getattr(Lead, name) for name in sorted(names)]


def best(decisions: Decisions, order: Sequence[Channel]) -> tuple[Channel, Decision]:
    """Return the first channel that may be used now, else the first that may later, else the first.

    One whose sender is refused comes after those that wait for their time alone: nobody knows when it may.
    """
    for verdict, refused in ((Verdict.YES, False), (Verdict.LATER, False), (Verdict.LATER, True)):
        for channel in order:
            decision = decisions.get(channel)
            if decision is None or decision.verdict is not verdict:
                continue
            if (decision.reason is Reason.UNVERIFIED_SENDER) is refused:
                return channel, decision
    return _most_telling(decisions, order)


def _most_telling(decisions: Decisions, order: Sequence[Channel]) -> tuple[Channel, Decision]:
    """Of channels that are all refused, one that the lead has: its reason says more than `no_address`. Best one that
    holds on every channel: another template would reach nobody who answered."""
    tells: dict[Reason | None, int] = {Reason.REPLIED: 0, Reason.PAID: 0, Reason.NO_ADDRESS: 2}
    channel = min(order, key=lambda each: tells.get(decisions[each].reason, 1))
    return channel, decisions[channel]
