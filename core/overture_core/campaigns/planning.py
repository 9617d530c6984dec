"""Planning: who would get what, when, frozen under a content hash.

A plan writes its messages as drafts. Planning a campaign again replaces the drafts that were never
launched and leaves everyone who already has a message alone, so that nobody gets a step twice.

A large plan is written in pages. Until the last one it is `preparing`, without hash and approval: what a
crash leaves of it can't be approved, and the next plan of the campaign takes it away.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, text

from overture_core.approvals import policy
from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.audit import service as audit
from overture_core.campaigns import sequence, world
from overture_core.campaigns.drafting import Drafting, Tally
from overture_core.campaigns.models import PlanApproval, PlanRequest, PlanView
from overture_core.campaigns.paging import PAGE, Progress, Transactions, each, unseen, within
from overture_core.campaigns.sealing import content_hash, stored
from overture_core.campaigns.states import REPLACEABLE, CampaignState, PlanState
from overture_core.contactability.quiet_hours import LEGAL
from overture_core.errors import Conflict, InvalidInput
from overture_core.health import senders
from overture_core.ids import new_id
from overture_core.messages.channels import BY_PHONE
from overture_core.messages.pricing import cost_of
from overture_core.segments import service as segments
from overture_core.storage.among import among
from overture_core.storage.schema import Approval, Campaign, Message, MessageEvent, Plan
from overture_core.storage.store import Store, Work
from overture_core.templates.linting import lint
from overture_core.text import as_name, quoted
from overture_core.workspaces.senders import refused

PLAN_LIFE = timedelta(days=7)
LATE = timedelta(minutes=5)  # "now", said by somebody who then thought, or whose clock is slow
FURTHEST = timedelta(days=366)
_UNSEEN = {"synchronize_session": False}  # no such row was loaded


def plan(work: Work, request: PlanRequest) -> PlanView:
    """Plan a campaign (again), and ask for its approval; a written policy may give it at once.

    A plan that reaches nobody is kept, so that it can be looked at, with an approval that nobody can give.

    Raises:
        NotFound: the segment or a template does not exist.
        InvalidInput: a template is for another channel, or `send_at` is over or too far away.
        Conflict: the campaign was cancelled, or somebody else planned it at the same time.
    """
    return _plan(within(work), request, unseen, PAGE)


def plan_paged(
    store: Store, workspace: str, request: PlanRequest, *, actor: str, progress: Progress = unseen, page: int = PAGE
) -> PlanView:
    """The same in a transaction for each `page` leads (at most 10,000), for audiences of any size.

    `progress` is told how many leads were gone through, and of how many.
    """
    return _plan(each(store, workspace, actor), request, progress, page)


def _plan(transactions: Transactions, request: PlanRequest, progress: Progress, page: int) -> PlanView:
    with transactions.write() as work:
        row, drafting = _begin(work, request)
    left = True
    while left:
        with transactions.write() as work:
            left = _remove_replaced(work, row)
    with transactions.read() as work:
        total = drafting.count(work)
    progress(0, total)
    more = True
    while more:
        with transactions.write() as work:
            _preparing(work, row)
            more = drafting.page(work, page)
        if more:
            progress(drafting.leads, max(total, drafting.leads))
    with transactions.write() as work:
        return _propose(work, _preparing(work, row), drafting.tally)


def _begin(work: Work, request: PlanRequest) -> tuple[Plan, Drafting]:
    segment = segments.get(work, request.segment)
    steps = sequence.frozen(work, request)
    send_at = _send_at(work, request)
    _check_window(request)
    campaign = _campaign(work, request.name)
    _replace_open_plans(work, campaign)
    row = Plan(
        id=new_id("pln"),
        workspace_id=work.workspace,
        campaign_id=campaign.id,
        content_hash="",
        spec={
            "segment": segment.name,
            "filter": segments.filter_of(segment).model_dump(mode="json", exclude_none=True),
            **steps,
            "sandbox": world.frozen(work.settings, sequence.channels_of(steps)),
            "send_at": send_at.isoformat() if send_at else None,
        },
        summary={"campaign": campaign.name},
        state=PlanState.PREPARING,
        created_at=work.now(),
        expires_at=work.now() + PLAN_LIFE,
    )
    work.session.add(row)
    work.session.flush()
    return row, Drafting(work, row, send_at or work.now())


def _check_window(request: PlanRequest) -> None:
    """Refuse hours in which some step could never leave, so that nobody approves what waits for ever."""
    by_phone = {channel for step in (request, *request.follow_ups) for channel in step.templates} & BY_PHONE
    if request.send_window is not None and by_phone and not request.send_window.meets(LEGAL):
        msg = (
            f"The send window ({request.send_window}) has no hour in which SMS, WhatsApp and calls may arrive "
            f"({LEGAL}); choose other hours, or leave those channels out."
        )
        raise InvalidInput(msg)


def _preparing(work: Work, row: Plan) -> Plan:
    """Return the plan, locked: nobody replaces it before the end of the transaction."""
    found = work.session.get_one(Plan, row.id, with_for_update=True)
    if found.state != PlanState.PREPARING:
        msg = "Somebody else planned this campaign at the same time; look at that plan, or plan again."
        raise Conflict(msg)
    return found


def _propose(work: Work, row: Plan, tally: Tally) -> PlanView:
    row.summary = {
        **row.summary,
        "recipients": tally.by_channel.total(),
        "by_channel": dict(tally.by_channel),
        "excluded": dict(tally.excluded),
        "held": dict(tally.held),
        "follow_ups": [
            {**each, "at_most": dict(tally.by_step[each["step"]])}
            for each in _announced(row.spec.get("follow_ups", []))
        ],
        "sms_segments": tally.sms_segments.total(),
        "sms_cost": _sms_cost(work, tally),
        "hints": [*_hints(work, row), *tally.doubts.hints()],
        "samples": [sample.model_dump(mode="json") for sample in tally.samples],
        "pages": stored(tally.pages),
    }
    row.content_hash = content_hash(row)
    row.state = PlanState.PROPOSED
    recipients = tally.by_channel.total()
    audit.record(work, "plan.made", row.id, campaign=row.campaign_id, content_hash=row.content_hash, people=recipients)
    _request_approval(work, row, tally)
    return view(work, row)


def view(work: Work, row: Plan) -> PlanView:
    """Return how a plan is shown, with where its approval stands."""
    size = policy.sized(row.summary, row.spec)
    return PlanView(
        plan_id=row.id,
        campaign_id=row.campaign_id,
        segment=row.spec["segment"],
        content_hash=row.content_hash,
        send_at=row.spec["send_at"],
        send_window=str(window) if (window := sequence.window_of(row.spec)) else None,
        approval=shown_approval(work, approvals.for_subject(work, row.id)),
        expires_at=row.expires_at,
        goes_to={channel: world.goes_to(row, channel) for channel in sorted(size.channels)},
        **{**row.summary, "sandbox": size.sandbox, "hints": [*_edited(work, row), *row.summary.get("hints", [])]},
    )


def _edited(work: Work, row: Plan) -> list[str]:
    if row.state != PlanState.PROPOSED:
        return []
    trouble = senders.trouble(work, sequence.channels_of(row.spec))
    waits = [f"Its messages would wait. {said}" for said in refused(work, sequence.channels_of(row.spec))]
    return [*([f"It cannot be launched now. {trouble}"] if trouble else []), *waits] + [
        f"{quoted(name)}: its text was changed after this plan was made, so that it cannot be launched; plan again"
        for name in sequence.superseded(work, row)
    ]


def _hints(work: Work, row: Plan) -> list[str]:
    used = [line.template for step in sequence.lines(work, row) for lines in step.variants.values() for line in lines]
    return [f"{quoted(name)}: {hint}" for name, found in {t.name: lint(t) for t in used}.items() for hint in found]


def _sms_cost(work: Work, tally: Tally) -> dict[str, Any] | None:
    return cost_of(work.settings, tally.sms_segments).model_dump() if tally.sms_segments else None


def _announced(kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    steps = enumerate(kept, sequence.FIRST + 1)
    names = ("wait_before", "only_if")
    return [
        {"step": step, **{name: each[name] for name in names}, "channels": each["channel_order"]}
        for step, each in steps
    ]


def shown_approval(work: Work, approval: Approval) -> PlanApproval:
    """Return how a plan's approval is shown beside it."""
    return PlanApproval(
        id=approval.id,
        state=approvals.standing(work, approval),
        decided_by=approval.decided_by,
        decided_via=Via(approval.decided_via) if approval.decided_via else None,
    )


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
    name = as_name(name, "campaign")
    named = select(Campaign).where(Campaign.workspace_id == work.workspace, Campaign.name == name)
    known = work.session.scalar(named.with_for_update())  # who plans it meanwhile waits, and replaces this plan
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
        Plan.workspace_id == work.workspace, Plan.campaign_id == campaign.id, Plan.state.in_(REPLACEABLE)
    )
    for old in work.session.scalars(open_plans.with_for_update()):
        old.state = PlanState.REPLACED
        approvals.void(work, old.id)
    work.session.flush()


def _remove_replaced(work: Work, row: Plan) -> bool:
    """Remove a page of what replaced plans of the campaign have left; false when there is none.

    It was never promised to anybody.
    """
    replaced = select(Plan.id).where(Plan.campaign_id == row.campaign_id, Plan.state == PlanState.REPLACED)
    # As the index says it, so that it is used.
    never_launched = (Message.plan_id.in_(replaced), text("messages.state IN ('draft', 'skipped')"))
    ids = list(work.session.scalars(select(Message.id).where(*never_launched).limit(PAGE)))
    work.session.execute(delete(MessageEvent).where(among(MessageEvent.message_id, ids)), execution_options=_UNSEEN)
    work.session.execute(delete(Message).where(among(Message.id, ids)), execution_options=_UNSEEN)
    return len(ids) == PAGE


def _request_approval(work: Work, row: Plan, tally: Tally) -> None:
    asked = approvals.request(work, "campaign_launch", row.id, row.content_hash, expires_at=row.expires_at)
    if not tally.by_channel:
        row.state = PlanState.EMPTY
        approvals.void(work, row.id, reason="the plan reaches nobody")
        return
    written = policy.read(work)
    if written and policy.covers(work, written, policy.sized(row.summary, row.spec)):
        approvals.decide(
            work,
            asked.id,
            approve=True,
            by=f"{written.written_by} (policy)",
            via=Via.POLICY,
            reason=written.note,
        )
