"""What agents are asked to answer with, one JSON object each. None of them names an action beyond its own judgement."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from overture_crew.report import Label, Template

Role = Literal[
    "Campaign strategist", "Copywriter", "Compliance reviewer", "Reply reader", "Reply writer", "Outcome analyst"
]


class Proposal(BaseModel):
    """The strategist's answer: whom to write to."""

    where: str = Field(description="A filter as leads_preview_segment takes it.")
    reason: str


class Drafts(BaseModel):
    """The copywriter's answer."""

    templates: list[Template] = Field(min_length=1)
    reason: str


class Verdict(BaseModel):
    """The reviewer's answer. A reviewer can only reject: approval is a person's or a policy's."""

    reject: bool
    problems: list[str] = Field(default_factory=list)
    reason: str


class Reading(BaseModel):
    """The reply reader's answer: a label and nothing else. What is done about it is fixed by the flow."""

    label: Label


class AnswerDraft(BaseModel):
    """The reply writer's answer to a question; without `body` the question is left to a person."""

    body: str | None = Field(default=None, max_length=2_000)
    reason: str


class Ideal(BaseModel):
    """The analyst's answer: a filter for leads like those who revived, or none where too little is known."""

    where: str | None = Field(default=None, description="A filter as leads_preview_segment takes it.")
    reason: str
