"""Launching: what was approved becomes due, and nothing else.

Every page of the plan is held against its seal before the first message becomes due, and once more,
with its rows locked, in the transaction that makes it due. So nothing that was edited in between goes
out, however long a launch takes. A launch that a crash cut short is taken up by launching again, or by
`resume`.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel
from sqlalchemy import select

from overture_core import telemetry
from overture_core.approvals import policy
from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.audit import service as audit
from overture_core.campaigns import sealing, sequence, world
from overture_core.campaigns.paging import Progress, Transactions, each, unseen, within
from overture_core.campaigns.showing import nobody
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.errors import ApprovalRequired, Conflict, NotFound
from overture_core.health import senders
from overture_core.messages.states import State, change
from overture_core.storage.among import among
from overture_core.storage.schema import Campaign, Message, Plan
from overture_core.storage.store import Store, Work
from overture_core.text import quoted

STALLED = timedelta(seconds=10)  # a launch that goes on writes its next page long before
PAGES_A_ROUND = 10
CHANGED = "changed_after_approval"


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
        msg = f"There is no plan {quoted(plan_id)}; plan the campaign and use the plan_id that comes back."
        raise NotFound(msg)
    return row


class _Step(NamedTuple):
    """How far a launch is, in messages; `released` by this step."""

    released: int
    done: int
    total: int
    over: bool


def launch(work: Work, plan_id: str) -> LaunchResult:
    """Launch an approved plan: its drafts become due, those that the gate puts off are held.

    Raises:
        NotFound: there is no such plan.
        ApprovalRequired: nobody approved exactly this content, or the approval has expired.
        Conflict: the plan reaches nobody, is still being prepared, was replaced by a newer one or changed since it
            was made, its campaign was cancelled, or its sender is over a limit of delivery health.
    """
    return _launch(within(work), plan_id, unseen)


def launch_paged(
    store: Store, workspace: str, plan_id: str, *, actor: str, progress: Progress = unseen
) -> LaunchResult:
    """The same in a transaction for each page of messages, for plans of any size.

    From the first page on the campaign runs, and can be paused, resumed and cancelled. `progress` is told how many
    messages were gone through, and of how many.
    """
    return _launch(each(store, workspace, actor), plan_id, progress)


def resume(store: Store, *, pages: int = PAGES_A_ROUND) -> int:
    """Take up launches that were cut short, up to `pages` pages of each; returns how many messages became due or
    held. Crosses workspaces: it serves the worker, and costs one query while there are none."""
    now = store.clock.now()
    launching = select(Plan.workspace_id, Plan.id, Plan.summary).where(Plan.state == PlanState.LAUNCHING)
    with store.look() as connection:
        stalled = [(row[0], row[1]) for row in connection.execute(launching) if _stalled(row[2], now)]
    released = 0
    for workspace, plan_id in stalled:
        for left in reversed(range(pages)):
            with store.begin(workspace, actor="launch") as work:
                step = _next_page(work, plan_id, goes_on=left > 0)
            released += step.released
            if step.over:
                break
    return released


def _stalled(summary: dict[str, object], now: datetime) -> bool:
    at = summary.get("launched_page_at")
    return not isinstance(at, str) or datetime.fromisoformat(at) <= now - STALLED


def _launch(transactions: Transactions, plan_id: str, progress: Progress) -> LaunchResult:
    with transactions.read() as work:
        row = get_plan(work, plan_id)
        _require_launchable(row)
        if row.state == PlanState.PROPOSED:
            _require_approved(work, row, work.session.get_one(Campaign, row.campaign_id))
            _require_texts_as_approved(work, row)
            _require_healthy_sender(work, row)
            if not all(sealing.unbroken(work, row)):
                raise Conflict(_CHANGED)
    with transactions.write() as work:
        row, campaign = _locked(work, plan_id)
        _require_launchable(row)
        if row.state == PlanState.PROPOSED:
            _start(work, row, campaign)
    over = row.state != PlanState.LAUNCHING
    while not over:
        with transactions.write() as work:
            step = _next_page(work, plan_id)
        over = step.over
        progress(step.done, step.total)
    with transactions.read() as work:
        row = get_plan(work, plan_id)
        return _result(work, row, work.session.get_one(Campaign, row.campaign_id))


_CHANGED = "The plan's messages changed after it was made; plan again and have a person approve it."


def _require_launchable(row: Plan) -> None:
    if row.state == PlanState.REPLACED:
        msg = "This plan was replaced by a newer one; launch that, or plan again."
        raise Conflict(msg)
    if row.state == PlanState.PREPARING:
        msg = "This plan is still being prepared, or its planning was cut short; wait for its end, or plan again."
        raise Conflict(msg)
    if row.state == PlanState.EMPTY:
        msg = f"There is nothing to launch: {nobody(row.summary['excluded'])}"
        raise Conflict(msg)


def _require_approved(work: Work, row: Plan, campaign: Campaign) -> None:
    """Refuse soon what `_start` would refuse after every message was looked at."""
    if campaign.state == CampaignState.CANCELLED:
        msg = f"The campaign {campaign.name!r} was cancelled; plan under another name."
        raise Conflict(msg)
    if approvals.for_subject(work, row.id).state in (ApprovalState.PENDING, ApprovalState.REJECTED):
        approvals.use(work, row.id, row.content_hash)


def _require_texts_as_approved(work: Work, row: Plan) -> None:
    """Who saved a template anew did so that the old text does not go out any more."""
    if (changed := texts_changed(work, row)) is not None:
        raise Conflict(changed)


def texts_changed(work: Work, row: Plan) -> str | None:
    """Return why a plan cannot be launched any more, if a text that it sends was saved anew since it was made."""
    if not (names := sequence.superseded(work, row)):
        return None
    return (
        f"The text of {', '.join(quoted(name) for name in names)} was changed after this plan was made, which "
        "makes its approval worthless; plan again and have a person approve it."
    )


def _require_healthy_sender(work: Work, row: Plan) -> None:
    """A new campaign's name makes no new sender."""
    if (trouble := senders.trouble(work, sequence.channels_of(row.spec))) is not None:
        msg = f"{trouble} Then launch again."
        raise Conflict(msg)


def _locked(work: Work, plan_id: str) -> tuple[Plan, Campaign]:
    """Return a plan with its campaign, both locked; the campaign first, as everybody does."""
    campaign_id = get_plan(work, plan_id).campaign_id
    campaign = work.session.get_one(Campaign, campaign_id, with_for_update=True)
    return work.session.get_one(Plan, plan_id, with_for_update=True), campaign


def _start(work: Work, row: Plan, campaign: Campaign) -> None:
    if campaign.state == CampaignState.CANCELLED:
        msg = f"The campaign {campaign.name!r} was cancelled; plan under another name."
        raise Conflict(msg)
    if sealing.content_hash(row) != row.content_hash:
        raise Conflict(_CHANGED)
    _require_texts_as_approved(work, row)
    _require_healthy_sender(work, row)
    _require_same_world(work, row)
    _require_policy_still_covers(work, row)
    approvals.use(work, row.id, row.content_hash)
    if campaign.state in (CampaignState.PLANNED, CampaignState.FINISHED):
        campaign.state, campaign.finished_at = CampaignState.RUNNING, None
        campaign.launched_at = campaign.launched_at or work.now()
        campaign.trace = telemetry.traceparent()
    row.state = PlanState.LAUNCHING
    _note(work, row, page=0)
    audit.record(work, "plan.launched", row.id, campaign=campaign.id, content_hash=row.content_hash)


def _next_page(work: Work, plan_id: str, *, goes_on: bool = True) -> _Step:
    """Make the next page of a launch due. Without `goes_on`, whoever comes next may take it up at once."""
    row, campaign = _locked(work, plan_id)
    pages = sealing.pages(row)
    number = int(row.summary["launched_pages"])
    released = 0
    if row.state == PlanState.LAUNCHING and number < len(pages) and campaign.state != CampaignState.CANCELLED:
        queued, held = _release(work, row, campaign, pages[number])
        released = queued + held
        number += 1
        _note(work, row, page=number, goes_on=goes_on, queued=queued, held=held)
    over = number == len(pages) or campaign.state == CampaignState.CANCELLED
    if over:
        row.state = PlanState.LAUNCHED
    work.session.flush()
    total = sum(page.messages for page in pages)
    return _Step(released, sum(page.messages for page in pages[:number]), total, over)


def _note(work: Work, row: Plan, *, page: int, goes_on: bool = True, queued: int = 0, held: int = 0) -> None:
    at = work.now().isoformat() if goes_on else None
    so_far = row.summary.get("launched", {"queued": 0, "held": 0})
    launched = {"queued": so_far["queued"] + queued, "held": so_far["held"] + held}
    row.summary = {**row.summary, "launched_pages": page, "launched_page_at": at, "launched": launched}


def _release(work: Work, row: Plan, campaign: Campaign, page: sealing.Page) -> tuple[int, int]:
    """Make a page's messages due or held; returns how many of each."""
    found = sealing.find(work, row, page, lock=True)
    drafts = [each for each in found if each.state == State.DRAFT]
    # Somebody who asked to stop since the launch began is cancelled, not edited: such a row still fits the seal.
    if not sealing.fits(page, found):
        _withhold(work, row, campaign, [draft.id for draft in drafts])
        return 0, 0
    by_reason: dict[str | None, list[str]] = defaultdict(list)
    for draft in drafts:
        by_reason[draft.reason].append(draft.id)
    for reason, ids in by_reason.items():
        target = State.DUE if reason is None else State.HELD
        change(work, State.DRAFT, target, among(Message.id, ids), cause="launch", detail=reason)
    queued = len(by_reason[None])
    return queued, len(drafts) - queued


def _withhold(work: Work, row: Plan, campaign: Campaign, ids: list[str]) -> None:
    """Keep back a page that is no longer what was approved, and let nothing more leave until a person looked."""
    change(work, State.DRAFT, State.CANCELLED, among(Message.id, ids), cause="launch", values={"reason": CHANGED})
    row.summary = {**row.summary, "withheld": row.summary.get("withheld", 0) + len(ids)}
    if campaign.state == CampaignState.RUNNING:
        campaign.state = CampaignState.PAUSED
    audit.record(work, "plan.withheld", row.id, campaign=campaign.id, messages=len(ids), reason=CHANGED)


def _require_same_world(work: Work, row: Plan) -> None:
    if not all(world.holds(work.settings, row, channel) for channel in policy.sized(row.summary, row.spec).channels):
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
    if written is None or not policy.covers(work, written, policy.sized(row.summary, row.spec)):
        msg = "The policy that approved this plan no longer covers it; plan again and have a person approve it."
        raise ApprovalRequired(msg)


def _result(work: Work, row: Plan, campaign: Campaign) -> LaunchResult:
    if "withheld" in row.summary:
        msg = (
            f"Messages were changed while the plan was launched: {row.summary['withheld']} were cancelled and the "
            f"campaign {campaign.name!r} was paused; find out who changed them, then resume or cancel it."
        )
        raise Conflict(msg)
    approval = approvals.for_subject(work, row.id)
    assert approval.decided_by  # a launched plan was decided
    assert approval.decided_via
    launched = row.summary["launched"]
    return LaunchResult(
        campaign_id=campaign.id,
        campaign=campaign.name,
        state=CampaignState(campaign.state),
        queued=launched["queued"],
        held=launched["held"],
        approved_by=approval.decided_by,
        approved_via=Via(approval.decided_via),
    )
