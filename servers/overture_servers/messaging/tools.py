"""The tools of the messaging server. None of them approves anything: a person does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from anyio import from_thread, to_thread
from mcp.server.mcpserver import ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from overture_core.approvals.service import ApprovalState
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import LaunchResult, launch_paged
from overture_core.campaigns.models import MOST_FOLLOW_UPS, FollowUp, PlanRequest, PlanView, Templates
from overture_core.campaigns.paging import Progress
from overture_core.campaigns.planning import plan_paged
from overture_core.campaigns.service import CampaignBrief
from overture_core.campaigns.showing import counted, from_meta, nobody, where
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.status import CampaignStatus, status
from overture_core.campaigns.timeline import Timeline
from overture_core.campaigns.timetable import SendWindow
from overture_core.health import service as health
from overture_core.health.service import HealthReport
from overture_core.health.thresholds import Level
from overture_core.messages.channels import Channel
from overture_core.replies import service as replies
from overture_core.replies import tasks
from overture_core.replies.service import ReplyPage
from overture_core.replies.tasks import TaskList, TaskView
from overture_core.templates import service as templates
from overture_core.templates.preview import TemplatePreview, preview
from overture_core.templates.service import TemplateView
from overture_core.text import quantity
from overture_core.workspaces import emergency
from overture_servers.approving import Answer
from overture_servers.apps.campaign import URI
from overture_servers.apps.showing import with_campaign, with_plan
from overture_servers.messaging.approval import ask_about_plan, record_answer
from overture_servers.messaging.sending import TOOLS as SENDING
from overture_servers.messaging.simulating import run_simulation
from overture_servers.messaging.stopping import TOOLS as STOPPING
from overture_servers.runtime import told
from overture_servers.scopes import Scope
from overture_servers.tooling import UNTRUSTED, Ctx, ToolSpec, actor_of, answer, as_many_as_fit, runtime_of, shortened

MOST_TEMPLATES = 40
Name = Annotated[str, Field(min_length=1, max_length=100)]
Note = Annotated[str | None, Field(max_length=500)]
CampaignName = Annotated[str, Field(description="Name or id.")]
SANDBOX = "Sandbox: nobody outside is contacted."
_HOURS_TOLD = 48


class TemplateList(BaseModel):
    """The newest version of every template."""

    templates: list[TemplateView]


class CampaignList(BaseModel):
    """Every campaign, newest first."""

    campaigns: list[CampaignBrief]


class Launched(LaunchResult):
    """What a launch made due, and whether a worker was told."""

    dispatch: Literal["queued", "waiting"] = Field(description="waiting: Redis is away; messages stay due.")


async def messaging_save_template(
    ctx: Ctx,
    name: Name,
    channel: Channel,
    body: Annotated[str, Field(description="Jinja fields: {{ first_name | default('there') }}.")],
    subject: Annotated[str | None, Field(description="For e-mail only.")] = None,
    body_html: Annotated[str | None, Field(description="HTML part of an e-mail; 'auto' makes it from body.")] = None,
    content_sid: Annotated[str | None, Field(description="WhatsApp: template approved by Meta.")] = None,
    content_variables: Annotated[dict[str, str] | None, Field(description="Its variables, as {'1': Jinja}.")] = None,
) -> Annotated[CallToolResult, TemplateView]:
    """Save a template; changed text becomes a new version. Fields: first_name, last_name, company, title,
    country, email, phone, custom.<column>, sender_name, postal_address, unsubscribe_url. A lead that lacks a
    field without a default is left out of plans."""
    save = partial(templates.save, body_html=body_html, content_sid=content_sid, content_variables=content_variables)
    saved = await runtime_of(ctx).write(actor_of(ctx), lambda work: save(work, name, channel, body, subject))
    return answer(
        saved, f"Template {saved.name!r}, version {saved.version}, uses {', '.join(saved.fields) or 'no fields'}."
    )


async def messaging_list_templates(
    ctx: Ctx, name: Annotated[str | None, Field(description="One, with its whole texts.")] = None
) -> Annotated[CallToolResult, TemplateList]:
    """All templates, newest versions, long texts cut."""
    if name is not None:
        one = await runtime_of(ctx).read(lambda work: templates.view(templates.get(work, name)))
        return answer(TemplateList(templates=[one]), f"{one.name} ({one.channel}, version {one.version})")
    known = await runtime_of(ctx).read(templates.list_)
    lines = [f"{each.name} ({each.channel}, version {each.version})" for each in known]
    for each in known[:MOST_TEMPLATES]:
        each.body = shortened(each.body, "name shows all")
        each.body_html = each.body_html and shortened(each.body_html, "name shows all")
    whole, named = as_many_as_fit(known[:MOST_TEMPLATES]), as_many_as_fit(lines)
    text = "\n".join(named) or "There are no templates yet."
    if len(named) < len(lines):
        text += f"\n{quantity(len(lines) - len(named), 'template')} more are not named."
    if len(whole) < len(known):
        text += f"\nThe result has the first {len(whole)} of them; name shows any."
    return answer(TemplateList(templates=whole), text)


async def messaging_preview_template(
    ctx: Ctx,
    name: Name,
    segment: Annotated[str | None, Field(description="Render for the first leads of a segment.")] = None,
    lead_ids: Annotated[list[str] | None, Field(max_length=20)] = None,
) -> Annotated[CallToolResult, TemplatePreview]:
    """Render a template as its recipients would see it; errors say which field a lead lacks."""
    made = await runtime_of(ctx).read(lambda work: preview(work, name, segment=segment, lead_ids=lead_ids))
    errors = Counter(each.error for each in made.renderings if each.error is not None)
    failed = f", {errors.total()} could not be rendered" if errors else ""
    lines = [f"{len(made.renderings) - errors.total()} rendered{failed}. {UNTRUSTED}"]
    if not made.renderings:
        lines = [f"There is nobody to render it for: no lead asked for has an address for {made.channel}."]
    if billed := [each.sms for each in made.renderings if each.sms is not None]:
        most = max(billed, key=lambda each: each.segments)
        why = f" because of {most.because!r}" if most.because else ""
        lines.append(f"At most {most.segments} SMS segments each ({most.encoding}{why}), about {most.cost}.")
    if sid := next((each.content_sid for each in made.renderings if each.content_sid), None):
        lines.append(f"WhatsApp sends its approved template {sid} in place of the body; `variables` fills it.")
    lines += [f"Not rendered ({number}): {error}" for error, number in errors.most_common()]
    lines += [f"Look at it: {hint}" for hint in made.hints]
    return answer(made, "\n".join(lines))


async def messaging_plan_campaign(
    ctx: Ctx,
    name: Name,
    segment: Annotated[str, Field(description="A saved segment.")],
    templates: Templates,
    channel_order: Annotated[
        list[Channel] | None, Field(description="Each lead gets the first that may be used; default email, sms.")
    ] = None,
    send_at: Annotated[datetime | None, Field(description="ISO 8601 with time zone; default now.")] = None,
    send_window: Annotated[SendWindow | None, Field(description="Only in these hours of the recipient's zone.")] = None,
    follow_ups: Annotated[
        list[FollowUp] | None, Field(description="Later steps for who has not answered.", max_length=MOST_FOLLOW_UPS)
    ] = None,
) -> Annotated[CallToolResult, PlanView]:
    """Freeze who would get what and when, under a content hash, and ask for approval. Sends nothing.
    Planning again replaces a plan that was not launched; leads who have a message are left alone."""
    with told():
        order = {"channel_order": channel_order} if channel_order else {}
        request = PlanRequest.model_validate(
            {
                **{"name": name, "segment": segment, "templates": templates, "send_at": send_at, **order},
                **{"send_window": send_window, "follow_ups": follow_ups or []},
            }
        )
    runtime = runtime_of(ctx)
    progress = _progress(ctx, "leads")
    run = partial(plan_paged, runtime.store, runtime.workspace, request, actor=actor_of(ctx), progress=progress)
    with told():
        made = await to_thread.run_sync(run)
    if not made.recipients:
        text = f"Plan {made.plan_id} reaches nobody: {nobody(made.excluded)} Nothing waits for approval."
        return await with_plan(ctx, made, answer(made, text))
    channels = ", ".join(f"{channel} {number}" for channel, number in made.by_channel.items()) or "nobody"
    left_out = "; ".join(counted(made.excluded))
    steps = f" in {1 + len(made.follow_ups)} steps" if made.follow_ups else ""
    goes_to = SANDBOX if made.sandbox else where(made)
    text = (
        f"Plan {made.plan_id}: {quantity(made.recipients, 'recipient')} ({channels}){steps}, "
        f"{sum(made.held.values())} of them later, "
        f"{sum(made.excluded.values())} left out{f' ({left_out})' if left_out else ''}. "
        f"Approval {made.approval.id} is {made.approval.state}. {goes_to} {UNTRUSTED}"
    )
    return await with_plan(ctx, made, answer(made, " ".join([text, *filter(None, [from_meta(made)])])))


async def messaging_launch_campaign(
    ctx: Ctx, plan_id: str, person: Annotated[ElicitationResult[Answer], Resolve(ask_about_plan)]
) -> Annotated[CallToolResult, Launched]:
    """Launch an approved plan. Without an approval by a person or policy nothing is sent, and the error says
    how a person approves. Launching twice is the same as once."""
    runtime = runtime_of(ctx)
    await record_answer(ctx, plan_id, person)
    from overture_queue.jobs import Dispatch

    progress = _progress(ctx, "messages", after_first=partial(runtime.nudge, Dispatch()))
    run = partial(launch_paged, runtime.store, runtime.workspace, plan_id, actor=actor_of(ctx))
    with told():
        done = await to_thread.run_sync(partial(run, progress=progress))
    queued = await runtime.nudge(Dispatch())
    result = Launched(**done.model_dump(), dispatch="queued" if queued else "waiting")
    if done.state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        return answer(result, f"{done.campaign} is {done.state}; this plan was launched before.")
    later = f", {done.held} later" if done.held else ""
    how = "" if queued else " Redis is away: the messages stay due and go out when it is back."
    how += " Nothing leaves until it is resumed." if done.state is CampaignState.PAUSED else ""
    if (await runtime.read(emergency.standing)).stopped:
        how += " All sending is stopped: nothing leaves until a person lifts that with `overture stop --lift`."
    return answer(result, f"{done.campaign} is {done.state}: {quantity(done.queued, 'message')} due{later}.{how}")


def _progress(ctx: Ctx, what: str, *, after_first: Callable[[], Coroutine[Any, Any, bool]] | None = None) -> Progress:
    """Tell the client how far a thread is. `after_first` is done once, when something but not all is done."""
    told_of, waiting = -1, after_first

    def progress(done: int, total: int) -> None:
        nonlocal told_of, waiting
        if done > told_of:  # it has to rise with every notification (MCP, "Progress")
            told_of = done
            from_thread.run(ctx.report_progress, done, total, f"{done} of {total} {what}")
        if waiting is not None and 0 < done < total:
            from_thread.run(waiting)
            waiting = None

    return progress


async def messaging_get_campaign(ctx: Ctx, campaign: CampaignName) -> Annotated[CallToolResult, CampaignStatus]:
    """What became of a campaign: messages by state and channel, reasons, replies, approval."""
    found = await runtime_of(ctx).read(lambda work: status(work, campaign))
    counts = ", ".join(f"{state} {number}" for state, number in sorted(found.counts.items())) or "no messages"
    left = ["Follow-ups are left."] if found.follow_ups_left else []
    notes = [*left, *found.advice, *([SANDBOX] if found.sandbox else [])]
    if found.approval and found.approval.state in (ApprovalState.PENDING, ApprovalState.APPROVED):
        notes.insert(0, f"Approval {found.approval.id} of {found.plan_id} is {found.approval.state}.")
    text = " ".join([f"{found.campaign} is {found.state}: {counts}.", *notes])
    return await with_campaign(ctx, found, answer(found, text))


async def messaging_simulate_campaign(
    ctx: Ctx,
    campaign: CampaignName,
    days: Annotated[int, Field(ge=1, le=365, description="Simulated at most.")] = 30,
    seed: Annotated[int, Field(ge=0, description="Of how leads behave.")] = 1,
    limit: Annotated[int, Field(ge=1, le=1_000, description="Most entries.")] = 100,
) -> Annotated[CallToolResult, Timeline]:
    """What a planned or running campaign would do: every message, hour, block reason and cost, on a copy with invented
    reactions. Nothing is sent or changed; approval is taken for granted."""

    async def progress(at: datetime) -> None:
        await ctx.report_progress(at.timestamp(), None, f"{at:%Y-%m-%d %H:%M} UTC")

    settings = runtime_of(ctx).settings
    found = await run_simulation(settings, campaign, seed=seed, days=days, most=limit, progress=progress)
    lines = [f"{each.hour:%Y-%m-%d %H}:00 UTC: {_numbers(each.counts)}" for each in found.hours[:_HOURS_TOLD]]
    cost = f"; SMS about {found.sms_cost}" if found.sms_cost else ""
    head = f"{found.campaign} would be {found.state} in the end: {_numbers(found.totals) or 'nothing'}{cost}."
    return answer(found, "\n".join([head, *lines]))


def _numbers(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


async def messaging_get_health(ctx: Ctx) -> Annotated[CallToolResult, HealthReport]:
    """Bounce and complaint rates of e-mail in the last 7 days, campaigns paused for them, what to do next."""
    found = await runtime_of(ctx).read(health.report)
    troubled = [each for each in found.rates if each.level in (Level.WARNING, Level.OVER)]
    lines = [f"{each.campaign} is paused: {each.reason}" for each in found.paused]
    lines += [f"{each.kind} {each.name}: {' '.join(each.next)}" for each in troubled]
    return answer(found, "\n".join(lines) or "No rate is at a threshold.")


async def messaging_list_campaigns(ctx: Ctx) -> Annotated[CallToolResult, CampaignList]:
    """All campaigns, newest first."""
    found = CampaignList(campaigns=await runtime_of(ctx).read(campaigns.list_))
    lines = [f"{each.campaign}: {each.state}, {quantity(each.messages, 'message')}" for each in found.campaigns]
    return answer(found, "\n".join(lines) or "There are no campaigns yet.")


async def messaging_list_replies(
    ctx: Ctx,
    campaign: Annotated[str | None, Field(description="Only of this campaign.")] = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Field(description="next_cursor of the page before.")] = None,
    detail: Annotated[bool, Field(description="Whole texts.")] = False,
) -> Annotated[CallToolResult, ReplyPage]:
    """What leads wrote back, newest first, with the intent of each."""
    found = await runtime_of(ctx).read(lambda work: replies.list_(work, campaign=campaign, limit=limit, cursor=cursor))
    if not detail:
        for each in found.replies:
            each.body = shortened(each.body, "detail shows all")
    lines = [f"{each.lead_name} ({each.channel}): {each.intent}" for each in found.replies]
    if not lines:
        return answer(found, "There are no replies yet." if cursor is None else "There are no more replies.")
    return answer(found, "\n".join([f"{quantity(len(lines), 'reply')}. {UNTRUSTED}", *lines]))


async def messaging_list_tasks(
    ctx: Ctx, done: bool = False, limit: Annotated[int, Field(ge=1, le=100)] = 20
) -> Annotated[CallToolResult, TaskList]:
    """What replies left for a person to do, the most urgent first."""
    found = await runtime_of(ctx).read(lambda work: tasks.list_(work, done=done, limit=limit))
    lines = [f"{each.id}: {each.to_do} {each.lead_name}, by {each.due_at:%Y-%m-%d %H:%M} UTC" for each in found.tasks]
    return answer(found, "\n".join([f"{quantity(found.open, 'task')} open. {UNTRUSTED}", *lines]))


async def messaging_complete_task(
    ctx: Ctx, task_id: str, note: Note = None, outcome: tasks.Outcome = tasks.Outcome.DONE
) -> Annotated[CallToolResult, TaskView]:
    """Mark a task as done or skipped, once a person did or skipped it."""
    complete = partial(tasks.complete, task_id=task_id, by=actor_of(ctx), note=note, outcome=outcome)
    found = await runtime_of(ctx).write(actor_of(ctx), complete)
    return answer(found, f"{found.id} is {found.outcome}.")


TOOLS = (
    ToolSpec(messaging_save_template, "Save a template", Scope.MESSAGING_WRITE, writes=True),
    ToolSpec(messaging_list_templates, "List templates", Scope.MESSAGING_READ, depth=1),
    ToolSpec(messaging_preview_template, "Preview a template", Scope.MESSAGING_READ, depth=1),
    ToolSpec(
        messaging_plan_campaign,
        "Plan a campaign",
        Scope.MESSAGING_WRITE,
        writes=True,
        destructive=True,
        repeatable=False,
        depth=1,
        view=URI,
    ),
    ToolSpec(
        messaging_launch_campaign,
        "Launch a campaign",
        Scope.MESSAGING_SEND,
        writes=True,
        destructive=True,
        outside=True,
        view=URI,
    ),
    *SENDING,
    ToolSpec(messaging_get_campaign, "Campaign status", Scope.MESSAGING_READ, depth=1, view=URI),
    ToolSpec(messaging_simulate_campaign, "Simulate a campaign", Scope.MESSAGING_READ, depth=1),
    ToolSpec(messaging_get_health, "Delivery health", Scope.MESSAGING_READ, depth=1),
    ToolSpec(messaging_list_campaigns, "List campaigns", Scope.MESSAGING_READ),
    ToolSpec(messaging_list_replies, "List replies", Scope.MESSAGING_READ, depth=1),
    ToolSpec(messaging_list_tasks, "List tasks", Scope.MESSAGING_READ),
    ToolSpec(messaging_complete_task, "Complete a task", Scope.MESSAGING_WRITE, writes=True),
    *STOPPING,
)
