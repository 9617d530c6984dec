"""What a person does on the dashboard. Each is done in their name, and the audit says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from anyio import to_thread

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch_paged
from overture_core.campaigns.states import CampaignState
from overture_core.errors import InvalidInput
from overture_core.health import service as health
from overture_core.storage.store import Work
from overture_core.text import clean
from overture_core.workspaces import emergency, page_sessions
from overture_servers.runtime import Runtime
from overture_servers.ui import paths
from overture_servers.ui.serving import Deed
from overture_servers.ui.visitors import Visitor

LONGEST_REASON = 500
T = TypeVar("T")
Fields = Mapping[str, str]


async def decide(runtime: Runtime, visitor: Visitor, path: Fields, form: Fields) -> str:
    """Approve or reject exactly the content that was on the page.

    Raises:
        InvalidInput: the form names no decision, or no reason for a rejection.
        Conflict: the content is another by now, or it was decided otherwise.
    """
    decision, reason = form.get("decision"), clean(form.get("reason", ""), limit=LONGEST_REASON) or None
    if decision not in {"approve", "reject"}:
        raise InvalidInput("Choose to approve or to reject.")
    if decision == "reject" and reason is None:
        raise InvalidInput("Say why you reject it, so that whoever asked can mend it; go back and write a reason.")

    def write(work: Work) -> None:
        approvals.decide(
            work,
            path["approval_id"],
            approve=decision == "approve",
            by=visitor.person,
            via=Via.WEB,
            reason=reason,
            seen_hash=form.get("content_hash", ""),
        )

    await _write(runtime, visitor, write)
    return paths.APPROVAL.format(**path)


async def launch(runtime: Runtime, visitor: Visitor, path: Fields, _form: Fields) -> str:
    """Launch an approved plan.

    Raises:
        ApprovalRequired: nobody approved exactly its content.
        Conflict: it cannot be launched as it stands.
    """
    from overture_queue.jobs import Dispatch

    run = partial(launch_paged, runtime.store, visitor.workspace, path["plan_id"], actor=visitor.actor)
    done = await to_thread.run_sync(run)
    await runtime.nudge(Dispatch())
    return paths.CAMPAIGN.format(campaign_id=done.campaign_id)


async def change_campaign(runtime: Runtime, visitor: Visitor, path: Fields, form: Fields) -> str:
    """Pause, resume or cancel a campaign.

    Raises:
        InvalidInput: the form names none of these.
        Conflict: its state, or its delivery health, does not allow it.
    """
    from overture_queue.jobs import Dispatch

    campaign_id, action = path["campaign_id"], form.get("action")
    if action == "resume":
        await _write(runtime, visitor, lambda work: health.resume(work, campaign_id))
        await runtime.nudge(Dispatch())
    elif action in {"pause", "cancel"}:
        target = CampaignState.PAUSED if action == "pause" else CampaignState.CANCELLED
        run = partial(campaigns.set_state_paged, runtime.store, visitor.workspace, campaign_id, target)
        await to_thread.run_sync(partial(run, actor=visitor.actor))
    else:
        raise InvalidInput("Choose to pause, to resume or to cancel.")
    return paths.CAMPAIGN.format(**path)


async def stop(runtime: Runtime, visitor: Visitor, _path: Fields, form: Fields) -> str:
    """Stop all sending of the workspace."""
    await _write(runtime, visitor, lambda work: emergency.stop(work, reason=form.get("reason")))
    return paths.HOME


async def leave(runtime: Runtime, visitor: Visitor, _path: Fields, _form: Fields) -> str:
    """End the session."""
    await _write(runtime, visitor, lambda work: page_sessions.end_session(work, visitor.secret))
    return paths.HOME


async def _write(runtime: Runtime, visitor: Visitor, function: Callable[[Work], T]) -> T:
    def run() -> T:
        with runtime.store.begin(visitor.workspace, actor=visitor.actor) as work:
            return function(work)

    return await to_thread.run_sync(run)


DEEDS = (
    Deed(paths.APPROVAL, decide),
    Deed(paths.LAUNCH, launch),
    Deed(paths.CAMPAIGN, change_campaign),
    Deed(paths.STOP, stop),
    Deed(paths.LEAVE, leave),
)
