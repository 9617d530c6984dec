"""Runs a campaign's crew from beginning to end. This is what the command line calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from overture_crew import engine
from overture_crew.brief import Brief
from overture_crew.client import McpSessions
from overture_crew.journey import Journey, Waiting
from overture_crew.notes import Notes
from overture_crew.report import CrewEvent, CrewReport
from overture_crew.sessions import Ask, Server


@dataclass(frozen=True, slots=True)
class CrewSetup:
    """Where the servers are and where the crew may write.

    `servers` needs the names "leads" and "messaging"; `ask` puts a server's question before a person;
    `log` takes what stdio servers write to stderr; `native` chooses CrewAI's native tool calls over text.
    """

    servers: Mapping[str, Server]
    data_dir: Path
    ask: Ask | None = None
    log: Path | None = None
    native: bool = field(default=True)


def run_campaign(
    setup: CrewSetup,
    brief: Brief,
    *,
    on_event: Callable[[CrewEvent], None],
    wait_s: float = 60.0,
    quiet_s: float = 2.0,
    import_path: Path | None = None,
) -> CrewReport:
    """Run the brief's campaign and return what came of it; blocks until its end.

    With `import_path`, that file of leads is imported first, through the leads server. A run that ends
    "waiting for approval" goes on when it is run again with the same brief after the approval.

    Args:
        wait_s: seconds to wait for a launched campaign to go out.
        quiet_s: seconds without a change, after which a campaign that is done counts as over.

    Raises:
        CrewError: a server cannot be reached, a tool failed, or a write's outcome is unknown.
    """
    engine.prepare(setup.data_dir)
    from overture_crew.brains import RulesBrain
    from overture_crew.flow import CrewAdvisers, run_flow

    brain = RulesBrain(native=setup.native)
    errors: list[str] = []
    with McpSessions(setup.servers, ask=setup.ask, log=setup.log) as sessions:
        advisers = CrewAdvisers(sessions, brain, brief, errors.append)
        journey = Journey(
            sessions,
            advisers,
            brief,
            brain=brain.name,
            on_event=on_event,
            waiting=Waiting(deadline_s=wait_s, quiet_s=quiet_s),
            notes=Notes(setup.data_dir / "crew"),
        )
        if import_path is not None:
            journey.import_file(import_path)
        run_flow(journey)
        journey.report.tool_errors = errors
        return journey.report
