"""Logging: structured lines on stderr; stdout belongs to results and to the MCP protocol.

Nobody's data is in them. Code logs ids, counts and codes; what comes along in an error's words is cut to its first line
(the lines after it show rows and values) and masked where it looks like an address, a number or a key.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from overture_core import telemetry

LONGEST_WORDS = 300
_MASKED = (
    (re.compile(r"[^\s@\"'<>(),;=]+@[^\s@\"'<>(),;]+\.[^\s@\"'<>(),;.]+"), "<address>"),
    (re.compile(r"(?<![\w.-])\+\d[\d ()-]{6,}\d"), "<number>"),
    (re.compile(r"\b(?:SG\.|sk_|rk_|whsec_|ey[A-Z])[\w.-]{8,}"), "<key>"),
    (re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]{8,}"), r"\1 <key>"),
)
# Whatever one of them finds has one of these in it; most values have none, and are looked through once.
_TELLING = re.compile(r"[@+]|SG\.|[sr]k_|whsec_|ey[A-Z]|(?i:bearer|basic) ")


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send structlog and the standard library's logging to stderr as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        telemetry.add_trace,
        structlog.processors.ExceptionRenderer(_shown),
        mask,
    ]
    lines = structlog.processors.JSONRenderer(default=str)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, lines],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, unfilled, *shared],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    structlog.configure(
        processors=[*shared, lines],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # a line in one write: processes share a log
        cache_logger_on_first_use=True,
    )


def observe(service: str) -> None:
    """Log to stderr, and export traces as `service` if the environment says where to."""
    log_to_stderr()
    telemetry.begin_tracing(service)


def unfilled(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of what the MCP SDK says, leave what it filled in, which may be any words of a caller's: `Invalid Origin header`,
    and not which; a processor of structlog's."""
    record = event["_record"]
    if record.name.split(".")[0] == "mcp":
        event["event"] = str(record.msg).partition(":")[0]
    return event


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what looks like an address, a telephone number or a key, however deep; a processor of structlog's."""
    return {name: _masked(value) for name, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, shown in _MASKED if _TELLING.search(value) else ():
            value = pattern.sub(shown, value)
        return value
    if isinstance(value, dict):
        return {name: _masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else _masked(str(value))


_frames = ExceptionDictTransformer(show_locals=False, max_frames=20)


def _shown(exc_info: Any) -> list[dict[str, Any]]:
    found = _frames(exc_info)
    for each in found:
        each["exc_value"] = each["exc_value"].partition("\n")[0][:LONGEST_WORDS]
    return found
