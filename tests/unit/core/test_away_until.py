"""Until when somebody is away, as their automatic answer says."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overture_core.replies.away import UNKNOWN, away_until

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am out of the office until Monday and read mail when I am back.", date(2026, 12, 1)),
        ("I will be back on December 7th.", date(2026, 12, 8)),
        ("On leave from 1 December to 15 December", date(2026, 12, 16)),
        ("Out of office. Back 5 January 2027, for urgent matters call Bob", date(2027, 1, 6)),
        ("Back in the office on Thursday", date(2026, 11, 27)),
        ("Ich bin bis zum 07.12.2026 im Urlaub.", date(2026, 12, 8)),
        ("Je suis absent jusqu'au 3 décembre.", date(2026, 12, 4)),
        ("Estoy fuera de la oficina hasta el 9 de diciembre.", date(2026, 12, 10)),
    ],
)
def test_the_day_after_the_last_that_is_named(text: str, expected: date) -> None:
    assert away_until(text, NOW).date() == expected


@pytest.mark.parametrize("text", ["I am away.", "Back soon", "until further notice", "until 1 January 1990", ""])
def test_without_a_usable_day_it_is_a_week(text: str) -> None:
    assert away_until(text, NOW) == NOW + UNKNOWN


@settings(deadline=None)  # the library loads its languages on the first text
@given(st.text(max_size=200))
def test_any_text_gives_a_time_to_come(text: str) -> None:
    assert away_until(f"until {text} back on {text}", NOW) > NOW
