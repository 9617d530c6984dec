"""When a follow-up is due: how long to wait, and the hours in which a campaign writes.

Pure functions. Weekdays are those of the recipient where their zone is known, and of UTC elsewhere;
public holidays are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, model_validator

from overture_core.contactability.quiet_hours import Window
from overture_core.text import quantity

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SATURDAY = 5
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=366)
_SHARED_WITHIN = timedelta(days=16)  # two weeks of any choice of weekdays, on both sides of the date line
_WAIT = re.compile(r"(?P<number>[1-9]\d{0,3}) (?P<unit>minute|hour|day|business day|week)s?", re.IGNORECASE)
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": _DAY,
    "business day": _DAY,
    "week": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Wait:
    """A duration, or a number of business days (Monday to Friday)."""

    number: int
    unit: str

    def after(self, moment: datetime) -> datetime:
        """Return the time that is this much later. Business days are counted in UTC; one that begins at a weekend
        begins on Monday."""
        if self.unit != "business day":
            return moment + self.number * _UNITS[self.unit]
        start = moment
        while start.weekday() >= _SATURDAY:
            start = datetime.combine(start.date() + _DAY, time(), tzinfo=UTC)
        return _business_days(start, self.number, _DAY)

    def before(self, moment: datetime) -> datetime:
        """Return the latest time whose `after` is not later than `moment`."""
        if self.unit != "business day":
            return moment - self.number * _UNITS[self.unit]
        start = moment
        while start.weekday() >= _SATURDAY:  # nothing falls due at a weekend: Friday's last moment counts
            start = datetime.combine(start.date(), time(), tzinfo=UTC) - timedelta(microseconds=1)
        return _business_days(start, self.number, -_DAY)


def parse_wait(text: str) -> Wait:
    """Read a duration such as `48 hours`, `3 days`, `2 business days` or `1 week`.

    Raises:
        ValueError: it is none, or longer than a year.
    """
    found = _WAIT.fullmatch(text.strip())
    if found is None:
        msg = "a wait is a number and a unit, for example '48 hours', '3 days', '2 business days' or '1 week'"
        raise ValueError(msg)
    wait = Wait(int(found["number"]), found["unit"].lower())
    if wait.number * _UNITS[wait.unit] > _LONGEST:
        msg = "a wait is at most a year"
        raise ValueError(msg)
    return wait


def _said(text: str) -> str:
    wait = parse_wait(text)
    return quantity(wait.number, wait.unit)


WaitText = Annotated[str, AfterValidator(_said), Field(description="'48 hours', '3 days', '2 business days'.")]


class SendWindow(BaseModel):
    """Hours and weekdays in each recipient's own time zone, UTC where it is not known."""

    start: time = time(9)
    until: time = time(17)
    days: list[Weekday] = Field(default_factory=lambda: list(WEEKDAYS[:_SATURDAY]), min_length=1)

    @model_validator(mode="after")
    def _is_open(self) -> SendWindow:
        if self.start.tzinfo or self.until.tzinfo:
            msg = "the hours of a send window are the recipient's own; leave the time zone out"
            raise ValueError(msg)
        if self.start >= self.until:
            msg = "a send window starts before it ends, on the same day"
            raise ValueError(msg)
        return self

    def __str__(self) -> str:
        return f"{self.start:%H:%M} to {self.until:%H:%M} on {', '.join(self.days)}"

    def meets(self, hours: Window) -> bool:
        """Tell whether some time of day is inside both."""
        return self.start < hours.closes and hours.opens < self.until

    def opening(self, at: datetime, zones: Sequence[str], hours: Window | None = None) -> datetime | None:
        """Return the first time from `at` on that is inside the window in the recipient's zone, and inside `hours`,
        those in which a message of the channel may arrive at all.

        Somebody who may be in several zones gets it when it is open in all of them. Without a zone, or an hour in
        common, UTC counts; but where `hours` have to be kept there is then no such time: None.
        """
        start, until = (self.start, self.until)
        if hours is not None:
            start, until = max(start, hours.opens), min(until, hours.closes)
            if start >= until:
                return None
        allowed = frozenset(WEEKDAYS.index(day) for day in self.days)
        shared = _first_open(start, until, allowed, tuple(zones), at)
        if shared is not None or hours is not None:
            return shared
        return _first_open(start, until, allowed, ("UTC",), at)


@lru_cache(maxsize=4096)  # an audience lives in a few zones, and is asked about for one moment
def _first_open(
    start: time, until: time, allowed: frozenset[int], zones: tuple[str, ...], at: datetime
) -> datetime | None:
    """Return the first time from `at` on that is open in all of the zones; None where they share no hour."""
    moment = at
    while moment - at <= _SHARED_WITHIN:
        later = max((_opening(start, until, allowed, zone, moment) for zone in zones), default=None)
        if later is None or later == moment:
            return later
        moment = later
    return None


def _opening(start: time, until: time, allowed: frozenset[int], zone: str, at: datetime) -> datetime:
    local = at.astimezone(ZoneInfo(zone))
    if local.weekday() in allowed and start <= local.time() < until:
        return at
    day = local.date() if local.time() < start else local.date() + _DAY
    while day.weekday() not in allowed:
        day += _DAY
    # Where clocks are put forward, the hour may not exist: its UTC time is then the first one after the gap.
    return datetime.combine(day, start, tzinfo=ZoneInfo(zone)).astimezone(at.tzinfo)


def _business_days(moment: datetime, number: int, step: timedelta) -> datetime:
    left = number
    while left:
        moment += step
        left -= moment.weekday() < _SATURDAY
    return moment
