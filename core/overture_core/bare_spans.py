"""Spans without what was said: whoever looks at traces is told that something failed, not in whose words."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, Status


class BareSpans(SpanExporter):
    """Hands spans on to another exporter, without the words of their status, their events and the state of their trace.

    The MCP SDK puts the sentence of a refused request into its span's status, and what a library raises into an event:
    either may be about a person. The state of a trace is whatever its caller wrote there.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_bare(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _bare(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context and _without_state(span.context),
        parent=span.parent and _without_state(span.parent),
        resource=span.resource,
        attributes=span.attributes,
        links=[Link(_without_state(each.context), each.attributes) for each in span.links],
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _without_state(context: SpanContext) -> SpanContext:
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
