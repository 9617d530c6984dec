"""Campaigns by name, and stopping them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import exists, func, or_, select, update

from overture_core.audit import service as audit
from overture_core.campaigns import following
from overture_core.campaigns.paging import PAGE, Transactions, each, within
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.errors import Conflict, NotFound
from overture_core.messages import ledger
from overture_core.messages.states import NO_LEASE, PENDING, State, change
from overture_core.storage.among import among
from overture_core.storage.schema import Campaign, Lease, Message, Plan
from overture_core.storage.store import Store, Work
from overture_core.text import quoted

_FROM: dict[CampaignState, tuple[CampaignState, ...]] = {
    CampaignState.PAUSED: (CampaignState.RUNNING,),
    CampaignState.RUNNING: (CampaignState.PAUSED,),
    CampaignState.CANCELLED: tuple(state for state in CampaignState if state is not CampaignState.CANCELLED),
}


class CampaignBrief(BaseModel):
    """A campaign in a list. `messages` leaves out the leads who are never written to."""

    campaign: str
    campaign_id: str
    state: CampaignState
    created_at: datetime
    messages: int


def get(work: Work, name_or_id: str) -> Campaign:
    """Return a campaign by its name or id.

    Raises:
        NotFound: there is none; the message names those that exist.
    """
    row = work.session.scalar(
        select(Campaign).where(
            Campaign.workspace_id == work.workspace, (Campaign.id == name_or_id) | (Campaign.name == name_or_id)
        )
    )
    if row is None:
        known = ", ".join(each.campaign for each in list_(work)[:20]) or "none yet"
        msg = f"There is no campaign {quoted(name_or_id)}; the campaigns are: {known}."
        raise NotFound(msg)
    return row


def list_(work: Work) -> list[CampaignBrief]:
    """Return the campaigns, newest first."""
    counted = (
        select(Campaign, func.count(Message.id))
        .outerjoin(Message, (Message.campaign_id == Campaign.id) & (Message.state != State.SKIPPED))
        .where(Campaign.workspace_id == work.workspace)
        .group_by(Campaign.id)
        .order_by(Campaign.created_at.desc())
    )
    return [
        CampaignBrief(
            campaign=row.name,
            campaign_id=row.id,
            state=CampaignState(row.state),
            created_at=row.created_at,
            messages=messages,
        )
        for row, messages in work.session.execute(counted)
    ]


def set_state(work: Work, name_or_id: str, target: CampaignState) -> Campaign:
    """Pause, resume or cancel a campaign. Takes effect before the next message is handed to a provider.

    Raises:
        NotFound: there is no such campaign.
        Conflict: its state does not allow this.
    """
    return _set_state(within(work), name_or_id, target)


def set_state_paged(store: Store, workspace: str, name_or_id: str, target: CampaignState, *, actor: str) -> Campaign:
    """The same, but what a cancelled campaign has pending is cancelled in a transaction for each page.

    Nothing leaves from the first one on. What a crash left pending never leaves either, and is cancelled by
    cancelling again.
    """
    return _set_state(each(store, workspace, actor), name_or_id, target)


def _set_state(transactions: Transactions, name_or_id: str, target: CampaignState) -> Campaign:
    with transactions.write() as work:
        row = get(work, name_or_id)
        # A launch holds this lock for each of its pages: what it makes due before us is cancelled with the rest.
        work.session.refresh(row, with_for_update=True)
        if row.state != target:
            if row.state not in _FROM.get(target, ()):
                more = "; plan it again to write to more leads" if row.state == CampaignState.FINISHED else ""
                msg = f"The campaign {row.name!r} is {row.state} and cannot become {target}{more}."
                raise Conflict(msg)
            row.state = target
            if target is CampaignState.CANCELLED:
                row.finished_at = row.finished_at or work.now()
            work.session.flush()
            audit.record(work, f"campaign.{target.value}", row.id)
    after: str | None = "" if target is CampaignState.CANCELLED else None
    while after is not None:
        with transactions.write() as work:
            after = _cancel_page(work, row.id, after)
    return row


def _cancel_page(work: Work, campaign_id: str, after: str) -> str | None:
    """Cancel what is pending to the next leads; returns the last of them, None at the end."""
    rows = (
        select(Message.lead_id, Message.id, Message.state)
        .where(Message.campaign_id == campaign_id, Message.lead_id > after)
        .order_by(Message.lead_id)
        .limit(PAGE)
        .with_for_update()
    )
    found = work.session.connection().execute(rows).all()
    for state in PENDING:
        if ids := [row.id for row in found if row.state == state]:
            values = {"reason": "campaign_cancelled", **NO_LEASE}
            change(work, state, State.CANCELLED, among(Message.id, ids), cause="campaign_cancelled", values=values)
    return found[-1].lead_id if len(found) == PAGE else None


def finish_done(work: Work) -> int:
    """Mark the running campaigns that have nothing left to send as finished; returns how many.

    One query by an index while there are none: cheap enough for every round of the pump. Messages that wait for
    approval, and those whose outcome is unknown, are nothing to send.
    """
    unsent = or_(
        ledger.has(State.DUE),
        ledger.has(State.HELD),
        exists().where(Lease.campaign_id == Campaign.id),  # claimed, or being sent
        following.outstanding(),
    )
    launching = exists().where(Plan.campaign_id == Campaign.id, Plan.state == PlanState.LAUNCHING)
    running = (Campaign.workspace_id == work.workspace, Campaign.state == CampaignState.RUNNING)
    done = (*running, ~launching, ~unsent)
    ids = list(work.session.scalars(select(Campaign.id).where(*done).with_for_update(skip_locked=True)))
    if not ids:
        return 0
    # Asked again under the lock that a launch takes too: one that committed between the question and the
    # lock has made messages due that only a running campaign sends.
    finished = (
        update(Campaign)
        .where(Campaign.id.in_(ids), *done)
        .values(state=CampaignState.FINISHED, finished_at=work.now())
        .returning(Campaign.id)
    )
    return len(work.session.scalars(finished).all())
