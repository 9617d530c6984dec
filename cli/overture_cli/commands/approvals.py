"""`overture approvals ...`: where a person decides. No tool of a model reaches these commands."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import actor, open_store, person
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.approvals import policy
from overture_core.approvals import service as approvals
from overture_core.approvals.policy import PreApproval
from overture_core.approvals.service import ApprovalState, ApprovalView, Via
from overture_core.approvals.subjects import ListedApproval, Subject, listed, subject
from overture_core.audit import service as audit
from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_core.operations.models import OperationView
from overture_core.workspaces import emergency
from overture_core.workspaces import service as workspaces

app = typer.Typer(help="See what waits for a person, approve or reject it, write a policy.", no_args_is_help=True)
ApprovalId = Annotated[str, typer.Argument(help="The approval's id.", show_default=False)]
ReasonOption = Annotated[str | None, typer.Option(help="Why, for the record.")]


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False, as_json: JsonFlag = False
) -> None:
    """List what waits for a decision."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = listed(work, None if everything else ApprovalState.PENDING)
    if as_json:
        emit_json(found)
        return
    rows = [(each.id, each.title, _stands(each), f"{each.expires_at:%m-%d %H:%M} UTC") for each in found]
    table("Approvals", ("id", "what", "state", "expires"), rows)


@app.command()
def show(approval: ApprovalId, as_json: JsonFlag = False) -> None:
    """Show everything that an approval would let out."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        shown = subject(work, approval, longest=None)
    if as_json:
        emit_json(shown.operation or shown.plan or shown)
    else:
        show_subject(shown)


@app.command()
def approve(approval: ApprovalId, reason: ReasonOption = None, as_json: JsonFlag = False) -> None:
    """Approve exactly the content that `overture approvals show` shows."""
    _decide(approval, approve=True, reason=reason, as_json=as_json)


@app.command()
def reject(approval: ApprovalId, reason: ReasonOption = None, as_json: JsonFlag = False) -> None:
    """Reject it; whoever wants it has to ask anew."""
    _decide(approval, approve=False, reason=reason, as_json=as_json)


@app.command()
def trust(
    client: Annotated[str, typer.Argument(help="The MCP client's name, as it gives it.", show_default=False)],
    remove: Annotated[bool, typer.Option("--remove", help="Trust it no longer.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let an MCP client put questions of approval before the person who sits at it."""
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        row = workspaces.get(work)
        others = [name for name in row.trusted_clients if name != client]
        row.trusted_clients = others if remove else [*others, client]
        trusted = list(row.trusted_clients)
        audit.record(work, "clients.trusted", clients=", ".join(trusted))
    if as_json:
        emit_json({"trusted_clients": trusted})
    else:
        say(f"Clients whose answers count: {', '.join(trusted) or 'none'}.")


@app.command("policy")
def policy_(
    max_per_plan: Annotated[int | None, typer.Option(min=1, help="Most recipients of one plan.")] = None,
    max_per_day: Annotated[int | None, typer.Option(min=1, help="Most recipients in 24 hours.")] = None,
    max_messages: Annotated[
        int, typer.Option(min=1, help="Most messages to one person: the first, and follow-ups.")
    ] = 1,
    channel: Annotated[list[Channel] | None, typer.Option(help="Channels covered; repeatable. Default: all.")] = None,
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "written at the command line",
    real: Annotated[bool, typer.Option("--real", help="Cover sends to real providers, not only the sandbox.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the policy.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the written policy; with both limits, write one that approves plans within them."""
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        if remove:
            policy.remove(work)
        elif max_per_plan and max_per_day:
            policy.write(
                work,
                PreApproval(
                    note=note,
                    written_by=person(),
                    written_at=work.now(),
                    channels=channel or list(Channel),
                    max_recipients_per_plan=max_per_plan,
                    max_recipients_per_day=max_per_day,
                    max_messages_per_recipient=max_messages,
                    sandbox_only=not real,
                ),
            )
        elif max_per_plan or max_per_day:
            msg = "A policy needs both --max-per-plan and --max-per-day; give the other one too."
            raise InvalidInput(msg)
        found = policy.read(work)
    if as_json:
        emit_json({"pre_approval": found.model_dump(mode="json") if found else None})
    elif found is None:
        say("There is no policy: every plan needs a person.")
    else:
        table("Policy", ("what", "value"), [(key, value) for key, value in found.model_dump(mode="json").items()])


def show_subject(shown: Subject) -> None:
    """Print what a person decides on as they should see it before."""
    if shown.plan is not None:
        say(f"{shown.title[:1].upper()}{shown.title[1:]}.")
    for line in shown.lines:
        say(line)
    why = f": {shown.approval.reason.rstrip('.')}" if shown.approval.reason else ""
    say(f"Content {shown.approval.content_hash}, approval {shown.approval.id} is {shown.approval.state}{why}.")


def _stands(asked: ListedApproval) -> str:
    return f"{asked.state}, but cannot be done" if asked.obstacle else asked.state


def _when(operation: OperationView) -> str:
    return f"at {operation.run_at:%Y-%m-%d %H:%M} UTC" if operation.run_at else "now"


def _decide(approval: str, *, approve: bool, reason: str | None, as_json: bool) -> None:
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        decided: ApprovalView = approvals.decide(
            work, approval, approve=approve, by=person(), via=Via.CLI, reason=reason
        )
        about = subject(work, approval)
        stopped = emergency.standing(work).stopped
    if as_json:
        emit_json(decided)
    else:
        if about.obstacle is not None:
            then = about.obstacle
        elif about.operation is None:
            then = "The campaign can be launched now."
        else:
            then = f"A worker does it {_when(about.operation)}."
        if stopped:
            then = "All sending is stopped: nothing is done before a person lifts that with `overture stop --lift`."
        say(f"{decided.id} is {decided.state}.{f' {then}' * approve}")
