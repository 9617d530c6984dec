"""Waits and send windows, over weekends and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from overture_core.campaigns.timetable import WEEKDAYS, SendWindow, Wait, parse_wait
from overture_core.contactability.quiet_hours import LEGAL

START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=730)).map(lambda passed: START + passed)
WAITS = st.builds(Wait, st.integers(1, 60), st.sampled_from(["minute", "hour", "day", "business day", "week"]))
ZONES = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]
)
TICK = timedelta(microseconds=1)


def test_waits_are_read_as_people_write_them() -> None:
    assert parse_wait("48 hours") == Wait(48, "hour")
    assert parse_wait(" 1 Week ") == Wait(1, "week")
    assert parse_wait("2 business days") == Wait(2, "business day")


@pytest.mark.parametrize("text", ["", "soon", "0 days", "-1 days", "3", "3 fortnights", "400 days", "1.5 days"])
def test_what_is_no_wait_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a wait is"):
        parse_wait(text)


def test_business_days_pass_over_the_weekend() -> None:
    friday = datetime(2026, 11, 27, 15, tzinfo=UTC)
    assert parse_wait("1 business day").after(friday) == datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert parse_wait("1 business day").after(friday + timedelta(days=1)) == datetime(2026, 12, 1, tzinfo=UTC)


@given(WAITS, MOMENTS)
def test_before_is_the_latest_time_that_is_over_by_then(wait: Wait, moment: datetime) -> None:
    since = wait.before(moment)
    assert wait.after(since) <= moment
    assert wait.after(since + TICK) > moment


@given(WAITS, MOMENTS, st.timedeltas(timedelta(), timedelta(days=10)))
def test_who_got_it_earlier_is_due_no_later(wait: Wait, moment: datetime, later: timedelta) -> None:
    assert wait.after(moment) <= wait.after(moment + later)


WINDOWS = st.builds(
    SendWindow,
    start=st.times(time(0), time(11)),
    until=st.times(time(11, 30), time(23, 59)),
    days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
)


@given(WINDOWS, MOMENTS, ZONES)
def test_an_opening_is_inside_the_window_and_none_was_missed(window: SendWindow, moment: datetime, zone: str) -> None:
    opening = window.opening(moment, [zone])
    assert opening is not None
    assert opening >= moment
    assert _inside(window, opening, zone)
    step = timedelta(minutes=15)
    passed = moment
    while passed + step < opening:
        assert not _inside(window, passed, zone)
        passed += step


@given(WINDOWS, MOMENTS, ZONES, ZONES)
def test_somebody_who_may_be_in_two_zones_is_written_to_when_both_are_open_if_they_ever_are(
    window: SendWindow, moment: datetime, one: str, other: str
) -> None:
    opening = window.opening(moment, [one, other])
    assert opening is not None
    shared = _inside(window, opening, one) and _inside(window, opening, other)
    assert shared or _inside(window, opening, "UTC")


@pytest.mark.parametrize(
    ("window", "zones", "expected"),
    [
        (SendWindow(start=time(7), until=time(22)), ["UTC"], datetime(2026, 11, 27, 8, tzinfo=UTC)),
        (SendWindow(start=time(20), until=time(23)), ["UTC"], datetime(2026, 11, 27, 20, tzinfo=UTC)),
        (SendWindow(start=time(21), until=time(23)), ["UTC"], None),
        (SendWindow(start=time(5), until=time(8)), ["UTC"], None),
        (SendWindow(start=time(9), until=time(10)), ["Europe/Moscow", "Asia/Kamchatka"], None),
    ],
)
def test_where_hours_have_to_be_kept_the_window_opens_within_them_or_never(
    window: SendWindow, zones: list[str], expected: datetime | None
) -> None:
    night = datetime(2026, 11, 27, 3, tzinfo=UTC)
    assert window.opening(night, zones, LEGAL) == expected


def test_without_a_zone_the_hours_are_those_of_utc() -> None:
    night = datetime(2026, 11, 27, 22, tzinfo=UTC)
    assert SendWindow().opening(night, []) == datetime(2026, 11, 30, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "17:00", "until": "09:00"},
        {"start": "09:00", "until": "09:00"},
        {"days": []},
        {"days": ["someday"]},
        {"start": "09:00+01:00"},
    ],
)
def test_a_window_that_never_opens_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SendWindow.model_validate(wrong)


def _inside(window: SendWindow, at: datetime, zone: str) -> bool:
    local = at.astimezone(ZoneInfo(zone))
    return WEEKDAYS[local.weekday()] in window.days and window.start <= local.time() < window.until
