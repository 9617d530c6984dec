"""Campaigns by name, and stopping them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import func, select

from overture_core.campaigns.states import CampaignState
from overture_core.errors import Conflict, NotFound
from overture_core.messages.states import PENDING, State, change
from overture_core.storage.schema import Campaign, Message
from overture_core.storage.store import Work

_FROM: dict[CampaignState, tuple[CampaignState, ...]] = {
    CampaignState.PAUSED: (CampaignState.RUNNING,),
    CampaignState.RUNNING: (CampaignState.PAUSED,),
    CampaignState.CANCELLED: (CampaignState.PLANNED, CampaignState.RUNNING, CampaignState.PAUSED),
}


class CampaignBrief(BaseModel):
    """A campaign in a list."""

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
        msg = f"There is no campaign {name_or_id!r}; the campaigns are: {known}."
        raise NotFound(msg)
    return row


def list_(work: Work) -> list[CampaignBrief]:
    """Return the campaigns, newest first."""
    counted = (
        select(Campaign, func.count(Message.id))
        .outerjoin(Message, Message.campaign_id == Campaign.id)
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
    row = get(work, name_or_id)
    if row.state == target:
        return row
    if row.state not in _FROM.get(target, ()):
        msg = f"The campaign {row.name!r} is {row.state} and cannot become {target}."
        raise Conflict(msg)
    row.state = target
    if target is CampaignState.CANCELLED:
        row.finished_at = work.now()
        for state in PENDING:
            values = {"reason": "campaign_cancelled", "owner": None, "lease_token": None, "lease_until": None}
            change(
                work, state, State.CANCELLED, Message.campaign_id == row.id, cause="campaign_cancelled", values=values
            )
    return row
