"""Writes a plan's messages as drafts: one row a lead, with its channel, values and time frozen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement, func, select

from overture_core.campaigns.models import Sample
from overture_core.campaigns.sealing import seal
from overture_core.campaigns.writing import insert_rows, moment, new_ids
from overture_core.contactability.gate import Decisions, first_usable
from overture_core.contactability.rules import Decision, Reason, Verdict
from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel
from overture_core.messages.content import Content, compose, own_fields, sms_segments
from overture_core.messages.states import State
from overture_core.segments.filter import LeadFilter, where
from overture_core.storage.schema import Lead, Message, Plan, Template
from overture_core.storage.store import Work
from overture_core.templates.foreseeing import Foresight
from overture_core.templates.render import LEAD_FIELDS, MissingField, fields_of, merge_values
from overture_core.workspaces.service import sender_for

SAMPLES = 3  # and one more for each channel that none of them is of
STEP = 1
ALREADY_IN = "already_in_campaign"
_OWN = (
    *("id", "lead_id", "step", "channel", "address", "sandbox", "sender_id", "template_id"),
    *("merge", "due_at", "reason", "state"),
)
_MESSAGE = ("workspace_id", "campaign_id", "plan_id", "attempt", "created_at", "updated_at", *_OWN)
_EVENT = ("workspace_id", "at", "cause", "message_id", "to_state", "detail")
_DUE_AT = _OWN.index("due_at")
_DRAFT, _SKIPPED = State.DRAFT.value, State.SKIPPED.value
_REASON = 200  # characters, as the column has
_Row = tuple[Any, ...]  # the values of `_OWN`; a plain tuple, of which a million are made


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
    template_id: str
    sandbox: bool
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
        self._lines = {channel: _line(work, plan, channel, chosen[channel]) for channel in order}
        self._conditions = where(work, LeadFilter.model_validate(plan.spec["filter"]))
        self._by_id = _without_index(work, self._conditions)
        self._columns = _columns(frozenset().union(*(line.fields for line in self._lines.values())))
        self._last = ""

    def count(self, work: Work) -> int:
        """Return how many leads there are to go through."""
        return work.session.scalar(select(func.count()).select_from(Lead).where(*self._conditions)) or 0

    def page(self, work: Work, most: int) -> bool:
        """Draft the next page of up to `most` leads; false when there is none."""
        wanted = select(*self._columns).where(*self._by_id, Lead.id > self._last)
        leads: Sequence[Any] = work.session.connection().execute(wanted.order_by(Lead.id).limit(most)).all()
        if not leads:
            return False
        after, self._last = self._last, leads[-1].id
        # By a range of the index of campaign and lead: with a list, PostgreSQL may compare it with every message.
        between = (Message.lead_id > after, Message.lead_id <= self._last)
        known = select(Message.lead_id).where(Message.campaign_id == self._campaign_id, *between, Message.step == STEP)
        already = set(work.session.scalars(known)).intersection([lead.id for lead in leads])
        self.tally.excluded.update([ALREADY_IN] * len(already))
        fresh = [lead for lead in leads if lead.id not in already] if already else leads
        decisions = first_usable(work, fresh, self._order, self._at)
        rows = [
            self._row(work, message_id, lead, *_best(decisions[lead.id], self._order))
            for message_id, lead in zip(new_ids("msg", len(fresh)), fresh, strict=True)
        ]
        self._insert(work, rows)
        self.leads += len(leads)
        self.tally.pages.append((self._last, *seal(work, self._plan_id, self._campaign_id, after, self._last)))
        return True

    def _row(self, work: Work, message_id: str, lead: Any, channel: Channel, decision: Decision) -> _Row:
        line = self._lines[channel]
        merge = merge_values(lead, line.fields)
        address = (lead.email if channel is Channel.EMAIL else lead.phone) or ""
        state, reason, due_at = _SKIPPED, self._refused(work, message_id, lead, channel, decision, merge), None
        if reason is None:
            state, due_at = _DRAFT, decision.not_before or self._at
            self.tally.by_channel[channel] += 1
            if decision.verdict is Verdict.LATER:
                reason = str(decision.reason)
                self.tally.held[reason] += 1
        else:
            self.tally.excluded[reason] += 1
        return (
            *(message_id, lead.id, STEP, channel.value, address, line.sandbox, line.sender_id, line.template_id),
            *(to_json(merge).decode(), due_at, reason, state),
        )

    def _refused(
        self, work: Work, message_id: str, lead: Any, channel: Channel, decision: Decision, merge: dict[str, Any]
    ) -> str | None:
        """Return why a lead is never to get its message; what can't be foreseen is tried."""
        if decision.verdict is Verdict.NEVER:
            return str(decision.reason)
        line, tally = self._lines[channel], self.tally
        wanted = len(tally.samples) < SAMPLES or channel not in tally.by_channel
        if not wanted and channel is not Channel.SMS and line.foresight.certain(merge):
            return None
        try:
            content = compose(work.settings, line.template, message_id, merge)
        except MissingField as error:
            return f"{error.code}:{error.field}"[:_REASON]
        except TemplateError as error:
            return error.code
        if channel is Channel.SMS:
            tally.sms_segments += sms_segments(content.body)
        if wanted:
            tally.samples.append(_sample(lead, channel, content))
        return None

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


def _sample(lead: Any, channel: Channel, content: Content) -> Sample:
    to = lead.email if channel is Channel.EMAIL else lead.phone
    return Sample(lead_id=lead.id, channel=channel, to=to, subject=content.subject, body=content.body)


def _line(work: Work, plan: Plan, channel: Channel, template: Template) -> _Line:
    sender = sender_for(work, channel)
    fields = fields_of(template.body) | fields_of(template.subject or "")
    foresight = Foresight(template, own_fields(work.settings, template, new_ids("msg", 1)[0]))
    sandbox = plan.spec["sandbox"][channel.value]
    return _Line(template, fields, template.id, sandbox, sender.id if sender else None, foresight)


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
