"""The tool for one message to one lead."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from overture_core.messages import direct
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView
from overture_core.operations.states import OperationState
from overture_core.storage.store import Work
from overture_servers import operating
from overture_servers.approving import Answer
from overture_servers.scopes import Scope
from overture_servers.tooling import Ctx, ToolSpec, actor_of, answer, runtime_of

Reference = Annotated[str, Field(max_length=100, description="Tells two alike apart.")]


class Sent(BaseModel):
    """How a direct message stands; once `done`, `result` says where it is: due, held until `due_at`, skipped."""

    id: str
    state: OperationState
    approval_id: str | None
    told: list[str]
    result: dict[str, Any] | None
    error: str | None


async def _ask(ctx: Ctx, lead_id: str, template: str, reference: str = "") -> Answer | Elicit[Answer]:
    asked = await _proposed(ctx, lead_id, template, reference)
    return await operating.ask_about_operation(ctx, asked.id)


async def messaging_send_message(
    ctx: Ctx,
    lead_id: str,
    template: str,
    person: Annotated[ElicitationResult[Answer], Resolve(_ask)],
    reference: Reference = "",
) -> Annotated[CallToolResult, Sent]:
    """Send one message to one lead. A person approves it first (call again then), but to OVERTURE_TEST_ADDRESSES."""
    runtime = runtime_of(ctx)
    asked = await _proposed(ctx, lead_id, template, reference)
    answered = await operating.run_if_approved(ctx, asked.id, person)
    shown = OperationView.model_validate(answered.structured_content)
    (said,) = answered.content
    text = said.text if isinstance(said, TextContent) else ""
    # Without an id where a person settled it: then nobody knows which row it made.
    message_id = (shown.result or {}).get("message_id") if shown.state is OperationState.DONE else None
    if message_id is not None:
        from overture_queue.jobs import Dispatch

        await runtime.nudge(Dispatch())
        standing = await runtime.read(lambda work: direct.standing(work, message_id))
        shown = shown.model_copy(update={"result": standing.model_dump(mode="json")})
        text = f"{text} {standing}"
    return answer(Sent.model_validate(shown.model_dump()), text)


async def _proposed(ctx: Ctx, lead_id: str, template: str, reference: str) -> OperationView:
    def propose(work: Work) -> OperationView:
        return operations.propose(work, direct.proposal(work, lead_id, template, reference=reference))

    return await runtime_of(ctx).write(actor_of(ctx), propose)


TOOLS = (
    ToolSpec(
        messaging_send_message,
        "Send one message",
        Scope.MESSAGING_SEND,
        writes=True,
        destructive=True,
        outside=True,
        depth=1,
    ),
)
