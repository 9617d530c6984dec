"""The tools that change leads one by one or by segment, and those that ask for an export or an erasure."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from anyio import to_thread
from mcp.types import CallToolResult
from pydantic import AwareDatetime, BeforeValidator, Field, WithJsonSchema

from overture_core.leads import consenting, erasure_requests, export_requests, tagging
from overture_core.leads.consenting import ConsentRecorded
from overture_core.leads.erasure_requests import ErasureAsked
from overture_core.leads.export_requests import ExportAsked
from overture_core.leads.exporting import Format
from overture_core.leads.finding import lead_id_of
from overture_core.leads.tagging import Tagged
from overture_core.leads.undoing import Undone, undo_change, undo_import
from overture_core.leads.upserting import Scalar, Upserted, upsert
from overture_core.messages.channels import Channel
from overture_core.segments.filter import filter_of
from overture_core.storage.store import Work
from overture_core.text import quantity
from overture_servers.runtime import told
from overture_servers.scopes import Scope
from overture_servers.tooling import Ctx, ToolSpec, actor_of, answer, runtime_of

Where = Annotated[str | None, Field(description="Filter, as in leads_search.")]
Known = Annotated[str, Field(description="Or e-mail address, or phone number.")]


def _scalar(value: object) -> object:
    if not isinstance(value, Scalar):
        msg = "give a text, a number, true or false; leave out what is unknown"
        raise ValueError(msg)
    return value


FieldValue = Annotated[Scalar, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]


async def leads_upsert_lead(
    ctx: Ctx,
    fields: Annotated[
        dict[str, FieldValue], Field(description="Like a file's columns: email, phone, first_name, or any.")
    ],
    default_country: Annotated[str | None, Field(description="Of a phone number without one, e.g. US.")] = None,
) -> Annotated[CallToolResult, Upserted]:
    """Create a lead, or fill what is empty in the one with the same address: the rules of an import. No consent."""
    runtime = runtime_of(ctx)
    run = partial(
        upsert,
        runtime.store,
        fields,
        workspace=runtime.workspace,
        actor=actor_of(ctx),
        default_country=default_country,
    )
    with told():
        done = await to_thread.run_sync(run)
    return answer(done, " ".join([f"{done.lead_id} is {done.outcome}.", *done.warnings]))


async def leads_tag(
    ctx: Ctx,
    tag: str,
    where: Where = None,
    lead_ids: list[str] | None = None,
    remove: bool = False,
) -> Annotated[CallToolResult, Tagged]:
    """Put a tag on leads, or remove it, by filter or by ids; segment = "NAME" is a filter too."""

    def write(work: Work) -> Tagged:
        # A blank filter selects everybody: whoever means that says it by a condition.
        wanted = filter_of(where) if where is not None and where.strip() else None
        return tagging.tag(work, tag, wanted=wanted, lead_ids=lead_ids or (), remove=remove)

    done = await runtime_of(ctx).write(actor_of(ctx), write)
    how = "lost" if remove else "got"
    return answer(done, f"{done.changed} of {quantity(done.leads, 'lead')} {how} the tag {done.tag!r}.")


async def leads_record_consent(
    ctx: Ctx,
    lead_id: str,
    channel: Channel,
    granted: Annotated[bool, Field(description="false: refused or withdrawn; pending messages are cancelled.")],
    source: Annotated[str, Field(description="Where they said so; a grant needs it.")] = "",
    wording: Annotated[str, Field(description="What they agreed to, word for word; a grant needs it.")] = "",
    given_at: AwareDatetime | None = None,
) -> Annotated[CallToolResult, ConsentRecorded]:
    """Record that a lead refused a channel or agreed to it. Only a person overrules an earlier refusal."""
    done = await runtime_of(ctx).write(
        actor_of(ctx),
        lambda work: consenting.record(
            work, lead_id, channel, granted=granted, source=source, wording=wording, given_at=given_at
        ),
    )
    said = "agreed to" if granted else "refused"
    return answer(done, f"{lead_id} {said} {channel}; {quantity(done.cancelled, 'message')} cancelled.")


async def leads_export(
    ctx: Ctx,
    where: Where = None,
    columns: list[str] | None = None,
    format: Format = "csv",
) -> Annotated[CallToolResult, ExportAsked]:
    """Ask for a file of leads. Nothing is written until a person releases it at the command line."""
    asked = await runtime_of(ctx).write(
        actor_of(ctx), lambda work: export_requests.ask(work, where, columns=columns, format_=format)
    )
    text = f"{asked.id} waits for a person: {quantity(asked.leads, 'lead')}, `overture exports release {asked.id}`."
    return answer(asked, text)


async def leads_erase(ctx: Ctx, lead_id: Known) -> Annotated[CallToolResult, ErasureAsked]:
    """Ask that a lead be forgotten for good. Nobody is until a person releases it at the command line."""
    asked = await runtime_of(ctx).write(
        actor_of(ctx), lambda work: erasure_requests.ask(work, lead_id_of(work, lead_id))
    )
    text = (
        f"{asked.id} waits for a person: `overture erasures release {asked.id}`. "
        f"Until then leads_suppress keeps {asked.lead_id} from being written to."
    )
    return answer(asked, text)


async def leads_undo(
    ctx: Ctx, id: Annotated[str, Field(description="An import's, or that of one merge from leads_list.")]
) -> Annotated[CallToolResult, Undone]:
    """Take back what an import or one merge wrote, where nobody built on it. Refusals and suppressions stay."""
    runtime = runtime_of(ctx)
    if id.startswith("imp_"):
        run = partial(undo_import, runtime.store, id, workspace=runtime.workspace, actor=actor_of(ctx))
        with told():
            done = await to_thread.run_sync(run)
    else:
        done = await runtime.write(actor_of(ctx), lambda work: undo_change(work, id))
    stayed = "; ".join(f"{number} stayed: {why}" for why, number in done.stayed.items())
    text = f"{quantity(done.removed, 'lead')} removed, {quantity(done.reverted, 'merge')} taken back."
    return answer(done, f"{text} {stayed}." if stayed else text)


CHANGING = (
    ToolSpec(leads_upsert_lead, "Create or complete a lead", Scope.LEADS_WRITE, writes=True),
    ToolSpec(leads_tag, "Tag leads", Scope.LEADS_WRITE, writes=True, destructive=True),
    ToolSpec(leads_undo, "Undo an import or merge", Scope.LEADS_WRITE, writes=True, destructive=True, depth=1),
    ToolSpec(leads_record_consent, "Record consent", Scope.LEADS_WRITE, writes=True, depth=1),
    ToolSpec(leads_export, "Ask for an export", Scope.LEADS_EXPORT, writes=True, depth=1),
    ToolSpec(leads_erase, "Ask for an erasure", Scope.LEADS_ERASE, writes=True, depth=1),
)
