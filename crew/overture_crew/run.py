"""Runs a crew from beginning to end. This is what the command line calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from overture_crew import engine
from overture_crew.brain_choice import RULES_PLANNER, BrainChoice
from overture_crew.brief import Brief
from overture_crew.client import CALL_S, McpSessions
from overture_crew.crews import IDEAL_CUSTOMER, REPLIES, Crew, named
from overture_crew.errors import BudgetSpent, CrewError
from overture_crew.report import CrewEvent, CrewReport
from overture_crew.runs import Run, RunStore
from overture_crew.sessions import Ask, Server
from overture_crew.steps import Teller
from overture_crew.waiting import Waiting


@dataclass(frozen=True, slots=True)
class CrewSetup:
    """Where the servers are, where the crew may write, and what thinks for it.

    `servers` needs those that the crew names; `ask` puts a server's question before a person; `log` takes what
    stdio servers write to stderr; a tool that has not answered after `call_s` seconds counts as lost.
    """

    servers: Mapping[str, Server]
    data_dir: Path
    ask: Ask | None = None
    log: Path | None = None
    brain: BrainChoice = field(default_factory=BrainChoice)
    call_s: float = CALL_S

    @property
    def runs(self) -> RunStore:
        """Where runs are kept."""
        return RunStore(self.data_dir / "runs")


def begin(setup: CrewSetup, crew: Crew, brief: Brief, *, anew: bool = False) -> Run:
    """Return the run to work on: the unfinished one with the same brief, or a new one.

    Raises:
        InvalidBrief: the brief lacks what this crew works on.
    """
    crew.check(brief)
    found = None if anew else setup.runs.unfinished(crew.name, brief)
    return found or setup.runs.begin(crew.name, brief, RULES_PLANNER if setup.brain.is_rules else "a model")


def work(
    setup: CrewSetup,
    run: Run,
    *,
    on_event: Callable[[CrewEvent], None],
    waiting: Waiting | None = None,
    import_path: Path | None = None,
) -> CrewReport:
    """Work on a run until its end, and return what came of it; what it did before is not done again.

    With `import_path`, that file of leads is imported first, through the leads server.

    Raises:
        CrewError: a server or model cannot be reached, a tool failed, or a write's outcome is unknown. The run is
            kept, and goes on from there the next time.
    """
    with setup.runs.held(run):
        run.phase, run.error = "working", None
        setup.runs.save(run)
        try:
            _work(setup, run, on_event, waiting or Waiting(), import_path)
        except BudgetSpent as error:
            run.report.ending, run.report.next_step = "over the budget", error.message
        except CrewError as error:
            run.phase, run.error = "failed", error.message
            setup.runs.save(run)
            raise
        run.phase = "waiting" if run.unfinished_ending else "ended"
        setup.runs.save(run)
    return run.report


def _work(
    setup: CrewSetup,
    run: Run,
    on_event: Callable[[CrewEvent], None],
    waiting: Waiting,
    import_path: Path | None,
) -> None:
    store, brief = setup.runs, run.brief
    teller = Teller(run, store, on_event)
    teller.tell("started", "Loading CrewAI")
    engine.prepare(setup.data_dir)
    from overture_crew.agents import Team
    from overture_crew.answering import Answering
    from overture_crew.brains import brain_for
    from overture_crew.campaign import Campaign
    from overture_crew.flow import CampaignFlow, ProfileFlow, RepliesFlow, run_flow
    from overture_crew.profiling import Profiling

    brain = brain_for(setup.brain, run, teller)
    run.report.brain = brain.name
    teller.tell("finished", f"Decisions by: {brain.name}")
    needed = named(run.crew).servers_for(brief)
    servers = {name: server for name, server in setup.servers.items() if name in needed}
    with closing(brain), McpSessions(servers, ask=setup.ask, log=setup.log, call_s=setup.call_s) as sessions:
        team = Team(sessions, brain, brief, teller, run.report.tool_errors.append)
        common = (sessions, run, store, teller)
        answering = Answering(*common, team, campaign=brief.campaign)
        if run.crew == REPLIES.name:
            run_flow(RepliesFlow, answering=answering)
        elif run.crew == IDEAL_CUSTOMER.name:
            run_flow(ProfileFlow, profiling=Profiling(*common, team))
        else:
            campaign = Campaign(*common, team, waiting)
            if import_path is not None:
                campaign.import_file(import_path)
            run_flow(CampaignFlow, campaign=campaign, answering=answering)


def run_crew(
    setup: CrewSetup,
    crew: str,
    brief: Brief,
    *,
    on_event: Callable[[CrewEvent], None],
    waiting: Waiting | None = None,
    import_path: Path | None = None,
) -> CrewReport:
    """Take up the unfinished run of a crew with this brief, or begin one, and work on it."""
    run = begin(setup, named(crew), brief)
    return work(setup, run, on_event=on_event, waiting=waiting, import_path=import_path)
