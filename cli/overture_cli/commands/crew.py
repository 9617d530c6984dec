"""`overture crew ...`: crews of agents that plan campaigns, and the runs they leave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.errors import InvalidInput
from overture_core.settings import Settings
from overture_crew.brief import Tone
from overture_crew.crews import CREWS, named
from overture_crew.report import CrewReport
from overture_crew.run import CrewSetup, begin, work
from overture_crew.runs import Run
from overture_crew.waiting import Waiting

app = typer.Typer(help="Crews: agents that plan campaigns and handle replies, over MCP.", no_args_is_help=True)

# A run that did nothing because of what it was given is no success to a program.
EXIT_CODES = {
    "waiting for approval": 4,
    "rejected in review": 2,
    "over the limit": 2,
    "over the budget": 2,
    "not launched": 2,
}
FOLDER = "crew"

RunId = Annotated[str, typer.Argument(help="A run's id, or its beginning.", show_default=False)]
Brain = Annotated[
    str | None,
    typer.Option(help="What thinks: rules, an endpoint such as http://127.0.0.1:11434/v1, or provider/model."),
]
Model = Annotated[str | None, typer.Option(help="The endpoint's model, where it has several.")]
Url = Annotated[str | None, typer.Option(help="Where `overture up` serves; without it the crew starts the servers.")]
Asks = Annotated[bool, typer.Option("--ask", help="Put questions of approval before you at this terminal.")]
WaitS = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for a launched campaign.")]


@app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """List the crews, with what each does and may change."""
    listed = CREWS.values()
    if as_json:
        emit_json(
            {name: {"does": each.does, "agents": each.agents, "writes": each.writes} for name, each in CREWS.items()}
        )
        return
    rows = [(each.name, each.does, each.agents, each.writes) for each in listed]
    table("Crews", ("name", "what it does", "agents", "what it writes"), rows)
    say("Run one: overture crew run NAME --brief FILE. A brief to start from: overture crew example > brief.yaml")


@app.command()
def example() -> None:
    """Print a brief to start from, in YAML."""
    from overture_cli.crew.briefing import EXAMPLE

    sys.stdout.write(EXAMPLE)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The crew, as `overture crew list` names it.", show_default=False)],
    brief: Annotated[Path | None, typer.Option("--brief", help="The brief, in YAML or JSON.")] = None,
    campaign: Annotated[str | None, typer.Option(help="The campaign's name.")] = None,
    goal: Annotated[str | None, typer.Option(help="What the campaign is for.")] = None,
    offer: Annotated[str | None, typer.Option(help="What it offers.")] = None,
    sender: Annotated[str | None, typer.Option(help="Who writes.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="email or sms, in order; repeat for both.")] = None,
    tone: Annotated[Tone | None, typer.Option(help="Of the messages.")] = None,
    dormant_days: Annotated[int | None, typer.Option(min=0, help="Least days since the last activity.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="Only leads there; repeat for several.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only leads with this tag; repeat for several.")] = None,
    max_recipients: Annotated[int | None, typer.Option(min=1, help="Most recipients of the plan.")] = None,
    leads: Annotated[Path | None, typer.Option("--leads", help="A file of leads to import first.")] = None,
    brain: Brain = None,
    model: Model = None,
    url: Url = None,
    ask: Asks = False,
    new: Annotated[bool, typer.Option("--new", help="Begin anew, even if a run with this brief can go on.")] = False,
    wait_s: WaitS = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print events and the report as JSON lines.")] = False,
) -> None:
    """Run a crew. A run that was killed, or waits for an approval, goes on where it was: run the same brief again."""
    from overture_cli.crew import servers
    from overture_cli.crew.briefing import read_brief

    crew = named(name)
    options = {
        "campaign": campaign,
        "goal": goal,
        "offer": offer,
        "sender_name": sender,
        "channels": channel,
        "tone": tone,
        "audience.dormant_days_min": dormant_days,
        "audience.countries": country,
        "audience.tags": tag,
        "limits.max_recipients": max_recipients,
    }
    asked = read_brief(brief, {field: value for field, value in options.items() if value is not None})
    setup = _setup(brain, model, url)
    if leads is not None and url is None:
        servers.require_importable(Settings(), leads.resolve())
    found = begin(setup, crew, asked, anew=new)
    _work(setup, found, ask=ask, as_json=as_json, waiting=Waiting(wait_s), import_path=leads and leads.resolve())


@app.command()
def resume(
    run_id: RunId,
    brain: Brain = None,
    model: Model = None,
    url: Url = None,
    ask: Asks = False,
    wait_s: WaitS = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print events and the report as JSON lines.")] = False,
) -> None:
    """Go on with a run: after an approval, after a kill, or to see how a campaign went."""
    setup = _setup(brain, model, url)
    _work(setup, setup.runs.get(run_id), ask=ask, as_json=as_json, waiting=Waiting(wait_s))


@app.command()
def runs(as_json: JsonFlag = False) -> None:
    """List the runs, the newest first."""
    found = _setup(None, None, None).runs.all()
    if as_json:
        emit_json({"runs": [each.model_dump(mode="json", exclude={"report", "brief"}) for each in found]})
        return
    rows = [
        (each.id, each.crew, each.brief.campaign, _standing(each), f"{each.began_at:%Y-%m-%d %H:%M}") for each in found
    ]
    table("Runs", ("id", "crew", "campaign", "how it stands", "begun (UTC)"), rows)


@app.command()
def show(run_id: RunId, as_json: JsonFlag = False) -> None:
    """Show a run: its agents' reasons, its drafts, every step and call, and what came of it."""
    from overture_cli.crew.showing import show_run

    store = _setup(None, None, None).runs
    found = store.get(run_id)
    events = store.transcript(found)
    if as_json:
        kept = found.model_dump(mode="json")
        emit_json({"run": kept, "transcript": [each.model_dump(mode="json", exclude_none=True) for each in events]})
    else:
        show_run(found, events)


def _setup(brain: str | None, model: str | None, url: str | None) -> CrewSetup:
    from overture_cli.crew import servers

    settings = Settings()
    folder = settings.data_dir / FOLDER / settings.workspace
    return CrewSetup(
        servers=servers.servers(settings, url),
        data_dir=folder,
        log=folder / "servers.log",
        brain=servers.brain(settings, brain, model),
    )


def _work(
    setup: CrewSetup,
    found: Run,
    *,
    ask: bool,
    as_json: bool,
    waiting: Waiting,
    import_path: Path | None = None,
) -> None:
    from overture_cli.asking import Terminal
    from overture_cli.crew.watching import watcher
    from overture_cli.crew.working import in_thread
    from overture_cli.stopping import Stop

    if ask and as_json:
        msg = "--ask needs a person and --json a program; leave one of them out."
        raise InvalidInput(msg)
    if found.done and not as_json:
        say(f"Going on with the run {found.id}, after its step {found.done[-1]}.")
    setup.data_dir.mkdir(parents=True, exist_ok=True)
    with Stop() as stop, watcher(as_json=as_json, asks=ask) as tell:
        asking: dict[str, Any] = {"ask": Terminal(stop).ask} if ask else {}
        whole = CrewSetup(setup.servers, setup.data_dir, log=setup.log, brain=setup.brain, **asking)
        report = in_thread(lambda: work(whole, found, on_event=tell, waiting=waiting, import_path=import_path), stop)
    _tell(report, as_json=as_json)
    raise typer.Exit(EXIT_CODES.get(report.ending, 0))


def _tell(report: CrewReport, *, as_json: bool) -> None:
    from overture_cli.crew.showing import show_report

    if as_json:
        sys.stdout.write(json.dumps({"report": report.model_dump(mode="json")}, ensure_ascii=False) + "\n")
    else:
        show_report(report)


def _standing(run: Run) -> str:
    if run.error:
        return f"stopped: {run.error}"
    return "cut off, or at work" if run.phase == "working" else run.report.ending
