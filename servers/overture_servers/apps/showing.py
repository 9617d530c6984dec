"""What the App draws of a result besides its own fields: the dashboard's words and bars, and where the dashboard is.

It goes into the result's `_meta`, which is for what shows a result and not for the model. Nothing in it is a secret: an
address of the dashboard opens nothing without a person's session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from functools import partial

from anyio import to_thread
from mcp.server.apps import client_supports_apps
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from overture_core.approvals.service import ApprovalState
from overture_core.campaigns.models import PlanApproval, PlanView
from overture_core.campaigns.showing import cost, explained, follow_ups, one_a_line, when, where
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.status import CampaignStatus
from overture_servers.tooling import Ctx, runtime_of
from overture_servers.ui import charts, paths
from overture_servers.ui.charts import Part

KEY = "overture/shown"
REFUSED = "Refused for good"
_OPEN = (ApprovalState.PENDING, ApprovalState.APPROVED)
_STILL = (CampaignState.PLANNED, CampaignState.FINISHED)
_LABELS = {
    ApprovalState.PENDING: "Approve or reject it on the page",
    ApprovalState.APPROVED: "Launch it on the page",
}


class Page(BaseModel):
    """Where the person goes on. Without `url` the dashboard is not up, and `how` says what starts it."""

    url: str | None
    label: str
    how: str


class Group(BaseModel):
    """Leads, or what else is counted, by reason; the most frequent first."""

    title: str
    of: str
    rows: list[tuple[str, int]]


class Shown(BaseModel):
    """A plan or a campaign, as it is drawn."""

    title: str
    state: str
    notice: str
    alarming: bool = Field(description="Real people are written to.")
    bar: list[Part] | None = None
    bar_text: str = ""
    figures: list[tuple[int, str]]
    lines: list[str]
    hints: list[str] = Field(default_factory=list)
    advice: list[str] = Field(default_factory=list)
    groups: list[Group]
    samples: list[int] = Field(default_factory=list, description="Which of the result's samples.")
    page: Page
    approval: ApprovalState | None
    planned: bool = Field(description="There is a plan that was not launched.")
    may_pause: bool = False
    ended: bool = Field(description="Nothing more will happen to it.")


async def with_plan(ctx: Ctx, plan: PlanView, result: CallToolResult) -> CallToolResult:
    """Return the result of a plan with what its picture needs, if the client may show one."""
    return await _with(ctx, partial(_plan, plan), result)


async def with_campaign(ctx: Ctx, campaign: CampaignStatus, result: CallToolResult) -> CallToolResult:
    """Return the result of a campaign's status with what its picture needs, if the client may show one."""
    return await _with(ctx, partial(_campaign, campaign), result)


async def _with(ctx: Ctx, draw: Callable[[str, str | None], Shown], result: CallToolResult) -> CallToolResult:
    # A request of 2025-11-25 without a session does not say what its client can.
    if ctx.client_capabilities is not None and not client_supports_apps(ctx):
        return result
    runtime = runtime_of(ctx)
    shown = draw(runtime.settings.page_url, await to_thread.run_sync(runtime.page))
    return result.model_copy(update={"meta": {KEY: shown.model_dump(mode="json")}})


def _plan(plan: PlanView, address: str, page: str | None) -> Shown:
    state = plan.approval.state
    channels = [(number, f"by {channel}") for channel, number in plan.by_channel.items()]
    left_out, later = sum(plan.excluded.values()), sum(plan.held.values())
    return Shown(
        title=f"Plan: {plan.campaign}",
        state=state,
        notice=where(plan),
        alarming=not plan.sandbox,
        figures=[(plan.recipients, "recipients"), *channels, (left_out, "left out"), (later, "later")],
        lines=[f"Audience: the segment {plan.segment}.", when(plan), *follow_ups(plan), f"To pay for: {cost(plan)}."],
        hints=plan.hints,
        groups=_groups({"Left out": plan.excluded, "Later": plan.held}),
        samples=[plan.samples.index(each) for each in one_a_line(plan.samples)],
        page=_page(plan.approval, plan.campaign_id, address, page),
        approval=state,
        planned=True,
        ended=state not in _OPEN,
    )


def _campaign(found: CampaignStatus, address: str, page: str | None) -> Shown:
    approval = found.approval.state if found.approval else None
    waits = approval in _OPEN  # a running campaign may have a plan that waits, for more leads
    planned = found.state is CampaignState.PLANNED
    bar = charts.progress(found.counts)
    lines = ["Some who got a message may still get a follow-up."] if found.follow_ups_left else []
    if found.next_at is not None:
        lines.insert(0, f"The next message goes out at {found.next_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")
    return Shown(
        title=found.campaign,
        state=approval if planned and approval else found.state,
        notice="Sandbox: nobody outside was contacted." if found.sandbox else "",
        alarming=False,
        bar=bar.parts,
        bar_text=bar.text,
        figures=[
            (found.accepted, "accepted"),
            (found.delivered, "delivered"),
            (found.opened, "opened"),
            (found.clicked, "clicked"),
            (found.replied, "answered"),
            (found.stopped, "asked to stop"),
        ],
        lines=lines,
        advice=found.advice,
        groups=_groups({"Left out": found.skipped, "Later": found.held, REFUSED: found.failed}),
        page=_page(found.approval, found.campaign_id, address, page),
        approval=approval,
        planned=planned or waits,
        may_pause=found.state is CampaignState.RUNNING,
        ended=found.state is CampaignState.CANCELLED or (found.state in _STILL and not waits),
    )


def _groups(groups: Mapping[str, Mapping[str, int]]) -> list[Group]:
    return [
        Group(
            title=title,
            of="Messages" if title == REFUSED else "Leads",
            rows=[(explained(reason), number) for reason, number in sorted(counted.items(), key=_often)],
        )
        for title, counted in groups.items()
        if counted
    ]


def _often(each: tuple[str, int]) -> tuple[int, str]:
    return -each[1], each[0]


def _page(approval: PlanApproval | None, campaign_id: str, address: str, page: str | None) -> Page:
    label = None if approval is None else _LABELS.get(approval.state)
    path = paths.CAMPAIGN.format(campaign_id=campaign_id)
    if approval is not None and label is not None:
        path = paths.APPROVAL.format(approval_id=approval.id)
    if page is not None:
        how = "It wants a session of yours: `overture dashboard` prints a link that opens one."
    else:
        how = f"The page is not up: nothing answers at {address}. Run `overture up` there."
        if approval is not None and approval.state is ApprovalState.PENDING:
            how += f" Or approve it by `overture approvals approve {approval.id}`."
    return Page(url=None if page is None else page + path, label=label or "See it on the page", how=how)
