"""The tool that scores leads."""

from __future__ import annotations

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from overture_core.errors import InvalidInput
from overture_core.scoring.keeping import state_of
from overture_core.scoring.profile import Value
from overture_core.scoring.service import LeadScore, SegmentScore, score_lead, score_segment
from overture_core.segments.conditions import check
from overture_core.segments.filter import LeadFilter
from overture_core.segments.service import filter_of, get
from overture_core.storage.store import Work
from overture_core.text import quantity
from overture_servers.scopes import Scope
from overture_servers.tooling import UNTRUSTED, Ctx, ToolSpec, answer, runtime_of


class ScoreResult(SegmentScore):
    """How leads score."""

    learned: list[Value] = Field(description="Who revived, by value; only if asked for.")


async def leads_score(
    ctx: Ctx,
    lead_id: str | None = None,
    segment: Annotated[str | None, Field(description="A saved segment's name.")] = None,
    where: Annotated[str | None, Field(description="Filter, as in leads_search.", max_length=2_000)] = None,
    best: Annotated[int, Field(ge=0, le=50, description="How many of the best to explain.")] = 5,
    profile: Annotated[bool, Field(description="Tell who revived, by value.")] = False,
) -> Annotated[CallToolResult, ScoreResult]:
    """Revivability, 0 to 100 with reasons: of a lead, or of a segment or filter by tier. Says nothing of consent."""

    def read(work: Work) -> ScoreResult:
        if sum(each is not None for each in (lead_id, segment, where)) > 1:
            msg = "Give lead_id, segment or where, and not several of them."
            raise InvalidInput(msg)
        found = _of_lead(work, lead_id) if lead_id is not None else _of_filter(work, segment, where, best)
        return ScoreResult(**found.model_dump(), learned=state_of(work).profile.values if profile else [])

    found = await runtime_of(ctx).read(read)
    tiers = ", ".join(f"{number} {tier}" for tier, number in found.tiers.items() if number)
    lines = [f"{each.lead_id} {each.name}: {each.score} {each.tier} ({_reasons(each)})" for each in found.best]
    head = f"{quantity(found.count, 'lead')} ({tiers or 'none'}). {found.profile} {UNTRUSTED}"
    return answer(found, "\n".join([head, *lines]))


def _of_lead(work: Work, lead_id: str) -> SegmentScore:
    found, state = score_lead(work, lead_id), state_of(work)
    return SegmentScore(
        count=1,
        average=found.score,
        tiers={found.tier: 1},
        best=[found],
        profile=state.profile.text,
        kept_at=state.kept_at,
    )


def _of_filter(work: Work, segment: str | None, where: str | None, best: int) -> SegmentScore:
    if segment is not None:
        return score_segment(work, filter_of(get(work, segment)), best=best)
    if where is not None:
        check(where)  # whose sentence is better than that of an argument that does not fit
    return score_segment(work, LeadFilter(where=where), best=best)


def _reasons(scored: LeadScore) -> str:
    return "; ".join(each.reason for each in scored.parts)


TOOLS = (ToolSpec(leads_score, "Score leads", Scope.LEADS_READ, depth=1),)
