"""`overture messages ...`: messages one by one, and settling those whose outcome nobody knows."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from overture_cli.context import actor, open_store, person
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.messages import reconciling, showing
from overture_core.messages.reconciling import Resolution
from overture_core.messages.showing import MessageStory
from overture_core.messages.states import State
from overture_core.storage.store import Work
from overture_core.text import quantity

app = typer.Typer(help="Look at single messages; settle those whose outcome is unknown.", no_args_is_help=True)
CampaignOption = Annotated[str | None, typer.Option(help="Name or id of a campaign.")]
_MEANING = {
    Resolution.ACCEPTED: "they count as sent, and are never sent again",
    Resolution.FAILED: "they count as not sent, and are still not sent again by themselves",
}


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only messages in this state.")] = None,
    campaign: CampaignOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Most messages to list.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """List messages, the oldest first."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = showing.list_(work, state=state, campaign=campaign, limit=limit)
        every = showing.count(work, state=state, campaign=campaign)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            *(each.id, each.campaign, each.channel, each.address, each.state, each.reason),
            *(f"{each.since:%m-%d %H:%M} UTC", f"{each.due_at:%m-%d %H:%M} UTC" if each.due_at else None),
        )
        for each in found
    ]
    table("Messages", ("id", "campaign", "channel", "to", "state", "reason", "since", "due"), rows)
    if every > len(found):
        say(f"These are {len(found)} of {every}; --limit shows more.")


@app.command()
def show(
    message: Annotated[str, typer.Argument(help="The message's id.", show_default=False)], as_json: JsonFlag = False
) -> None:
    """Show everything that happened to one message, and why."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = showing.get(work, message)
    emit_json(found) if as_json else _show_story(found)


@app.command()
def resolve(
    outcome: Annotated[Resolution, typer.Option("--as", help="What became of it.", show_default=False)],
    message: Annotated[str | None, typer.Argument(help="The message's id.", show_default=False)] = None,
    campaign: Annotated[
        str | None, typer.Option(help="Settle every unknown message of this campaign (name or id) instead.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="How you know, for the record.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what became of messages whose outcome is unknown, e.g. by the provider's console. Nothing is sent."""
    if (message is None) == (campaign is None):
        msg = "Give either a message's id or --campaign; `overture messages list --state unknown` shows both."
        raise InvalidInput(msg)
    with open_store() as store:
        with store.read(store.settings.workspace) as work:
            found = _to_settle(work, message, campaign)
        if found and not yes:
            _confirm(len(found), outcome, as_json=as_json)
        with store.begin(store.settings.workspace, actor=actor()) as work:
            if message is not None:
                reconciling.resolve(work, message, outcome, by=person(), note=note)
                settled = found
            else:
                settled = reconciling.resolve_all(work, found, outcome, by=person(), note=note)
    if as_json:
        emit_json({"outcome": outcome.value, "settled": settled})
    else:
        rest = len(found) - len(settled)
        others = f" {_messages(rest)} had been settled meanwhile." if rest else ""
        say(f"{_messages(len(settled))} settled as {outcome.value}.{others}")


def _to_settle(work: Work, message: str | None, campaign: str | None) -> list[str]:
    if message is not None:
        reconciling.require_unknown(work, message)
        return [message]
    return [each.id for each in showing.list_(work, state=State.UNKNOWN, campaign=campaign)]


def _confirm(number: int, outcome: Resolution, *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        msg = f"{_messages(number)} would be settled as {outcome.value}: {_MEANING[outcome]}; add --yes to do so."
        raise InvalidInput(msg)
    say(f"{_messages(number)} will be settled as {outcome.value}: {_MEANING[outcome]}. This cannot be undone.")
    typer.confirm("Settle?", abort=True)


def _messages(number: int) -> str:
    return quantity(number, "message")


def _show_story(found: MessageStory) -> None:
    of_campaign = f" of campaign {found.campaign}" if found.campaign else ""
    say(f"Message {found.id}{of_campaign}: {found.channel} to {found.address}, {found.state}.")
    if found.reason:
        say(f"Reason: {found.reason}.")
    if found.due_at:
        say(f"Due: {found.due_at:%Y-%m-%d %H:%M} UTC.")
    if found.provider_id:
        say(f"{found.provider} has it as {found.provider_id}.")
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M:%S} UTC", each.from_state, each.to_state, each.cause, each.detail)
        for each in found.events
    ]
    table("What happened", ("when", "from", "to", "cause", "detail"), rows)
