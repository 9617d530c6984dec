"""The tools of the leads server. Bulk goes by reference: a model handles segments and samples."""

from __future__ import annotations

from concurrent.futures import CancelledError
from functools import partial
from typing import Annotated, Literal

from anyio import from_thread, get_cancelled_exc_class, to_thread
from anyio.lowlevel import checkpoint_if_cancelled
from mcp.types import CallToolResult
from pydantic import AwareDatetime, BaseModel, Field

from overture_core.contactability.explaining import Explanation, explain
from overture_core.errors import InvalidInput
from overture_core.leads import service
from overture_core.leads.again import source_of_uri
from overture_core.leads.finding import lead_id_of
from overture_core.leads.importing import ImportCancelled, Progress, import_leads
from overture_core.leads.imports import ImportReport
from overture_core.leads.options import DateOrder, ImportOptions
from overture_core.leads.reading import Source
from overture_core.leads.searching import LeadPage, Sort, search
from overture_core.leads.service import LeadView
from overture_core.leads.tracing import Trace, trace
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.segments import service as segments
from overture_core.segments.filter import filter_of
from overture_core.segments.service import SegmentPreview, SegmentView
from overture_core.storage.store import Work
from overture_core.suppressions import service as suppressions
from overture_core.suppressions.service import Kind, SuppressionPage, SuppressionView
from overture_core.text import quantity
from overture_servers.leads.changing import CHANGING, Where
from overture_servers.runtime import Runtime, told
from overture_servers.scopes import Scope
from overture_servers.tooling import UNTRUSTED, Ctx, ToolSpec, actor_of, answer, runtime_of

MOST_SEGMENTS = 100
SHOWN_WHERE = 300
SHOWN_ORIGINAL = 300  # of a rejected row in a result; its resource has all that was kept
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


class ImportResult(ImportReport):
    """What an import did, and where its rejected rows can be read."""

    rejects_uri: str | None = Field(description="Resource with every rejected row as CSV.")


class SegmentList(BaseModel):
    """Segments by name, with the beginning of a long filter; `more` counts those that are left out."""

    segments: list[SegmentView]
    more: int


async def leads_import_file(
    ctx: Ctx,
    path: Annotated[str | None, Field(description="File in an allowed folder, file: URI, or rejects_uri.")] = None,
    content: Annotated[str | None, Field(description="Or the text of a file or resource.")] = None,
    blob: Annotated[str | None, Field(description="Or its bytes in base64.")] = None,
    filename: Annotated[str, Field(description="Name of inline content.")] = "inline.csv",
    mapping: Annotated[
        dict[str, str] | str | None, Field(description="{column: field} where not recognised, or a saved name.")
    ] = None,
    save_mapping: Annotated[str | None, Field(description="Name to save it by.")] = None,
    dates: Annotated[Literal["day-first", "month-first"] | None, Field(description="Of 3/4/2024.")] = None,
    default_country: Annotated[str | None, Field(description="Of phone numbers without one, e.g. US.")] = None,
    tags: list[str] | None = None,
    consent_source: Annotated[str | None, Field(description="Where the file's consent comes from.")] = None,
    encoding: Annotated[str | None, Field(description="Of a text file, e.g. cp1250; else found.")] = None,
    dry_run: bool = False,
    preview: Annotated[bool, Field(description="Dry-run the first rows.")] = False,
) -> Annotated[CallToolResult, ImportResult]:
    """Import leads: CSV, TSV, XLSX, JSON, JSON Lines, gzip. Every row is created, merged, unchanged or rejected."""
    runtime = runtime_of(ctx)
    with told():
        options = ImportOptions(
            mapping=None if isinstance(mapping, str) else mapping,
            mapping_name=mapping if isinstance(mapping, str) else None,
            save_mapping=save_mapping,
            dates=DateOrder(dates) if dates else None,
            default_country=default_country,
            tags=tags or [],
            consent_source=consent_source,
            encoding=encoding,
            dry_run=dry_run,
            preview=preview,
        )
        source = await to_thread.run_sync(_source, runtime, path, content, blob, filename)

        gone = get_cancelled_exc_class()

        def cancelled() -> bool:
            try:
                from_thread.check_cancelled()
            except gone:
                return True
            return False

        def progress(done: Progress) -> None:
            try:
                from_thread.run(ctx.report_progress, done.read, done.size, quantity(done.rows, "row"))
            except (gone, CancelledError):
                return  # the chunk is stored; `cancelled` ends the import in good order

        run = partial(
            import_leads,
            runtime.store,
            source,
            options,
            workspace=runtime.workspace,
            actor=actor_of(ctx),
            progress=progress,
            cancelled=cancelled,
        )
        try:
            report = await to_thread.run_sync(run)
        except ImportCancelled:
            await checkpoint_if_cancelled()  # a thread's end swallows it
            raise
    uri = f"leads://imports/{report.import_id}/rejects" if report.import_id and report.rejected else None
    dry = "Dry run, nothing stored: " if options.dry_run else ""
    went_on = f" It went on after row {report.resumed}, where it had broken off." if report.resumed else ""
    text = (
        f"{dry}{quantity(report.rows, 'row')}: {report.created} created, {report.merged} merged, "
        f"{report.unchanged} unchanged, {report.rejected} rejected.{went_on}"
    )
    result = ImportResult(**report.model_dump(), rejects_uri=uri)
    for each in result.reject_samples:
        if len(each.original) > SHOWN_ORIGINAL:
            each.original = f"{each.original[:SHOWN_ORIGINAL]}..."
    return answer(result, text)


def _source(runtime: Runtime, path: str | None, content: str | None, blob: str | None, filename: str) -> Source:
    if sum(each is not None for each in (path, content, blob)) != 1:
        msg = "Give one of path, content and blob."
        raise InvalidInput(msg)
    if path is not None:
        return source_of_uri(runtime.store, runtime.workspace, path) or Source.from_path(
            path, runtime.settings.import_roots
        )
    return Source.from_base64(blob, filename) if blob is not None else Source.from_text(content or "", filename)


async def leads_search(
    ctx: Ctx, where: FullWhere = None, sort: Sort = Sort.OLDEST, limit: Limit = 20, cursor: Cursor = None
) -> Annotated[CallToolResult, LeadPage]:
    """Find leads; without a filter, all of them."""
    found = await runtime_of(ctx).read(
        lambda work: search(work, filter_of(where), sort=sort, limit=limit, cursor=cursor)
    )
    more = " More with next_cursor." if found.next_cursor else ""
    least = "More than " if found.more else ""
    lines = [
        f"{lead.id} {' '.join(_filled(lead.first_name, lead.last_name))}, {lead.company or 'no company'}"
        for lead in found.leads
    ]
    return answer(
        found,
        "\n".join([f"{least}{quantity(found.total, 'lead')} match, {len(lines)} shown.{more} {UNTRUSTED}", *lines]),
    )


async def leads_get_lead(ctx: Ctx, lead_id: str) -> Annotated[CallToolResult, LeadView]:
    """Everything known of one lead: fields, tags, consents, newest messages and replies."""
    found = await runtime_of(ctx).read(lambda work: service.get(work, lead_id))
    name = " ".join(_filled(found.first_name, found.last_name)) or "(no name)"
    text = f"{name}: {quantity(len(found.messages), 'message')}, {quantity(len(found.replies), 'reply')}. {UNTRUSTED}"
    return answer(found, text)


async def leads_trace_lead(
    ctx: Ctx, lead_id: Annotated[str, Field(description="Or e-mail address, or phone number.")], limit: Limit = 100
) -> Annotated[CallToolResult, Trace]:
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

    def preview(work: Work) -> SegmentPreview:
        if name is not None and where is not None:
            msg = "Give name or where, and not both of them."
            raise InvalidInput(msg)
        if name is not None:
            return segments.preview_named(work, name)
        return segments.preview(work, filter_of(where))

    found = await runtime_of(ctx).read(preview)
    channels = ", ".join(f"{channel} {number}" for channel, number in found.by_channel.items())
    return answer(found, f"{quantity(found.count, 'lead')} ({channels or 'none'}). {UNTRUSTED}")


async def leads_save_segment(
    ctx: Ctx,
    name: Annotated[str, Field(min_length=1, max_length=100)],
    where: Where = None,
    frozen: Annotated[bool, Field(description="Keep who is in it now.")] = False,
) -> Annotated[CallToolResult, SegmentView]:
    """Save a filter as a segment, in place of one of the same name. Approved plans are not affected."""
    saved = await runtime_of(ctx).write(
        actor_of(ctx), lambda work: segments.save(work, name, filter_of(where), frozen=frozen)
    )
    return answer(saved, f"Segment {saved.name!r} has {quantity(saved.count, 'lead')}.")


async def leads_list_segments(ctx: Ctx) -> Annotated[CallToolResult, SegmentList]:
    """All segments with their size now."""

    def read(work: Work) -> tuple[list[SegmentView], int]:
        first = segments.list_(work, limit=MOST_SEGMENTS)
        return first, segments.number(work) if len(first) == MOST_SEGMENTS else len(first)

    listed, total = await runtime_of(ctx).read(read)
    shown = [each.model_copy(update={"where": each.where[:SHOWN_WHERE]}) for each in listed]
    found = SegmentList(segments=shown, more=total - len(shown))
    lines = [f"{each.name}: {quantity(each.count, 'lead')}" for each in found.segments]
    if found.more:
        lines.append(f"{quantity(found.more, 'segment')} more are not shown.")
    return answer(found, "\n".join(lines) or "There are no segments yet; save one with leads_save_segment.")


async def leads_suppress(
    ctx: Ctx,
    kind: Kind,
    value: Annotated[str, Field(max_length=320, description="Address, E.164 number, domain or lead id.")],
    reason: Annotated[str, Field(max_length=40)] = "manual",
) -> Annotated[CallToolResult, SuppressionView]:
    """Never contact an address, domain or person again; pending messages are cancelled. Only ever adds."""

    def write(work: Work) -> SuppressionView:
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
    ToolSpec(leads_import_file, "Import leads", Scope.LEADS_WRITE, writes=True, depth=1),
    ToolSpec(leads_search, "Search leads", Scope.LEADS_READ),
    ToolSpec(leads_get_lead, "Get a lead", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_trace_lead, "Trace a lead", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_explain_contactability, "Explain contactability", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_preview_segment, "Preview a segment", Scope.LEADS_READ, depth=1),
    ToolSpec(leads_save_segment, "Save a segment", Scope.LEADS_WRITE, writes=True, destructive=True),
    ToolSpec(leads_list_segments, "List segments", Scope.LEADS_READ),
    ToolSpec(leads_suppress, "Suppress an address", Scope.LEADS_WRITE, writes=True),
    ToolSpec(leads_list_suppressions, "List suppressions", Scope.LEADS_READ),
    *CHANGING,
)
