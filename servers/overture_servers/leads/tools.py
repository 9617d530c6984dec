"""The tools of the leads server. Bulk goes by reference: a model handles segments and samples."""

from __future__ import annotations

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import AwareDatetime, BaseModel, Field

from overture_core.contactability.explaining import Explanation, explain
from overture_core.errors import InvalidInput
from overture_core.leads import service
from overture_core.leads.finding import lead_id_of
from overture_core.leads.public_mail import everybodys, public_domains
from overture_core.leads.searching import LeadPage, Sort, search
from overture_core.leads.service import LeadView
from overture_core.leads.tracing import Trace, trace
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.segments import service as segments
from overture_core.segments.filter import filter_of
from overture_core.segments.hints import hints
from overture_core.segments.service import SegmentPreview, SegmentView
from overture_core.storage.store import Work
from overture_core.suppressions import service as suppressions
from overture_core.suppressions.service import Kind, SuppressionPage, SuppressionView
from overture_core.text import quantity
from overture_servers.leads.changing import CHANGING, Known, Where
from overture_servers.leads.importing import TOOLS as IMPORTING
from overture_servers.scopes import Scope
from overture_servers.tooling import UNTRUSTED, Ctx, ToolSpec, actor_of, answer, as_many_as_fit, runtime_of

MOST_SEGMENTS = 100
SHOWN_WHERE = 300
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str | None, Field(description="next_cursor of the page before.")]
FullWhere = Annotated[
    str | None,
    Field(
        description='Filter such as `"ada north" and company ~ "acme" and country in (US, CA) and dormant_days >= 90 '
        "and email is known and consent.sms = yes and not (tag = vip or segment = Customers)`. Further fields: "
        "first_name, last_name, phone, title, language, notes, import, last_contact, created, custom.<column>."
    ),
]


class SegmentList(BaseModel):
    """Segments by name, with the beginning of a long filter; `more` counts those that are left out."""

    segments: list[SegmentView]
    more: int


async def leads_search(
    ctx: Ctx,
    where: FullWhere = None,
    sort: Annotated[Sort, Field(description="best_score: only leads with a kept score.")] = Sort.OLDEST,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Annotated[CallToolResult, LeadPage]:
    """Find leads; without a filter, all of them."""

    def read(work: Work) -> tuple[LeadPage, list[str]]:
        wanted = filter_of(where)
        page = search(work, wanted, sort=sort, limit=limit, cursor=cursor)
        return page, [] if page.total else hints(work, wanted)

    found, hinted = await runtime_of(ctx).read(read)
    more = " More with next_cursor." if found.next_cursor else ""
    least = "More than " if found.more else ""
    verb = "matches" if found.total == 1 else "match"
    lines = [
        f"{lead.id} {' '.join(_filled(lead.first_name, lead.last_name))}, {lead.company or 'no company'}"
        for lead in found.leads
    ]
    return answer(
        found,
        "\n".join(
            [f"{least}{quantity(found.total, 'lead')} {verb}, {len(lines)} shown.{more} {UNTRUSTED}", *lines, *hinted]
        ),
    )


async def leads_get_lead(ctx: Ctx, lead_id: str) -> Annotated[CallToolResult, LeadView]:
    """Everything known of one lead: fields, tags, consents, newest signals, merges, messages and replies."""
    found = await runtime_of(ctx).read(lambda work: service.get(work, lead_id))
    name = " ".join(_filled(found.first_name, found.last_name)) or "(no name)"
    parts = {
        "signal": len(found.signals),
        "merge": len(found.changes),
        "message": len(found.messages),
        "reply": len(found.replies),
    }
    counts = ", ".join(quantity(number, noun) for noun, number in parts.items())
    return answer(found, f"{name}: {counts}. {UNTRUSTED}")


async def leads_trace_lead(ctx: Ctx, lead_id: Known, limit: Limit = 100) -> Annotated[CallToolResult, Trace]:
    """Everything that happened to a lead, oldest first."""
    found = await runtime_of(ctx).read(lambda work: trace(work, lead_id_of(work, lead_id), limit=limit))
    lines = [
        f"{each.at:%Y-%m-%d %H:%M:%SZ} {' '.join(_filled(each.what, each.campaign, each.cause))}"
        for each in found.entries
    ]
    return answer(found, "\n".join([f"{len(lines)} of {found.total} entries. {UNTRUSTED}", *lines]))


async def leads_explain_contactability(
    ctx: Ctx,
    lead_id: str,
    channel: Channel | None = None,
    at: Annotated[AwareDatetime | None, Field(description="Now without it.")] = None,
) -> Annotated[CallToolResult, Explanation]:
    """Whether a lead may be contacted, by channel: yes, later or never, why, and what is on record."""
    channels = tuple(Channel) if channel is None else (channel,)
    found = await runtime_of(ctx).read(lambda work: explain(work, lead_id, channels, at))
    lines = [f"{each.channel}: {each.text} ({'; '.join(each.evidence)})." for each in found.channels]
    return answer(found, "\n".join([f"Lead {found.lead_id} at {found.at:%Y-%m-%d %H:%MZ}. {UNTRUSTED}", *lines]))


async def leads_preview_segment(
    ctx: Ctx,
    name: Annotated[str | None, Field(description="A saved segment, instead of a filter.")] = None,
    where: Where = None,
) -> Annotated[CallToolResult, SegmentPreview]:
    """Count a segment or filter, broken down by country, channel and dormancy, with a sample."""

    def preview(work: Work) -> tuple[SegmentPreview, list[str]]:
        if name is not None and where is not None:
            msg = "Give name or where, and not both of them."
            raise InvalidInput(msg)
        wanted = filter_of(where) if name is None else segments.filter_of(segments.get(work, name))
        shown = segments.preview(work, wanted)
        return shown, [] if shown.count else hints(work, wanted)

    found, hinted = await runtime_of(ctx).read(preview)
    channels = ", ".join(f"{channel} {number}" for channel, number in found.by_channel.items())
    told = f"{quantity(found.count, 'lead')} ({channels or 'none'}). {UNTRUSTED}"
    return answer(found, "\n".join([told, *hinted]))


async def leads_save_segment(
    ctx: Ctx,
    name: Annotated[str, Field(min_length=1, max_length=100)],
    where: Where = None,
    frozen: Annotated[bool, Field(description="Keep who is in it now.")] = False,
) -> Annotated[CallToolResult, SegmentView]:
    """Save a filter as a segment, in place of one of the same name. Approved plans are not affected."""

    def save(work: Work) -> tuple[SegmentView, list[str]]:
        wanted = filter_of(where)
        view = segments.save(work, name, wanted, frozen=frozen)
        return view, [] if view.count else hints(work, wanted)

    saved, hinted = await runtime_of(ctx).write(actor_of(ctx), save)
    return answer(saved, "\n".join([f"Segment {saved.name!r} has {quantity(saved.count, 'lead')}.", *hinted]))


async def leads_list_segments(ctx: Ctx) -> Annotated[CallToolResult, SegmentList]:
    """All segments with their size now."""

    def read(work: Work) -> tuple[list[SegmentView], int]:
        first = segments.list_(work, limit=MOST_SEGMENTS)
        return first, segments.number(work) if len(first) == MOST_SEGMENTS else len(first)

    listed, total = await runtime_of(ctx).read(read)
    shown = [each.model_copy(update={"where": each.where[:SHOWN_WHERE]}) for each in listed]
    fitting = as_many_as_fit(shown)
    found = SegmentList(segments=fitting, more=total - len(fitting))
    lines = [f"{each.name}: {quantity(each.count, 'lead')}" for each in found.segments]
    if found.more:
        lines.append(f"{quantity(found.more, 'segment')} more are not shown; leads_preview_segment shows any by name.")
    return answer(found, "\n".join(lines) or "There are no segments yet; save one with leads_save_segment.")


async def leads_suppress(
    ctx: Ctx,
    kind: Kind,
    value: Annotated[str, Field(max_length=320, description="Address, E.164 number, domain or lead id.")],
    reason: Annotated[str, Field(max_length=40)] = "manual",
) -> Annotated[CallToolResult, SuppressionView]:
    """Never contact an address, domain or person again; pending messages are cancelled. Only ever adds."""

    def write(work: Work) -> SuppressionView:
        if kind == "domain" and (domain := suppressions.suppressible(kind, value)) in public_domains():
            raise InvalidInput(everybodys(domain))
        return SuppressionView.model_validate(suppress(work, kind, value, reason=reason, origin=work.actor))

    stored = await runtime_of(ctx).write(actor_of(ctx), write)
    return answer(stored, f"{stored.value} is never contacted again.")


async def leads_list_suppressions(
    ctx: Ctx, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[CallToolResult, SuppressionPage]:
    """Addresses that are never contacted again, newest first."""
    found = await runtime_of(ctx).read(lambda work: suppressions.list_(work, limit=limit, cursor=cursor))
    lines = [f"{each.value} ({each.reason})" for each in found.suppressions]
    return answer(found, "\n".join(lines) or "Nobody is suppressed.")


def _filled(*values: str | None) -> list[str]:
    return [value for value in values if value]


TOOLS = (
    *IMPORTING,
    ToolSpec(leads_search, "Search leads", Scope.LEADS_READ),
    ToolSpec(leads_get_lead, "Get a lead", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_trace_lead, "Trace a lead", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_explain_contactability, "Explain contactability", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_preview_segment, "Preview a segment", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_save_segment, "Save a segment", Scope.LEADS_WRITE, writes=True, destructive=True),
    ToolSpec(leads_list_segments, "List segments", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_suppress, "Suppress an address", Scope.LEADS_WRITE, writes=True),
    ToolSpec(leads_list_suppressions, "List suppressions", Scope.LEADS_READ, depth=1),
    *CHANGING,
)
