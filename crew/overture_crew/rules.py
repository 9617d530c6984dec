"""The rules planner's rules: what each role does next, worked out from the brief and what its tools answered.

No model is asked. The rules know nothing of CrewAI, which carries them out through its agents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from overture_crew import compliance, wordings
from overture_crew.answers import AnswerDraft, Drafts, Ideal, Proposal, Reading, Verdict
from overture_crew.audience import quoted, widest_filter
from overture_crew.brief import Brief
from overture_crew.report import Label, Template
from overture_crew.slots import slots

# How a value of the profile is said in the filter language, by what it is a value of.
_FILTERS = {"country": "country", "tag": "tag"}


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
    """Fill fixed texts with the brief's own words; nothing else is stated."""
    reason = f"{brief.tone} texts made of the brief's own words only"
    return _always(Drafts(templates=[wordings.draft(brief, slot) for slot in slots(brief)], reason=reason))


def reviewer(brief: Brief, templates: Sequence[Template]) -> Rules:
    """Reject what the plain rules find wrong."""
    found = compliance.problems(list(templates), brief)
    reason = "; ".join(found) or "opt-out, sender and address are there, and no fact is beyond the brief"
    return _always(Verdict(reject=bool(found), problems=found, reason=reason))


def reply_reader(by_rules: Label) -> Rules:
    """Keep the label that the server's own rules gave."""
    return _always(Reading(label=by_rules))


def reply_writer() -> Rules:
    """Leave every question to a person: rules cannot answer one."""
    return _always(AnswerDraft(reason="a question, which rules cannot answer"))


def analyst(profile: Mapping[str, Any]) -> Rules:
    """Propose the values that did better than all by more than chance, as far as the filter language knows them."""
    better: dict[str, list[str]] = {}
    for each in profile.get("values", []):
        if each["tells"] and each["lift"] > 1 and each["what"] in _FILTERS:
            better.setdefault(_FILTERS[each["what"]], []).append(each["value"])
    if not better:
        return _always(Ideal(reason=f"no value stands out from the others: {profile.get('text', '')}"))
    where = " and ".join(f"{field} in ({', '.join(map(quoted, values))})" for field, values in better.items())
    told = "; ".join(f"{field} {', '.join(values)}" for field, values in better.items())
    return _always(Ideal(where=where, reason=f"these revived more often than all, by more than chance: {told}"))


def _always(answer: BaseModel) -> Rules:
    def decide(_seen: Sequence[str]) -> UseTool | Finish:
        return Finish(answer)

    return decide


def _audience_reason(brief: Brief, preview: str) -> str:
    try:
        count = json.loads(preview)["count"]
    except (ValueError, KeyError, TypeError):
        return f"everybody whom the brief allows; the preview did not work: {preview[:200]}"
    who = "1 lead has" if count == 1 else f"{count} leads have"
    return f"{who} been quiet for {brief.audience.dormant_days_min} days or more and fit the brief"
