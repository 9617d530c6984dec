"""What a run shows while it works, and what it hands back at its end."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from overture_crew.brief import Channel

Step = Literal[
    "start",
    "import",
    "segment",
    "write",
    "save",
    "review",
    "plan",
    "launch",
    "follow",
    "replies",
    "answer",
    "learn",
    "profile",
]
Ending = Literal[
    "finished",
    "waiting for approval",
    "still sending",
    "rejected in review",
    "over the limit",
    "over the budget",
    "not launched",
]
Label = Literal["interested", "not_now", "question", "wrong_person", "stop", "out_of_office", "bounce", "other"]
"""What a reply wants, as the messaging server has it."""
Action = Literal["payment link", "booking link", "answer", "refusal", "left to a person"]
UNFINISHED: frozenset[Ending] = frozenset({"waiting for approval", "still sending"})
"""Endings after which the same run can go on."""


class CrewEvent(BaseModel):
    """A moment of a run, for a progress display. `done` and `total` are given where they can be counted.

    `tool` tells of a tool that an agent called, `model` of an answer of its model, with the tokens that it took.
    """

    step: Step
    kind: Literal["started", "progress", "tool", "model", "finished"]
    text: str
    elapsed_s: float
    agent: str | None = None
    tokens: int | None = None
    done: float | None = None
    total: float | None = None


class StepTiming(BaseModel):
    """How long a step took."""

    step: Step
    seconds: float


class Template(BaseModel):
    """A message as drafted, with its fields still open. `subject` is for e-mail only; `name` is the flow's to give."""

    channel: Channel
    step: int = 1
    variant: int = 1
    name: str = ""
    subject: str | None = None
    body: str


class Usage(BaseModel):
    """What a run's model calls took. `cost` is None where no price is set; `estimated`: an endpoint did not say."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens


class Handled(BaseModel):
    """What was done about a reply. `label` chose it; `waits`: a person has to approve before anything leaves."""

    lead_id: str
    label: Label
    action: Action
    outcome: str
    waits: bool = False


class CrewReport(BaseModel):
    """What a run did. The servers' answers are given as they came; reply texts, which are not to be trusted,
    are counted and left out."""

    brain: str = Field(description="What made the agents' decisions.")
    campaign: str
    ending: Ending
    next_step: str = Field(description="What a person can do now.")
    run: str = Field(default="", description="The run's id, for `overture crew show`.")
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
    handled: dict[str, Handled] = Field(default_factory=dict, description="What was done about each reply, by its id.")
    profile: dict[str, Any] | None = Field(default=None, description="Who revived, from outcomes.")
    usage: Usage = Field(default_factory=Usage)
    tool_errors: list[str] = Field(default_factory=list, description="Errors that agents' tools answered with.")
    steps: list[StepTiming] = Field(default_factory=list)
