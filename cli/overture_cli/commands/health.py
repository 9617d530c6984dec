"""`overture health` and `overture resume`: how delivery stands, and sending again after a pause."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import BaseModel

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.health import senders, service
from overture_core.health.thresholds import percent


class Resumed(BaseModel):
    """A campaign that runs again."""

    campaign: str
    state: str


class SenderResumed(BaseModel):
    """A sender that may send again."""

    sender: str


def health(as_json: JsonFlag = False) -> None:
    """Show bounce and complaint rates of e-mail in the last 7 days, and what to do about them."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = service.report(work)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            *(each.kind, each.name, each.accepted),
            *(percent(each.bounced, each.accepted), percent(each.complained, each.accepted), each.level),
        )
        for each in found.rates
    ]
    table("Delivery health", ("of", "name", "accepted", "bounces", "complaints", "level"), rows)
    for each in found.paused:
        say(f"{each.campaign} is paused. {each.reason}")
    for rates in found.rates:
        if rates.next:
            say(f"{rates.kind} {rates.name}: {' '.join(rates.next)}")


def resume(
    campaign: Annotated[str | None, typer.Argument(help="Name or id.")] = None,
    sender: Annotated[str | None, typer.Option("--sender", help="An e-mail sender's address, instead.")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Although its rates are still over a limit.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a paused campaign, or a sender that is over a limit, send again."""
    if (campaign is None) == (sender is None):
        msg = "Name a campaign, or a sender with --sender."
        raise InvalidInput(msg)
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        resumed: Resumed | SenderResumed
        if sender is not None:
            resumed = SenderResumed(sender=senders.resume(work, sender, anyway=anyway).address)
            said = f"{resumed.sender} may send; resume its campaigns one by one."
        else:
            row = service.resume(work, campaign or "", anyway=anyway)
            resumed = Resumed(campaign=row.name, state=row.state)
            said = f"{resumed.campaign} is {resumed.state}."
    emit_json(resumed) if as_json else say(said)
