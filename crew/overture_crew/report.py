"""What a run shows while it works, and what it hands back at its end."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

Step = Literal["import", "segment", "write", "save", "review", "plan", "launch", "follow", "replies"]
Ending = Literal[
    "finished", "waiting for approval", "still sending", "rejected in review", "over the limit", "not launched"
]


class CrewEvent(BaseModel):
    """A moment of a run, for a progress display. `done` and `total` are given where they can be counted."""

    step: Step
    kind: Literal["started", "progress", "finished"]
    text: str
    elapsed_s: float
    done: float | None = None
    total: float | None = None


class StepTiming(BaseModel):
    """How long a step took."""

    step: Step
    seconds: float


class Template(BaseModel):
    """A message as drafted, with its fields still open. `subject` is for e-mail only."""

    channel: Literal["email", "sms"]
    name: str
    subject: str | None = None
    body: str


class CrewReport(BaseModel):
    """What a run did. The servers' answers are given as they came; reply texts, which are not to be trusted,
    are counted and left out."""

    brain: str = Field(description="What made the agents' decisions.")
    campaign: str
    ending: Ending
    next_step: str = Field(description="What a person can do now.")
    imported: dict[str, Any] | None = None
    segment: dict[str, Any] | None = None
    reasons: dict[str, str] = Field(default_factory=dict, description="Why, in the agents' words, by role.")
    templates: list[Template] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list, description="What the review found.")
    plan: dict[str, Any] | None = None
    approval_id: str | None = None
    launch: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    replies_by_intent: dict[str, int] = Field(default_factory=dict)
    tool_errors: list[str] = Field(default_factory=list, description="Errors that agents' tools answered with.")
    steps: list[StepTiming] = Field(default_factory=list)
