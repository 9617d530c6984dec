"""When a rate is a warning, when it stops a campaign, and when it says nothing."""

from __future__ import annotations

import pytest

from overture_core.health.thresholds import BOUNCES, COMPLAINTS, Level, Threshold, level, percent, sentence


@pytest.mark.parametrize(
    ("threshold", "events", "accepted", "expected"),
    [
        (BOUNCES, 99, 199, Level.TOO_FEW),
        (BOUNCES, 19, 1000, Level.OK),
        (BOUNCES, 20, 1000, Level.WARNING),
        (BOUNCES, 50, 1000, Level.OVER),
        (COMPLAINTS, 9, 10_000, Level.OK),
        (COMPLAINTS, 10, 10_000, Level.WARNING),
        (COMPLAINTS, 30, 10_000, Level.OVER),
        (COMPLAINTS, 1, 200, Level.WARNING),  # one person alone stops nothing
    ],
)
def test_a_rate_is_judged_by_its_threshold(threshold: Threshold, events: int, accepted: int, expected: Level) -> None:
    assert level(threshold, events, accepted, least=200) is expected


def test_what_is_said_names_the_rate_the_limit_and_what_to_do() -> None:
    said = sentence(BOUNCES, 60, 1000, Level.OVER)
    assert said.startswith("Bounces are 6.000% of 1000 messages in 7 days, at or over 5.0%. Check where")


@pytest.mark.parametrize(
    ("events", "accepted", "shown"), [(4, 1350, "0.296%"), (2_999, 999_999, "0.299%"), (3, 1000, "0.300%")]
)
def test_no_rate_below_a_limit_reads_as_the_limit(events: int, accepted: int, shown: str) -> None:
    assert percent(events, accepted) == shown
