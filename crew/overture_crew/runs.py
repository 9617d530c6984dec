"""Runs are kept, so that one that was killed goes on where it was, and so that people can read what happened.

A run is a folder: `run.json` is its state, written whole after every step, and `transcript.jsonl` its events in
order. No text that a lead wrote is kept, and no address: replies and leads stand there by their ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field, ValidationError
from ulid import ULID

from overture_crew.brief import Brief
from overture_crew.errors import RunBusy, RunNotFound
from overture_crew.report import UNFINISHED, CrewEvent, CrewReport, Handled, Step

Phase = Literal["working", "waiting", "ended", "failed"]
_KEPT_OUT = {"samples"}  # of a plan: they hold addresses


class Run(BaseModel):
    """The state of a run. `phase` "working" without a process that works on it means that it was killed."""

    id: str
    crew: str
    brief: Brief
    began_at: datetime
    changed_at: datetime
    phase: Phase = "working"
    error: str | None = None
    done: list[Step] = Field(default_factory=list)
    plan_before: str | None = Field(
        default=None, description="The campaign's plan before this run planned, noted first: another one then is ours."
    )
    report: CrewReport

    @property
    def launched(self) -> bool:
        """Whether its campaign was launched."""
        return "launch" in self.done

    @property
    def unfinished_ending(self) -> bool:
        """Whether its ending leaves something to come back for."""
        return self.report.ending in UNFINISHED

    @property
    def unfinished(self) -> bool:
        """Whether the same run can go on."""
        return self.phase in ("working", "failed") or self.unfinished_ending


class RunStore:
    """All runs, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, crew: str, brief: Brief, brain: str) -> Run:
        """Make a new run."""
        now = datetime.now(UTC)
        run_id = f"run_{str(ULID()).lower()}"
        report = CrewReport(
            brain=brain,
            campaign=brief.campaign,
            ending="not launched",
            next_step="Run the crew again.",
            run=run_id,
            handled=self.handled(brief.campaign),
        )
        run = Run(id=run_id, crew=crew, brief=brief, began_at=now, changed_at=now, report=report)
        self.save(run)
        return run

    def save(self, run: Run) -> None:
        """Write a run down, whole or not at all."""
        run.changed_at = datetime.now(UTC)
        place = self._folder / run.id
        place.mkdir(parents=True, exist_ok=True)
        plan = run.report.plan and {key: value for key, value in run.report.plan.items() if key not in _KEPT_OUT}
        kept = run.model_copy(update={"report": run.report.model_copy(update={"plan": plan})})
        unfinished = place / "run.new"
        unfinished.write_text(kept.model_dump_json(indent=1), encoding="utf-8")
        unfinished.replace(place / "run.json")

    def note(self, run: Run, event: CrewEvent) -> None:
        """Append an event to a run's transcript."""
        with (self._folder / run.id / "transcript.jsonl").open("a", encoding="utf-8") as transcript:
            transcript.write(event.model_dump_json(exclude_none=True) + "\n")

    def get(self, run_id: str) -> Run:
        """Return a run by its id, or by the beginning of its id if that is the only one.

        Raises:
            RunNotFound: there is none, or its file is damaged.
        """
        found = sorted(path.parent.name for path in self._folder.glob("run_*/run.json"))
        fitting = [name for name in found if name == run_id or name.startswith(run_id)]
        if len(fitting) != 1:
            which = "There is no run" if not fitting else f"{len(fitting)} runs begin with"
            msg = f"{which} {run_id!r}; `overture crew runs` lists them."
            raise RunNotFound(msg)
        run = self._read(self._folder / fitting[0])
        if run is None:
            msg = f"The state of the run {fitting[0]} cannot be read; start a new one with `overture crew run`."
            raise RunNotFound(msg)
        return run

    def all(self) -> list[Run]:
        """Return all runs, the newest first."""
        found = [self._read(path.parent) for path in self._folder.glob("run_*/run.json")]
        return sorted((run for run in found if run is not None), key=lambda run: run.id, reverse=True)

    def unfinished(self, crew: str, brief: Brief) -> Run | None:
        """Return the newest run of a crew with exactly this brief, if it can go on."""
        same = [run for run in self.all() if run.crew == crew and run.brief.digest == brief.digest]
        return same[0] if same and same[0].unfinished else None

    def transcript(self, run: Run) -> list[CrewEvent]:
        """Return a run's events; a line that was cut by a kill is left out."""
        try:
            lines = (self._folder / run.id / "transcript.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [event for event in map(_event, lines) if event is not None]

    @contextmanager
    def held(self, run: Run) -> Iterator[None]:
        """Keep other processes from working on the run meanwhile; a killed process holds it no longer.

        Raises:
            RunBusy: another one works on it.
        """
        try:
            with FileLock(self._folder / run.id / "lock", timeout=0):
                yield
        except Timeout as error:
            msg = f"The run {run.id} is being worked on by another process; wait for its end, or stop it."
            raise RunBusy(msg) from error

    def handled(self, campaign: str) -> dict[str, Handled]:
        """Return what runs did so far about the campaign's replies, so that nobody is answered by two of them."""
        found: dict[str, Handled] = {}
        for run in sorted(self.all(), key=lambda each: each.changed_at):  # a run may go on after a later one began
            if run.brief.campaign == campaign:
                found |= run.report.handled
        return found

    def _read(self, place: Path) -> Run | None:
        try:
            return Run.model_validate_json((place / "run.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None


def _event(line: str) -> CrewEvent | None:
    try:
        return CrewEvent.model_validate_json(line)
    except ValidationError:
        return None


def still_open(run: Run, status: dict[str, Any]) -> bool:
    """Say whether a campaign's status has the run's plan as the one that is open or was launched."""
    return bool(run.report.plan) and status.get("plan_id") == (run.report.plan or {}).get("plan_id")
