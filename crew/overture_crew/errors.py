"""What can go wrong in a crew's run. The crew knows only MCP, so its errors are its own, not core's.

A class's docstring is its default message; `code` is the stable name that programs match on.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class CrewError(Exception):
    """The crew's run did not work."""

    code: ClassVar[str] = "crew"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.getdoc(type(self)) or self.code)

    @property
    def message(self) -> str:
        """One sentence: what went wrong and what to do next."""
        return str(self)


class InvalidBrief(CrewError):
    """The brief is not usable."""

    code = "invalid_brief"


class ServerUnavailable(CrewError):
    """The MCP server cannot be reached; nothing was asked of it. Start it, then run again."""

    code = "server_unavailable"


class OutcomeUnknown(CrewError):
    """The connection was lost during a write: it may have happened. Look at the status before you repeat it."""

    code = "outcome_unknown"


class ToolFailed(CrewError):
    """A tool answered with an error."""

    code = "tool_failed"


class BadAnswer(CrewError):
    """An agent's answer is not what was asked for."""

    code = "bad_answer"


class EngineMissing(CrewError):
    """CrewAI is not installed; run from a clone of the project with `uv run overture demo`, which installs it."""

    code = "engine_missing"


class RunNotFound(CrewError):
    """There is no such run."""

    code = "run_not_found"


class RunBusy(CrewError):
    """Another process works on the run."""

    code = "run_busy"


class BrainUnavailable(CrewError):
    """No model answers; start it, or use `--brain rules`."""

    code = "brain_unavailable"


class BudgetSpent(CrewError):
    """The run's budget for models is spent."""

    code = "budget_spent"


class NoSuchCrew(CrewError):
    """There is no such crew."""

    code = "no_such_crew"


class ModelFailed(CrewError):
    """The model did not answer."""

    code = "model_failed"
