"""What must not stand in a log is masked wherever it is in a value, and nothing else is changed."""

from __future__ import annotations

import logging

import pytest

from overture_cli.logs import mask, unfilled

PLAIN = [
    "tool_called",
    "overture-leads",
    "2026-11-28T11:30:24.427596Z",
    "pln_01M8H0WMQP0C8VPFC5",
    "a key, a bearer",
    "",
]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada@northwind.example", "<address>"),
        ("to ada.moss@northwind.example, twice", "to <address>, twice"),
        ("+1 212 555 0101", "<number>"),
        ("SG.abcdefgh1234", "<key>"),
        ("sk_live_abcdefgh", "<key>"),
        ("rk_test_abcdefgh", "<key>"),
        ("whsec_abcdefgh", "<key>"),
        ("eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "<key>"),
        ("Authorization: Bearer abcdefgh1234", "Authorization: Bearer <key>"),
        ("BASIC YWRhOmhlbGxv", "BASIC <key>"),
    ],
)
def test_each_kind_is_masked_at_any_depth(text: str, shown: str) -> None:
    event = {"event": text, "about": {"list": [text, 7, None]}}
    assert mask(None, "info", event) == {"event": shown, "about": {"list": [shown, 7, None]}}


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_none_of_them_stays(text: str) -> None:
    assert mask(None, "info", {"event": text}) == {"event": text}


@pytest.mark.parametrize(
    ("logger", "message", "filled", "shown"),
    [
        ("mcp.server.transport_security", "Invalid Origin header: Ada Lovelace", (), "Invalid Origin header"),
        ("mcp.server.runner", "dropped %r", ("Ada Lovelace",), "dropped %r"),
        ("uvicorn.error", "Started %d: all well", (7,), "Started 7: all well"),
    ],
)
def test_what_the_sdk_filled_into_its_words_is_left_out(
    logger: str, message: str, filled: tuple[object, ...], shown: str
) -> None:
    record = logging.LogRecord(logger, logging.WARNING, "", 0, message, filled, None)
    assert unfilled(None, "warning", {"event": record.getMessage(), "_record": record})["event"] == shown
