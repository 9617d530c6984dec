"""What the crew's client is told and answers: servers, questions to a person, tools and their outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from overture_crew.errors import ToolFailed

Progress = Callable[[float, float | None, str | None], None]
"""Called with how much is done, how much there is (if known) and a sentence (if any)."""


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server to start as a child process. A child inherits next to nothing, so `env` carries its settings."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A server that runs already, reached by Streamable HTTP; `token` goes out as a bearer token."""

    url: str
    token: str | None = field(default=None, repr=False)


Server = StdioServer | HttpServer


@dataclass(frozen=True, slots=True)
class Question:
    """What a server asks of a person while a tool runs (elicitation). `schema` describes the form to fill in."""

    server: str
    message: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The person's answer. `content` fits the question's schema and counts only with `accept`."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, str | int | float | bool | list[str] | None] = field(default_factory=dict)


Ask = Callable[[Question], Answer]
"""Puts a question before a person. Runs in a thread of its own, so it may block on a terminal."""


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as its server lists it. `repeatable`: a second call does no harm, by the tool's own annotations."""

    name: str
    description: str
    schema: Mapping[str, Any]
    read_only: bool
    repeatable: bool


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a tool answered: its structured result (empty for an error), its text, and whether it is an error."""

    structured: Mapping[str, Any]
    text: str
    is_error: bool

    def result(self, tool: str) -> dict[str, Any]:
        """Return the structured result.

        Raises:
            ToolFailed: the tool answered with an error; its text says what to do.
        """
        if self.is_error:
            raise ToolFailed(self.text or f"{tool} failed without saying why; look at its server's log.")
        return dict(self.structured)
