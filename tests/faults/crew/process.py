"""The crew's process, which is killed. A fork server that has loaded CrewAI once makes each in no time."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from multiprocessing.context import ForkServerContext
from pathlib import Path

from overture_crew import engine
from overture_crew.brain_choice import BrainChoice
from overture_crew.brief import Brief
from overture_crew.errors import CrewError
from overture_crew.report import CrewEvent
from overture_crew.run import CrewSetup, run_crew
from overture_crew.sessions import HttpServer
from overture_crew.waiting import Waiting

ENDING = "ending"
LAUNCHED = "launched"  # a file: when it is there, the model fails from the launch on
LOADED = "OVERTURE_TEST_LOADS_CREWAI"
CALL_S = 6.0  # how long a tool's answer is waited for


def context() -> ForkServerContext:
    """Return what starts crews' processes."""
    os.environ[LOADED] = tempfile.mkdtemp(prefix="overture-crewai-")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


def work(folder: Path, url: str, crew: str, brief: Brief, brain: BrainChoice) -> None:
    """Do what `overture crew run` does, and leave how it ended in `folder`."""

    def fail_from_the_launch_on(event: CrewEvent) -> None:
        if (event.step, event.kind) == ("launch", "finished") and (folder / LAUNCHED).exists():
            (folder / LAUNCHED).unlink()
            (folder / "fail").write_text("99")

    servers = {name: HttpServer(f"{url}/{name}/mcp") for name in ("leads", "messaging")}
    setup = CrewSetup(servers, folder / "crew", brain=brain, call_s=CALL_S)
    try:
        waiting = Waiting(deadline_s=30, quiet_s=1.5)
        report = run_crew(setup, crew, brief, on_event=fail_from_the_launch_on, waiting=waiting)
        (folder / ENDING).write_text(report.ending)
    except CrewError as error:
        (folder / ENDING).write_text(error.message)


if LOADED in os.environ:
    engine.prepare(Path(os.environ[LOADED]))
