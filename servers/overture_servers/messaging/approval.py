"""Asking the person at the client whether a plan may go out.

The question is written by the server from its own state, and is asked only of clients that a person
named (`overture approvals trust`). A tool argument, or a client that was not named, approves nothing:
the launch then finds the approval still waiting and fails closed.
"""

from __future__ import annotations

from mcp.server.mcpserver import AcceptedElicitation, DeclinedElicitation, Elicit, ElicitationResult
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.campaigns.launching import get_plan
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.planning import view
from overture_core.campaigns.showing import described
from overture_core.campaigns.states import PlanState
from overture_core.storage.store import Work
from overture_core.workspaces import service as workspaces
from overture_servers.tooling import Ctx, actor_of, client_name, runtime_of


class Answer(BaseModel):
    """The person's answer."""

    approve: bool = Field(description="Send exactly this?")


NOT_ASKED = Answer(approve=False)


async def ask_person(ctx: Ctx, plan_id: str) -> Answer | Elicit[Answer]:
    """Put the plan before the person, if it waits for approval and their client may ask them."""
    name = client_name(ctx)
    if name is None or not _can_ask(ctx):
        return NOT_ASKED

    def find(work: Work) -> PlanView | None:
        if name not in workspaces.get(work).trusted_clients:
            return None
        row = get_plan(work, plan_id)
        if row.state != PlanState.PROPOSED:
            return None
        shown = view(work, row)
        return shown if shown.approval.state is ApprovalState.PENDING else None

    waiting = await runtime_of(ctx).read(find)
    return NOT_ASKED if waiting is None else Elicit(question(waiting), Answer)


def _can_ask(ctx: Ctx) -> bool:
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    # A client that says nothing of modes means forms (elicitation, "Capabilities", 2025-11-25).
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


async def record_answer(ctx: Ctx, plan_id: str, person: ElicitationResult[Answer]) -> None:
    """Write an approval down. Anything but a yes decides nothing: the plan goes on waiting.

    Raises:
        ToolError: the person declined.
    """
    if isinstance(person, DeclinedElicitation):
        plan = await runtime_of(ctx).read(lambda work: view(work, get_plan(work, plan_id)))
        msg = (
            "The person declined, and nothing was launched. Change the plan and plan again; or they approve this one "
            f"after all by `overture approvals approve {plan.approval.id}`, then launch again."
        )
        raise ToolError(msg)
    if not isinstance(person, AcceptedElicitation) or not person.data.approve:
        return
    by = f"person at {client_name(ctx)}"

    def decide(work: Work) -> None:
        waiting = approvals.for_subject(work, get_plan(work, plan_id).id)
        approvals.decide(work, waiting.id, approve=True, by=by, via=Via.ELICITATION)

    await runtime_of(ctx).write(actor_of(ctx), decide)


def question(shown: PlanView) -> str:
    """Write the question; the same plan always gives the same words."""
    return "\n".join([f"Launch the campaign {shown.campaign!r}?", *described(shown)])
