"""When a follow-up is due: how long to wait, and the hours in which a campaign writes.

Pure functions. Weekdays are those of the recipient where their zone is known, and of UTC elsewhere;
public holidays are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, model_validator

from overture_core.text import quantity

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SATURDAY = 5
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=366)
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

    def opening(self, at: datetime, zones: Sequence[str]) -> datetime:
        """Return the first time from `at` on that is inside the window in the recipient's zone.

        Somebody who may be in several zones gets it when it is open in all of them, and else in the first.
        """
        known = [ZoneInfo(zone) for zone in zones] or [ZoneInfo("UTC")]
        moment = at
        for _ in range(16 * len(known)):
            later = max(self._opening(moment, zone) for zone in known)
            if later == moment:
                return moment
            moment = later
        return self._opening(at, known[0])

    def _opening(self, at: datetime, zone: ZoneInfo) -> datetime:
        local = at.astimezone(zone)
        allowed = {WEEKDAYS.index(day) for day in self.days}
        if local.weekday() in allowed and self.start <= local.time() < self.until:
            return at
        day = local.date() if local.time() < self.start else local.date() + _DAY
        while day.weekday() not in allowed:
            day += _DAY
        # Where clocks are put forward, the hour may not exist: its UTC time is then the first one after the gap.
        return datetime.combine(day, self.start, tzinfo=zone).astimezone(at.tzinfo)


def _business_days(moment: datetime, number: int, step: timedelta) -> datetime:
    left = number
    while left:
        moment += step
        left -= moment.weekday() < _SATURDAY
    return moment
