"""The rules planner's rules: what each role does next, worked out from the brief and what its tools answered.

No model is asked. The rules know nothing of CrewAI, which carries them out through its agents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from overture_crew import compliance
from overture_crew.audience import widest_filter
from overture_crew.brief import Brief
from overture_crew.report import Template

Role = Literal["Campaign strategist", "Copywriter", "Compliance reviewer"]


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


@dataclass(frozen=True, slots=True)
class UseTool:
    """The next step is a tool call."""

    tool: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finish:
    """The next step is the answer."""

    answer: BaseModel


Rules = Callable[[Sequence[str]], UseTool | Finish]
"""Takes what the tools answered so far, in order, and says what comes next."""

EMAIL_FRIENDLY = """Hello {{{{ first_name | default("there") }}}},

it has been a while since we were last in touch, so here is a short note: {offer}.

We would like to {goal}. If this is of interest, simply reply to this e-mail.

Best wishes
{sender}

--
{{{{ sender_name }}}}, {{{{ postal_address }}}}
No more e-mails from us: {{{{ unsubscribe_url }}}}
"""
EMAIL_FORMAL = """Dear {{{{ first_name | default("customer") }}}},

we have not been in contact for some time. We are writing to you because {offer}.

We would like to {goal}. A reply to this e-mail is enough.

Kind regards
{sender}

--
{{{{ sender_name }}}}, {{{{ postal_address }}}}
To receive no further e-mails: {{{{ unsubscribe_url }}}}
"""
SMS_FRIENDLY = (
    'Hi {{{{ first_name | default("there") }}}}, {sender} here: {offer}. Interested? Just answer. {opt_out} to opt out.'
)
SMS_FORMAL = "{sender}: {offer}. Please answer if this is of interest to you. {opt_out} to opt out."


def strategist(brief: Brief) -> Rules:
    """Look at what segments there are and whom the brief's own bounds hold, then propose those bounds."""
    bounds = widest_filter(brief)

    def decide(seen: Sequence[str]) -> UseTool | Finish:
        if not seen:
            return UseTool("leads_list_segments", {})
        if len(seen) == 1:
            return UseTool("leads_preview_segment", {"where": bounds})
        return Finish(Proposal(where=bounds, reason=_audience_reason(brief, seen[-1])))

    return decide


def copywriter(brief: Brief) -> Rules:
    """Fill one fixed text per channel and tone with the brief's own words; nothing else is stated."""

    def decide(_seen: Sequence[str]) -> UseTool | Finish:
        reason = f"{brief.tone} texts made of the brief's own words only"
        return Finish(Drafts(templates=[draft(brief, channel) for channel in brief.channels], reason=reason))

    return decide


def reviewer(brief: Brief, templates: Sequence[Template]) -> Rules:
    """Reject what the plain rules find wrong."""

    def decide(_seen: Sequence[str]) -> UseTool | Finish:
        found = compliance.problems(list(templates), brief)
        reason = "; ".join(found) or "opt-out, sender and address are there, and no fact is beyond the brief"
        return Finish(Verdict(reject=bool(found), problems=found, reason=reason))

    return decide


def draft(brief: Brief, channel: Literal["email", "sms"]) -> Template:
    """Return the rules' template for a channel."""
    words = {
        "offer": brief.offer.rstrip(".!"),
        "goal": brief.goal.rstrip(".!"),
        "sender": brief.sender_name,
        "opt_out": compliance.OPT_OUT,
    }
    formal = brief.tone == "formal"
    if channel == "sms":
        body = (SMS_FORMAL if formal else SMS_FRIENDLY).format(**words)
        return Template(channel="sms", name=f"{brief.slug}-sms", body=body)
    return Template(
        channel="email",
        name=f"{brief.slug}-email",
        subject=f"News from {brief.sender_name}" if formal else f"Still of interest? {brief.sender_name} has news",
        body=(EMAIL_FORMAL if formal else EMAIL_FRIENDLY).format(**words),
    )


def _audience_reason(brief: Brief, preview: str) -> str:
    try:
        count = json.loads(preview)["count"]
    except (ValueError, KeyError, TypeError):
        return f"everybody whom the brief allows; the preview did not work: {preview[:200]}"
    who = "1 lead has" if count == 1 else f"{count} leads have"
    return f"{who} been quiet for {brief.audience.dormant_days_min} days or more and fit the brief"
