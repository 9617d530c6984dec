"""`overture campaigns`: what became of campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from overture_cli.context import open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.campaigns import service
from overture_core.campaigns.showing import explained
from overture_core.campaigns.status import CampaignStatus, StepStatus, status


def campaigns(
    campaign: Annotated[str | None, typer.Argument(help="Name or id; without it, all are listed.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the campaigns, or show what became of one."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        if campaign is not None:
            found = status(work, campaign)
            emit_json(found) if as_json else show_status(found)
            return
        listed = service.list_(work)
    if as_json:
        emit_json(listed)
        return
    if not listed:
        say("There are no campaigns yet; plan one by the tool messaging_plan_campaign, or run `overture demo`.")
        return
    rows = [(each.campaign, each.state, each.messages, f"{each.created_at:%Y-%m-%d %H:%M} UTC") for each in listed]
    table("Campaigns", ("name", "state", "messages", "created"), rows)


def show_status(found: CampaignStatus) -> None:
    """Print a campaign's status."""
    say(f"Campaign {found.campaign} is {found.state}{' (sandbox: nobody outside was contacted)' * found.sandbox}.")
    rows = [
        (channel, state, number) for channel, states in found.by_channel.items() for state, number in states.items()
    ]
    table("Messages", ("channel", "state", "messages"), rows)
    say(
        f"Accepted {found.accepted}, delivered {found.delivered}, opened {found.opened}, clicked {found.clicked}; "
        f"{found.replied} answered, {found.stopped} asked to stop."
    )
    _show_steps(found.steps)
    groups = {
        "Skipped": found.skipped,
        "Held": found.held,
        "Waiting": found.waiting,
        "Called off": found.cancelled,
        "Refused": found.failed,
    }
    for title, counted in groups.items():
        if counted:
            table(title, ("reason", "messages"), [(explained(reason), number) for reason, number in counted.items()])
    for advice in found.advice:
        say(advice)
    if found.next_at:
        say(f"The next message goes out at {found.next_at:%Y-%m-%d %H:%M} UTC.")
    if found.follow_ups_left:
        say("Some who got a message may still get a follow-up.")


def _show_steps(steps: Sequence[StepStatus]) -> None:
    """Print what came of each step and variant, where there are several of either."""
    if not steps:
        return
    counted = [(each.step, each.accepted, each.replied, each.passed_over) for each in steps]
    table("Steps", ("step", "accepted", "answered", "passed over"), counted)
    variants = [
        (
            *(each.step, of.channel, f"{of.template} v{of.version}{' (winner)' * of.winner}"),
            *(of.accepted, of.opened, of.clicked, of.replied),
        )
        for each in steps
        for of in each.variants
    ]
    columns = ("step", "channel", "template", "accepted", "opened", "clicked", "answered")
    table("Templates of each step", columns, variants)
