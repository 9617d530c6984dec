"""What tools share whose calls change something at a provider: propose, run what nobody has to approve, and else say
how a person approves. See overture_core/operations/service.py."""

from __future__ import annotations

from mcp.server.mcpserver import Elicit, ElicitationResult
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from overture_core.approvals.service import ApprovalState, how_to_approve
from overture_core.errors import NotFound
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView, Proposal
from overture_core.operations.states import OperationState
from overture_core.storage.store import Work
from overture_core.text import quoted
from overture_providers import operations as running
from overture_servers import approving
from overture_servers.approving import Answer, Waiting
from overture_servers.runtime import told
from overture_servers.tooling import Ctx, actor_of, answer, runtime_of

SANDBOX = "Sandbox: nobody outside is reached, no money moves."
_ENDED = {
    OperationState.READY: "Not yet: {error} A worker tries it again.",
    OperationState.RUNNING: "Somebody runs it just now; call this again in a minute.",
    OperationState.FAILED: "Refused: {error} (operation {id})",
    OperationState.UNKNOWN: "Nobody knows whether it was done: {error} Do not repeat {id}; tell a person.",
    OperationState.CANCELLED: "It was cancelled: {error}",
}


async def propose_and_run(ctx: Ctx, make: Proposal, *, run_tool: str) -> CallToolResult:
    """Store an operation and run it at once if nobody has to approve it and it is not for later.

    `run_tool` names the tool that runs it once a person has approved.
    """
    runtime = runtime_of(ctx)
    shown = await runtime.write(actor_of(ctx), lambda work: operations.propose(work, make))
    if shown.state is OperationState.READY and shown.run_at is None:
        shown = await _run(ctx, shown.id)
    return told_of(shown, run_tool=run_tool)


async def run_approved(
    ctx: Ctx, operation_id: str, person: ElicitationResult[Answer], *, run_tool: str
) -> CallToolResult:
    """Run an operation of the tool's own server that a person approved, here by answering or before by another way."""
    await runtime_of(ctx).read(lambda work: own_operation(work, operation_id, run_tool.partition("_")[0]))
    await approving.record_answer(ctx, _waiting(operation_id), person)
    shown = await runtime_of(ctx).read(lambda work: operations.get(work, operation_id))
    if shown.run_at is None or shown.run_at <= runtime_of(ctx).store.clock.now():
        shown = await _run(ctx, operation_id)
    return told_of(shown, run_tool=run_tool)


async def run_if_approved(ctx: Ctx, operation_id: str, person: ElicitationResult[Answer]) -> CallToolResult:
    """Run an operation that nobody has to approve, or that a person did; else say how a person approves, after which
    the same call runs it."""
    await approving.record_answer(ctx, _waiting(operation_id), person)

    shown = await runtime_of(ctx).read(lambda work: operations.get(work, operation_id))
    approved = shown.approval_state in (None, ApprovalState.APPROVED)
    if approved and shown.state in (OperationState.READY, OperationState.WAITING):
        shown = await _run(ctx, operation_id)
    return told_of(shown)


def own_operation(work: Work, operation_id: str, server: str) -> OperationView:
    """Return an operation of a server: who may use one server does not see what was asked of another by its ids.

    Raises:
        NotFound: there is none by that id.
    """
    shown = operations.get(work, operation_id)
    if not shown.kind.startswith(f"{server}."):
        msg = f"There is no operation {quoted(operation_id)} of the {server} server; its tools name their own."
        raise NotFound(msg)
    return shown


async def ask_about_operation(ctx: Ctx, operation_id: str) -> Answer | Elicit[Answer]:
    """Put the operation before the person, if it waits for approval and their client may ask them."""
    return await approving.ask_person(ctx, _waiting(operation_id))


def told_of(shown: OperationView, *, run_tool: str | None = None) -> CallToolResult:
    """Answer with how an operation stands, what it made, and what to do next: to call `run_tool`, or the same again.

    Raises:
        ToolError: the provider refused it, or nobody knows what became of it.
    """
    lines = [f"{shown.title}."]
    if shown.state in (OperationState.FAILED, OperationState.UNKNOWN):
        raise ToolError(f"{lines[0]} {_ended(shown)}")
    if shown.state is OperationState.WAITING:
        lines.append(_waits(shown, run_tool))
    elif shown.state is OperationState.READY and shown.error is None:
        lines.append(f"A worker runs it at {shown.run_at:%Y-%m-%d %H:%M} UTC." if shown.run_at else "It will be run.")
    elif shown.state is not OperationState.DONE:
        lines.append(_ended(shown))
    elif shown.result and (made := shown.result.get("id")):
        where = shown.result.get("link") or shown.result.get("url")
        lines.append(f"Done: {made} {where}" if where else f"Done: {made}.")
    lines += [SANDBOX] if shown.sandbox else []
    return answer(shown, " ".join(lines))


def _ended(shown: OperationView) -> str:
    error = (shown.error or "no reason given").rstrip(".")
    return _ENDED[shown.state].format(error=f"{error}.", id=shown.id)


def _waits(shown: OperationView, run_tool: str | None) -> str:
    when = f"at {shown.run_at:%Y-%m-%d %H:%M} UTC" if shown.run_at else "within half a minute"
    match shown.approval_state:
        case ApprovalState.APPROVED:
            return f"A person approved it; a worker runs it {when}."
        case ApprovalState.PENDING:
            return (
                f"A person has to approve it first ({'; '.join(shown.why)}): ask them to do it "
                f"{how_to_approve(shown.approval_id)}, then call "
                + (f"{run_tool} with {shown.id}." if run_tool else "this again.")
            )
        case _:
            return f"Its approval is {shown.approval_state}, and it will not be done; ask for it again, changed."


async def _run(ctx: Ctx, operation_id: str) -> OperationView:
    runtime = runtime_of(ctx)
    with told():
        return await running.run(runtime.store, runtime.workspace, operation_id, actor=actor_of(ctx))


def _waiting(operation_id: str) -> Waiting:
    def find(work: Work) -> str | None:
        shown = operations.get(work, operation_id)
        return shown.approval_id if shown.state is OperationState.WAITING else None

    return find
