"""Traces, and what log lines are about: the seams that servers, the queue, workers and providers share.

Traces are OpenTelemetry's and off unless its own variables name an exporter: `OTEL_TRACES_EXPORTER` (otlp or console)
or `OTEL_EXPORTER_OTLP_ENDPOINT`. The MCP SDK makes a span of each call of a tool; a job carries its context through
Redis, so that what a worker and a provider did for the call is part of the same trace. No span of ours has a text, an
address or a name of a lead: ids, counts and codes alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_OFF = ("", "none")
# Of a longer number, or of words, nobody knows that they are not about a person or a secret.
_ID = re.compile(r"[0-9]{1,6}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_tracer = trace.get_tracer("overture")
_format = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None


def begin_tracing(service: str) -> None:
    """Export the spans of this process as `service`, if the environment names an exporter."""
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "otlp" if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else "")
    if wanted.strip().lower() in _OFF or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    global _provider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

    from overture_core.bare_spans import BareSpans

    exporter: SpanExporter
    if wanted == "console":
        exporter = ConsoleSpanExporter(out=sys.stderr)  # stdout belongs to the MCP protocol
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    _provider = TracerProvider(resource=Resource.create({"service.name": service}))
    _provider.add_span_processor(BatchSpanProcessor(BareSpans(exporter)))
    trace.set_tracer_provider(_provider)


def end_tracing() -> None:
    """Export what is left. A child process does not do so by itself."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int) -> Iterator[Span]:
    """Open a span. An error's type is noted and not its words, which may be about a person."""
    if _provider is None:
        yield trace.INVALID_SPAN
        return
    with _tracer.start_as_current_span(
        name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_attribute("error.type", type(error).__qualname__)
            opened.set_status(Status(StatusCode.ERROR))
            raise


def caller_chosen(request: str | int) -> str:
    """Return what a span and a log line call a request: the id that the caller gave it where that is a counter's or a
    UUID, and a fingerprint of whatever else it is."""
    text = str(request)
    if _ID.fullmatch(text):
        return text
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"


def traceparent() -> str | None:
    """Return what another process needs to go on with this trace (W3C Trace Context); None without one."""
    carrier: dict[str, str] = {}
    _format.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """Go on with a trace of another process; nothing that is no trace does harm."""
    if traceparent is None:
        yield
        return
    token = context.attach(_format.extract({"traceparent": traceparent}))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def about(**ids: str | None) -> Iterator[None]:
    """Put these into every log line of the block."""
    with structlog.contextvars.bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


def add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the trace's and the span's id to a log line; a processor of structlog's."""
    found = trace.get_current_span().get_span_context()
    if found.is_valid:
        event["trace_id"] = trace.format_trace_id(found.trace_id)
        event["span_id"] = trace.format_span_id(found.span_id)
    return event
