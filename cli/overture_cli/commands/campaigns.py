"""`overture campaigns`: what became of campaigns."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.campaigns import service
from overture_core.campaigns.showing import explained
from overture_core.campaigns.status import CampaignStatus, status


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
    for title, counted in (("Skipped", found.skipped), ("Held", found.held), ("Waiting", found.waiting)):
        if counted:
            table(title, ("reason", "messages"), [(explained(reason), number) for reason, number in counted.items()])
    for advice in found.advice:
        say(advice)
    if found.next_at:
        say(f"The next message goes out at {found.next_at:%Y-%m-%d %H:%M} UTC.")
