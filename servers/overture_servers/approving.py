"""Asking the person at the client whether something may be done.

The question is written by the server from its own state, and is asked only of clients that a person
named (`overture approvals trust`). A tool argument, or a client that was not named, approves nothing:
what was to be done then finds its approval still waiting and fails closed.
"""

from __future__ import annotations

from collections.abc import Callable

from mcp.server.mcpserver import AcceptedElicitation, DeclinedElicitation, Elicit, ElicitationResult
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.approvals.subjects import Subject, subject
from overture_core.storage.store import Work
from overture_core.workspaces import service as workspaces
from overture_servers.tooling import Ctx, actor_of, client_name, runtime_of

Waiting = Callable[[Work], str | None]
"""Finds the id of the approval that something waits for; None if it waits for none."""


class Answer(BaseModel):
    """The person's answer."""

    approve: bool = Field(description="Do exactly this?")


NOT_ASKED = Answer(approve=False)


async def ask_person(ctx: Ctx, waiting: Waiting) -> Answer | Elicit[Answer]:
    """Put what waits for approval before the person, if their client may ask them."""
    name = client_name(ctx)
    if name is None or not _can_ask(ctx):
        return NOT_ASKED

    def find(work: Work) -> Subject | None:
        if name not in workspaces.get(work).trusted_clients:
            return None
        approval_id = waiting(work)
        found = None if approval_id is None else subject(work, approval_id)
        return found if found and found.approval.state is ApprovalState.PENDING else None

    asked = await runtime_of(ctx).read(find)
    return NOT_ASKED if asked is None else Elicit(question(asked), Answer)


def _can_ask(ctx: Ctx) -> bool:
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    # A client that says nothing of modes means forms (elicitation, "Capabilities", 2025-11-25).
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


async def record_answer(ctx: Ctx, waiting: Waiting, person: ElicitationResult[Answer]) -> None:
    """Write an approval down. Anything but a yes decides nothing: what was asked about goes on waiting.

    Raises:
        ToolError: the person declined.
    """
    if isinstance(person, DeclinedElicitation):
        approval_id = await runtime_of(ctx).read(waiting)
        msg = (
            "The person declined, and nothing was done. Change it and ask anew; or they approve this one after all "
            f"{approvals.how_to_approve(approval_id)}, then call this again."
        )
        raise ToolError(msg)
    if not isinstance(person, AcceptedElicitation) or not person.data.approve:
        return
    by = f"person at {client_name(ctx)}"

    def decide(work: Work) -> None:
        approval_id = waiting(work)
        if approval_id is not None:
            approvals.decide(work, approval_id, approve=True, by=by, via=Via.ELICITATION)

    await runtime_of(ctx).write(actor_of(ctx), decide)


def question(asked: Subject) -> str:
    """Write the question; the same subject always gives the same words."""
    return "\n".join([asked.question, *asked.lines])
