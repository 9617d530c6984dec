"""Following up: once a step's wait is over, whoever has not answered gets the next one.

A later step becomes rows only when its time has come, so that a reply, a STOP or a bounce until then counts, and
nothing is kept for people who need no second message. What may be followed up is found by an index, ordered by
when it was accepted; the step itself is what the plan froze and a person approved, which is checked again here.
A channel that failed in one step does not end the sequence: the next step may use another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from pydantic_core import to_json
from sqlalchemy import ColumnElement, Row, func, or_, select, text, update

from overture_core.campaigns import sealing, sequence
from overture_core.campaigns.drafting import NO_COMMON_HOURS, SEND_WINDOW, best
from overture_core.campaigns.models import Condition
from overture_core.campaigns.sequence import FollowUpStep, Lines
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.campaigns.timetable import SendWindow
from overture_core.campaigns.writing import insert_rows, moment, new_ids
from overture_core.contactability.facts import hours, zones
from overture_core.contactability.gate import first_usable
from overture_core.contactability.rules import Reason, Verdict
from overture_core.messages.channels import Channel, address_of
from overture_core.messages.states import State, change, record
from overture_core.storage.among import among
from overture_core.storage.schema import MISSED, Campaign, Lead, Message, Plan
from overture_core.storage.store import Store, Work
from overture_core.templates import service as templates

PAGE = 1_000
PAGES_A_ROUND = 10
CAUSE = "follow_up"
_FOLLOWED = text("messages.next_step IS NOT NULL AND messages.accepted_at IS NOT NULL")
_MISSED = text(f"messages.next_step IS NOT NULL AND {MISSED}")
_RUNNING = (
    select(Plan.workspace_id, Plan.id, Plan.spec)
    .join(Campaign, Campaign.id == Plan.campaign_id)
    .where(Campaign.state == CampaignState.RUNNING, Plan.state.in_((PlanState.LAUNCHING, PlanState.LAUNCHED)))
)
_COLUMNS = ("id", "lead_id", "state", "reason", "merge", "opened_at", "clicked_at", "accepted_at")
_NEW = (
    *("workspace_id", "campaign_id", "plan_id", "attempt", "created_at", "updated_at", "id", "lead_id", "step"),
    *("channel", "address", "sandbox", "sender_id", "template_id", "merge", "next_step", "state"),
)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Made:
    """New messages by what becomes of them at once: due, held until a time for a reason, or skipped for one."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    held: dict[tuple[str, datetime], list[str]] = field(default_factory=lambda: defaultdict(list))
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def advance(store: Store, *, pages: int = PAGES_A_ROUND) -> int:
    """Make the follow-ups whose time has come, up to `pages` pages for each step; returns how many messages were
    looked at. Crosses workspaces: it serves the worker, and costs a query for each plan that runs."""
    with store.look() as connection:
        found = [row for row in connection.execute(_RUNNING) if row.spec.get("follow_ups")]
    looked_at = 0
    for workspace, plan_id, spec in found:
        for step in reversed(sequence.follow_ups(spec)):
            for _ in range(pages):
                with store.read(workspace, actor=CAUSE) as work:
                    if not _next(work, plan_id, step, 1):
                        break
                with store.begin(workspace, actor=CAUSE) as work:
                    number = _page(work, plan_id, step)
                looked_at += number
                if number < PAGE:
                    break
    return looked_at


def next_at(store: Store) -> datetime | None:
    """Return when the next follow-up's time comes; it may be over. None while nothing may be followed up."""
    moments = []
    with store.look() as connection:
        for _, plan_id, spec in connection.execute(_RUNNING).all():
            for step in sequence.follow_ups(spec):
                of_step = (Message.plan_id == plan_id, Message.next_step == step.number)
                for condition, since in ((_FOLLOWED, Message.accepted_at), (_MISSED, Message.updated_at)):
                    first = connection.execute(select(func.min(since)).where(*of_step, condition)).scalar()
                    if first is not None:
                        moments.append(step.wait.after(first))
    return min(moments, default=None)


def outstanding() -> ColumnElement[bool]:
    """Return the condition that a campaign has messages that may still be followed up."""
    of_plan = select(Message.id).where(Message.plan_id == Plan.id).limit(1).offset(0).correlate(Plan)
    left = or_(of_plan.where(_FOLLOWED).exists(), of_plan.where(_MISSED).exists())
    return select(Plan.id).where(Plan.campaign_id == Campaign.id, left).correlate(Campaign).exists()


def _page(work: Work, plan_id: str, step: FollowUpStep) -> int:
    """Make one page of a step's messages; returns how many leads were looked at."""
    plan = work.session.get_one(Plan, plan_id)
    # Under the lock that pausing and cancelling take too.
    campaign = work.session.get_one(Campaign, plan.campaign_id, with_for_update=True)
    if campaign.state != CampaignState.RUNNING:
        return 0
    lines = sequence.lines_of(work, plan, step.number)
    if not _as_approved(plan, step, lines):
        campaign.state = CampaignState.PAUSED
        log.warning("follow_up_withheld", campaign=campaign.name, plan=plan_id, step=step.number)
        return 0
    before = _next(work, plan_id, step, PAGE, lock=True)
    if before:
        _make(work, plan, step, lines, before)
    return len(before)


def _as_approved(plan: Plan, step: FollowUpStep, lines: Lines) -> bool:
    """Hold what is about to be sent against the hash that was approved."""
    kept = plan.spec["follow_ups"][step.number - sequence.FIRST - 1]["templates"]
    sealed = {each["id"]: each["sha256"] for variants in kept.values() for each in variants}
    used = [line.template for variants in lines.variants.values() for line in variants]
    same = all(templates.content_hash(each) == sealed[each.id] for each in used)
    return same and sealing.content_hash(plan) == plan.content_hash


def _next(work: Work, plan_id: str, step: FollowUpStep, limit: int, *, lock: bool = False) -> Sequence[Row[Any]]:
    """Return messages whose follow-up is due: those that were accepted first, then those that never were."""
    until = step.wait.before(work.now())
    columns = [getattr(Message, name) for name in _COLUMNS]
    of_step = (Message.plan_id == plan_id, Message.next_step == step.number)
    found: list[Row[Any]] = []
    for condition, since in ((_FOLLOWED, Message.accepted_at), (_MISSED, Message.updated_at)):
        rows = select(*columns).where(*of_step, condition, since <= until).order_by(since).limit(limit - len(found))
        if lock:
            rows = rows.with_for_update(skip_locked=True)
        found += work.session.connection().execute(rows).all()
        if len(found) >= limit:
            break
    return found


def _make(work: Work, plan: Plan, step: FollowUpStep, lines: Lines, before: Sequence[Row[Any]]) -> None:
    leads = _leads(work, [row.lead_id for row in before])
    wanted = [row for row in before if not _by_our_fault(row) and _holds(step.only_if, row)]
    asked = [leads[row.lead_id] for row in wanted if row.lead_id in leads]
    decided = first_usable(work, asked, lines.order, work.now(), free_text=lines.free_text)
    window = sequence.window_of(plan.spec)
    after = step.number + 1 if step.number <= len(plan.spec["follow_ups"]) else None
    now = moment(work, work.now())
    made = _Made()
    for new_id, row in zip(new_ids("msg", len(before)), before, strict=True):
        if (lead := leads.get(row.lead_id)) is None:
            continue
        if _by_our_fault(row):
            channel = lines.order[0]
            made.skipped[row.reason].append(new_id)
        elif row.lead_id in decided:
            channel, decision = best(decided[row.lead_id], lines.order)
            _place(work, made, new_id, channel, decision, window, lead)
        else:
            channel = lines.order[0]
            made.skipped[f"unless:{step.only_if}"].append(new_id)
        line = lines.line(channel, plan.campaign_id, lead.id)
        address = address_of(lead, channel) or ""
        made.rows.append(
            (
                *(work.workspace, plan.campaign_id, plan.id, 0, now, now, new_id, lead.id, step.number, channel.value),
                *(address, line.sandbox, line.sender_id, line.template_id, to_json(row.merge).decode(), after),
                State.DRAFT.value,
            )
        )
    insert_rows(work, "messages", _NEW, made.rows)
    _begin(work, made)
    decided_of = update(Message).where(among(Message.id, [row.id for row in before])).values(next_step=None)
    work.session.connection().execute(decided_of)


def _place(
    work: Work, made: _Made, new_id: str, channel: Channel, decision: Any, window: SendWindow | None, lead: Any
) -> None:
    if decision.verdict is Verdict.NEVER:
        made.skipped[str(decision.reason)].append(new_id)
        return
    at = decision.not_before or work.now()
    reason = str(decision.reason) if decision.verdict is Verdict.LATER else None
    if window is not None:
        opening = window.opening(at, zones(lead), hours(work, channel, lead))
        if opening is None:
            made.skipped[NO_COMMON_HOURS].append(new_id)
            return
        if opening > at:
            at, reason = opening, reason or SEND_WINDOW
    if reason is None:
        made.due.append(new_id)
    else:
        made.held[reason, at].append(new_id)


def _begin(work: Work, made: _Made) -> None:
    """Take the drafts to where they belong, by the table of states."""
    record(work, [row[_NEW.index("id")] for row in made.rows], None, State.DRAFT, cause=CAUSE)
    if made.due:
        change(work, State.DRAFT, State.DUE, among(Message.id, made.due), cause=CAUSE, values={"due_at": work.now()})
    for (reason, until), ids in made.held.items():
        values: Mapping[str, Any] = {"reason": reason, "due_at": until}
        change(work, State.DRAFT, State.HELD, among(Message.id, ids), cause="gate", values=values)
    for reason, ids in made.skipped.items():
        change(work, State.DRAFT, State.SKIPPED, among(Message.id, ids), cause="gate", values={"reason": reason})


def _by_our_fault(row: Row[Any]) -> bool:
    """Tell whether the message before never left for want of a sender: to who got none, none is a follow-up."""
    return bool(row.state == State.SKIPPED and row.reason == Reason.UNVERIFIED_SENDER)


def _holds(condition: Condition, row: Row[Any]) -> bool:
    """Tell whether a step's condition holds of the message before. Who answered was stopped before."""
    match condition:
        case Condition.NO_REPLY:
            return True
        case Condition.NOT_OPENED:
            return row.opened_at is None and row.clicked_at is None
        case Condition.NOT_CLICKED:
            return row.clicked_at is None
        case Condition.NOT_DELIVERED:
            return row.state != State.DELIVERED and row.opened_at is None and row.clicked_at is None


def _leads(work: Work, ids: Sequence[str]) -> dict[str, Any]:
    asked = select(Lead.id, Lead.email, Lead.phone, Lead.linkedin_url, Lead.country, Lead.time_zone)
    # The workspace stands in a function: by its index a database may read every lead there is.
    ours = func.coalesce(Lead.workspace_id, "") == work.workspace
    return {row.id: row for row in work.session.execute(asked.where(ours, among(Lead.id, ids)))}
