"""`overture simulate`: what a campaign would do, hour by hour, before it does."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from typing import Annotated

import anyio
import structlog
import typer

from overture_cli.context import open_store
from overture_cli.output import JsonFlag, emit_json, progress_console, say, table
from overture_core.campaigns.showing import explained
from overture_core.campaigns.timeline import Timeline

_WHAT = ("accepted", "delivered", "replied", "bounced", "complained", "failed", "held", "skipped", "cancelled")


def simulate(
    campaign: Annotated[str, typer.Argument(help="Name or id of a planned or running campaign.", show_default=False)],
    days: Annotated[int, typer.Option(min=1, max=365, help="Days to simulate at most.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Of how leads behave; the same seed, the same timeline.")] = 1,
    entries: Annotated[int, typer.Option(min=0, help="Entries of the timeline to print.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Run a campaign on a copy, with the sandbox and a clock that jumps. Nothing is sent and nothing is changed.

    A plan that waits for approval is taken as approved. How leads react is invented, as in the sandbox.
    """
    # Only here: the worker's engine is slow to load, and every command would wait for it.
    from overture_worker.simulation.engine import simulate as run

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with open_store() as store, progress_console.status("Copying the workspace") as shown:

        def progress(at: datetime) -> None:
            shown.update(f"Simulated until {at:%Y-%m-%d %H:%M} UTC")

        simulated = partial(run, seed=seed, days=days, most=entries, progress=progress)
        found = anyio.run(simulated, store, store.settings.workspace, campaign)
    emit_json(found) if as_json else _show(found, days)


def _show(found: Timeline, days: int) -> None:
    if not found.totals:
        say(f"The campaign {found.campaign} would do nothing within {days} days.")
        return
    seen = [each for each in _WHAT if each in found.totals] + sorted(set(found.totals) - set(_WHAT))
    rows = [(f"{each.hour:%m-%d %H}:00", *(each.counts.get(what, 0) for what in seen)) for each in found.hours]
    rows.append(("in all", *(found.totals[what] for what in seen)))
    table(f"What {found.campaign} would do", ("hour (UTC)", *seen), rows)
    if found.blocked:
        blocked = sorted(found.blocked.items(), key=lambda each: -each[1])
        table(
            "Held, skipped or cancelled",
            ("reason", "messages", "the lead"),
            [(reason, number, explained(reason)) for reason, number in blocked],
        )
    if found.entries:
        table(
            "The first messages",
            ("at (UTC)", "lead", "step", "channel", "what", "reason"),
            [
                (f"{each.at:%m-%d %H:%M}", each.lead_id, each.step, each.channel, each.what, each.reason)
                for each in found.entries
            ],
        )
    if found.sms_cost:
        say(f"SMS would cost about {found.sms_cost}.")
    say(f"In the end the campaign is {found.state}. Nothing was sent or changed; how leads react is invented.")
