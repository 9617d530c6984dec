"""WhatsApp's 24 hours: free text only answers, what Meta approved may also begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from overture_core.contactability.rules import Facts, Reason, Verdict, decide
from overture_core.messages.channels import Channel

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)  # in New York
SECOND = timedelta(seconds=1)


def facts(**values: object) -> Facts:
    known = {"zones": ("America/New_York",), "consent": {Channel.WHATSAPP: True}, **values}
    return Facts("US", frozenset({Channel.SMS, Channel.WHATSAPP}), **known)  # type: ignore[arg-type]


def reason(known: Facts, *, free_text: bool, at: datetime = NOON) -> Reason | None:
    return decide(known, Channel.WHATSAPP, at, sender_verified=True, free_text=free_text).reason


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (None, Reason.WINDOW_CLOSED),
        (timedelta(hours=24), Reason.WINDOW_CLOSED),
        (timedelta(hours=24) - SECOND, None),
        (timedelta(0), None),
    ],
)
def test_free_text_needs_a_message_of_the_lead_within_a_day(ago: timedelta | None, expected: Reason | None) -> None:
    known = facts(wrote_whatsapp_at=None if ago is None else NOON - ago)
    assert reason(known, free_text=True) is expected
    assert reason(known, free_text=False) is None


def test_neither_the_reply_nor_the_cap_keeps_an_answer_back() -> None:
    known = facts(wrote_whatsapp_at=NOON - SECOND, replied_at=NOON - SECOND, contacted=[NOON - timedelta(hours=1)])
    assert reason(known, free_text=True) is None
    assert reason(known, free_text=False) is Reason.REPLIED


def test_whatsapp_wants_consent_of_its_own_and_keeps_quiet_hours() -> None:
    assert reason(facts(consent={Channel.SMS: True}), free_text=False) is Reason.CONSENT_MISSING
    assert reason(facts(consent={Channel.WHATSAPP: False}), free_text=False) is Reason.CONSENT_DENIED
    assert reason(facts(suppressed={Channel.WHATSAPP}), free_text=True) is Reason.SUPPRESSED
    night = decide(facts(), Channel.WHATSAPP, NOON.replace(hour=4), sender_verified=True)
    assert (night.verdict, night.reason) == (Verdict.LATER, Reason.QUIET_HOURS)
    assert reason(facts(zones=()), free_text=False) is Reason.ZONE_UNKNOWN
