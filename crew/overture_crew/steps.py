"""What the steps of every crew share: calls, progress, and a state that is written down after each step.

A step that is done is not done again: a run that was killed begins with the first one that was not. Every write is
made by these steps, in plain code; no agent holds a tool that writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from overture_crew.answers import Role
from overture_crew.brief import Brief
from overture_crew.client import McpSessions
from overture_crew.report import CrewEvent, CrewReport, Ending, Step, StepTiming
from overture_crew.runs import Run, RunStore

LEADS = "leads"
MESSAGING = "messaging"
STRIPE = "stripe"
PAGE = 100

OnEvent = Callable[[CrewEvent], None]


class Teller:
    """Tells of a run's events: to its transcript and to whoever watches. Knows which step is under way."""

    def __init__(self, run: Run, store: RunStore, on_event: OnEvent) -> None:
        self._run = run
        self._store = store
        self._on_event = on_event
        self._began = time.monotonic()
        self.step: Step = "start"

    def tell(
        self,
        kind: Literal["started", "progress", "tool", "model", "finished"],
        text: str,
        *,
        agent: str | None = None,
        tokens: int | None = None,
        done: float | None = None,
        total: float | None = None,
    ) -> None:
        """Tell of a moment of the step that is under way."""
        event = CrewEvent(
            step=self.step,
            kind=kind,
            text=text,
            elapsed_s=round(time.monotonic() - self._began, 3),
            agent=agent,
            tokens=tokens,
            done=done,
            total=total,
        )
        self._store.note(self._run, event)
        self._on_event(event)


class Steps:
    """The steps of one run."""

    def __init__(self, sessions: McpSessions, run: Run, store: RunStore, teller: Teller) -> None:
        self._sessions = sessions
        self._run = run
        self._store = store
        self._teller = teller

    @property
    def brief(self) -> Brief:
        """What the person asked for."""
        return self._run.brief

    @property
    def report(self) -> CrewReport:
        """What the run found out so far."""
        return self._run.report

    def done(self, step: Step) -> bool:
        """Say whether a step is behind the run, in this process or in one before."""
        return step in self._run.done

    def call(self, server: str, tool: str, args: Mapping[str, Any], *, show: bool = False) -> dict[str, Any]:
        """Call a tool and return its result; with `show` its progress is told.

        Raises:
            CrewError: the tool answered with an error, or the server is away.
        """

        def progress(done: float, total: float | None, message: str | None) -> None:
            if show:
                self._teller.tell("progress", message or "", done=done, total=total)

        return self._sessions.call(server, tool, args, progress).result(tool)

    def save(self) -> None:
        """Write the state down."""
        self._store.save(self._run)

    def end(self, ending: Ending, next_step: str) -> None:
        """Say how the run ends, and what a person can do now."""
        self.report.ending = ending
        self.report.next_step = next_step

    @contextmanager
    def step(self, step: Step, sentence: str, *, agent: Role | None = None, again: bool = False) -> Iterator[list[str]]:
        """Tell of a step's start and end, time it and write down that it is done; `again`: the next run repeats it.

        The block appends the sentence to end with.
        """
        began = time.monotonic()
        closing: list[str] = []
        self._teller.step = step
        self._teller.tell("started", sentence, agent=agent)
        try:
            yield closing
        finally:
            self.report.steps.append(StepTiming(step=step, seconds=round(time.monotonic() - began, 3)))
        if not again:
            self._run.done.append(step)
        self.save()
        self._teller.tell("finished", "; ".join(closing))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun; `plural` is the noun with an s, where nothing else is said."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
