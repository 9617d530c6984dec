"""The tool that takes files in: leads, lists of whom never to contact, signals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial
from typing import Annotated, Literal

from anyio import from_thread, get_cancelled_exc_class, to_thread
from anyio.lowlevel import checkpoint_if_cancelled
from mcp.types import CallToolResult
from pydantic import Field

from overture_core.errors import InvalidInput
from overture_core.leads.again import source_of_uri
from overture_core.leads.importing import ImportCancelled, Progress, import_leads
from overture_core.leads.imports import ImportReport, Reject
from overture_core.leads.options import DateOrder, ImportOptions
from overture_core.leads.reading import Source
from overture_core.scoring.importing import SignalReport, import_signals
from overture_core.suppressions.files import take_file
from overture_core.text import quantity
from overture_servers.runtime import Runtime, told
from overture_servers.scopes import Scope
from overture_servers.tooling import Ctx, ToolSpec, actor_of, answer, runtime_of

SHOWN_WARNINGS = 10  # in the text of a result, which has all of them beside it
SHOWN_ORIGINAL = 300  # characters of a rejected row in a result; of an import of leads, its resource has all
Kind = Literal["leads", "suppressions", "signals"]
_Tell = Callable[[int, int | None, int], None]


class ImportResult(ImportReport):
    """What an import did, and where its rejected rows can be read. Of another kind than leads, `created` were added."""

    rejects_uri: str | None = Field(description="Resource with every rejected row as CSV; of leads alone.")


async def leads_import_file(
    ctx: Ctx,
    path: Annotated[str | None, Field(description="File in an allowed folder, file: URI, or rejects_uri.")] = None,
    content: Annotated[str | None, Field(description="Or the text of a file or resource.")] = None,
    blob: Annotated[str | None, Field(description="Or its bytes in base64.")] = None,
    filename: Annotated[str, Field(description="Name of inline content.")] = "inline.csv",
    kind: Annotated[
        Kind,
        Field(
            description="suppressions: email, phone or domain of whom never to contact, reason. signals: a lead's "
            "email, kind (job_change, funding, hiring, ...), date, note."
        ),
    ] = "leads",
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
        if kind != "leads":
            _refuse_options_of_leads(kind, options)
        source = await to_thread.run_sync(_source, runtime, path, content, blob, filename)
        if kind == "leads":
            result = await _import_leads(ctx, source, options)
        else:
            result = await to_thread.run_sync(_import_list, ctx, _teller(ctx), kind, source, options)
    for each in result.reject_samples:
        if len(each.original) > SHOWN_ORIGINAL:
            each.original = f"{each.original[:SHOWN_ORIGINAL]}..."
    return answer(result, _said(kind, result, dry_run=options.dry_run))


def _said(kind: Kind, result: ImportResult, *, dry_run: bool) -> str:
    dry = "Dry run, nothing stored: " if dry_run else ""
    went_on = f" It went on after row {result.resumed}, where it had broken off." if result.resumed else ""
    became = f"{result.created} created, {result.merged} merged" if kind == "leads" else f"{result.created} added"
    rows = f"{quantity(result.rows, 'row')}{'' if kind == 'leads' else f' of {kind}'}"
    told = f"{dry}{rows}: {became}, {result.unchanged} unchanged, {result.rejected} rejected.{went_on}"
    return "\n".join([told, *result.warnings[:SHOWN_WARNINGS]])


def _source(runtime: Runtime, path: str | None, content: str | None, blob: str | None, filename: str) -> Source:
    if sum(each is not None for each in (path, content, blob)) != 1:
        msg = "Give one of path, content and blob."
        raise InvalidInput(msg)
    if path is not None:
        return source_of_uri(runtime.store, runtime.workspace, path) or Source.from_path(
            path, runtime.settings.import_roots, closed=runtime.settings.data_dir
        )
    return Source.from_base64(blob, filename) if blob is not None else Source.from_text(content or "", filename)


async def _import_leads(ctx: Ctx, source: Source, options: ImportOptions) -> ImportResult:
    gone = get_cancelled_exc_class()

    def cancelled() -> bool:
        try:
            from_thread.check_cancelled()
        except gone:
            return True
        return False

    tell = _teller(ctx)

    def progress(done: Progress) -> None:
        tell(done.read, done.size, done.rows)

    runtime = runtime_of(ctx)
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
    return ImportResult(**report.model_dump(), rejects_uri=uri)


def _teller(ctx: Ctx) -> _Tell:
    """Return what tells the client, from a thread, how far an import is."""
    gone = get_cancelled_exc_class()

    def tell(done: int, whole: int | None, rows: int) -> None:
        try:
            from_thread.run(ctx.report_progress, done, whole, quantity(rows, "row"))
        except (gone, CancelledError):
            return  # the chunk is stored; what asks `cancelled` ends the import in good order

    return tell


def _refuse_options_of_leads(kind: Kind, options: ImportOptions) -> None:
    taken = {"default_country"} if kind == "suppressions" else set()
    given = options.model_dump(exclude={"encoding", "dry_run"} | taken, exclude_defaults=True)
    if given:
        names = " or ".join("mapping" if name == "mapping_name" else name for name in given)
        others = ", ".join(["filename", *sorted(taken), "encoding"])
        msg = f"An import of {kind} takes no {names}; give path, content or blob, {others} and dry_run alone."
        raise InvalidInput(msg)


def _import_list(ctx: Ctx, tell: _Tell, kind: Kind, source: Source, options: ImportOptions) -> ImportResult:
    runtime = runtime_of(ctx)
    take = partial(
        import_signals if kind == "signals" else partial(take_file, country=options.default_country),
        runtime.store,
        source,
        workspace=runtime.workspace,
        actor=actor_of(ctx),
        encoding=options.encoding,
        dry_run=options.dry_run,
        progress=lambda rows: tell(rows, None, rows),
    )
    report = take()
    if isinstance(report, SignalReport):
        added, warnings = report.recorded, report.warnings
        rejects = [Reject(line=each.line, original=each.original, reasons=[each.reason]) for each in report.rejects]
    else:
        added = report.added
        warnings = report.warnings()
        warnings += [f"Line {each.line}, in part left out: {'; '.join(each.reasons)}" for each in report.left_out]
        rejects = [Reject(**each.model_dump()) for each in report.rejects]
    return ImportResult(
        **report.model_dump(include={"filename", "encoding", "delimiter", "rows", "unchanged", "rejected"}),
        import_id=None,
        created=added,
        mapping=report.columns,
        unmapped=[],
        reject_samples=rejects,
        warnings=warnings,
        rejects_uri=None,
    )


TOOLS = (ToolSpec(leads_import_file, "Import leads", Scope.LEADS_WRITE, writes=True, depth=1),)
