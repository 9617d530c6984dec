"""Asking the person at the client whether a plan may go out."""

from __future__ import annotations

from mcp.server.mcpserver import Elicit, ElicitationResult

from overture_core.approvals import service as approvals
from overture_core.campaigns.launching import get_plan
from overture_core.campaigns.states import PlanState
from overture_core.storage.store import Work
from overture_servers import approving
from overture_servers.approving import Answer, Waiting
from overture_servers.tooling import Ctx


async def ask_about_plan(ctx: Ctx, plan_id: str) -> Answer | Elicit[Answer]:
    """Put the plan before the person, if it waits for approval and their client may ask them."""
    return await approving.ask_person(ctx, _waiting(plan_id))


async def record_answer(ctx: Ctx, plan_id: str, person: ElicitationResult[Answer]) -> None:
    """Write an approval down. Anything but a yes decides nothing: the plan goes on waiting.

    Raises:
        ToolError: the person declined.
    """
    await approving.record_answer(ctx, _waiting(plan_id), person)


def _waiting(plan_id: str) -> Waiting:
    def find(work: Work) -> str | None:
        row = get_plan(work, plan_id)
        return approvals.for_subject(work, row.id).id if row.state == PlanState.PROPOSED else None

    return find
