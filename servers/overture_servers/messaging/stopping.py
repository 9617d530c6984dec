"""The tools that stop what is under way, and the one way to let a campaign go on."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from anyio import to_thread
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from overture_core.campaigns import service as campaigns
from overture_core.campaigns.states import CampaignState
from overture_core.health import service as health
from overture_core.storage.store import Work
from overture_core.workspaces import emergency
from overture_core.workspaces.emergency import Standing
from overture_servers.runtime import told
from overture_servers.scopes import Scope
from overture_servers.tooling import Ctx, ToolSpec, actor_of, answer, runtime_of

CampaignName = Annotated[str, Field(description="Name or id.")]
Note = Annotated[str | None, Field(max_length=500)]


class CampaignChange(BaseModel):
    """A campaign's new state."""

    campaign: str
    state: CampaignState


async def messaging_stop_campaign(
    ctx: Ctx, campaign: CampaignName, action: Literal["pause", "resume", "cancel"]
) -> Annotated[CallToolResult, CampaignChange]:
    """Pause, resume or cancel a campaign, before its next message leaves. Cancelling is for good."""
    target = {
        "pause": CampaignState.PAUSED,
        "resume": CampaignState.RUNNING,
        "cancel": CampaignState.CANCELLED,
    }[action]
    runtime = runtime_of(ctx)
    if target is CampaignState.RUNNING:
        with told():
            runtime.require(Scope.MESSAGING_SEND)
        resumed = await runtime.write(actor_of(ctx), lambda work: health.resume(work, campaign))
        return answer(CampaignChange(campaign=resumed.name, state=target), f"{resumed.name} is {target}.")
    run = partial(
        campaigns.set_state_paged,
        *(runtime.store, runtime.workspace, campaign, target),
        actor=actor_of(ctx),
    )
    with told():
        row = await to_thread.run_sync(run)
    changed = CampaignChange(campaign=row.name, state=CampaignState(row.state))
    return answer(changed, f"{changed.campaign} is {changed.state}.")


async def messaging_stop_everything(ctx: Ctx, reason: Note = None) -> Annotated[CallToolResult, Standing]:
    """Stop all sending, in every process, within two seconds. Only a person at the command line lets it go on."""

    def stop(work: Work) -> Standing:
        emergency.stop(work, reason=reason)
        return emergency.standing(work)

    standing = await runtime_of(ctx).write(actor_of(ctx), stop)
    return answer(standing, standing.advice)


TOOLS = (
    ToolSpec(messaging_stop_campaign, "Pause, resume or cancel", Scope.MESSAGING_WRITE, writes=True, destructive=True),
    ToolSpec(messaging_stop_everything, "Stop all sending", Scope.MESSAGING_WRITE, writes=True),
)
