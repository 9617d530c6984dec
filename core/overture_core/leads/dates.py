"""Dates as people write them. Day first or month first is decided per column, and said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

_NUMERIC = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_FORMATS = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%Y/%m/%d", "%d-%b-%Y")


MOST = 0.95  # of the dates that tell day from month have to agree, for the others to be read as they are


class Order(StrEnum):
    """How a column writes its numeric dates; a mixed one does not tell how to read those that could be either."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    MIXED = "mixed"


class FoundOrder(NamedTuple):
    """A column's order: whether it had to be assumed, and how many of its dates contradict it."""

    order: Order
    assumed: bool = False
    against: int = 0


def find_order(values: Iterable[str]) -> FoundOrder:
    """Return the order of a column's numeric dates.

    A number above 12 tells, or a full stop, which is written with the day first; without either, day
    first is assumed. Where too many dates tell one order and too many the other, the column is mixed.
    """
    day = month = 0
    ambiguous = False
    for value in values:
        found = _NUMERIC.match(value.strip())
        if found is None:
            continue
        first, second = int(found[1]), int(found[2])
        if first > 12 and second > 12:
            continue
        if second > 12:
            month += 1
        elif first > 12 or "." in found[0]:
            day += 1
        else:
            ambiguous = ambiguous or first != second
    if not day and not month:
        return FoundOrder(Order.DAY_FIRST, ambiguous)
    if max(day, month) < MOST * (day + month):
        return FoundOrder(Order.MIXED, against=min(day, month))
    return FoundOrder(Order.DAY_FIRST if day > month else Order.MONTH_FIRST, against=min(day, month))


def parse_date(text: str, order: Order) -> datetime | None:
    """Return midnight UTC of a date (or a full time, if one is written), or None if it is no date."""
    value = text.strip()
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = _numeric(value, order) or _named(value)
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:  # the offset leads out of the years 1 to 9999
        return None


def _numeric(value: str, order: Order) -> datetime | None:
    found = _NUMERIC.match(value)
    if found is None:
        return None
    first, second, year = (int(part) for part in found.groups())
    if order is Order.MIXED:
        if first <= 12 and second <= 12 and first != second:
            return None
        order = Order.MONTH_FIRST if second > 12 else Order.DAY_FIRST
    day, month = (first, second) if order is Order.DAY_FIRST else (second, first)
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _named(value: str) -> datetime | None:
    for layout in _FORMATS:
        try:
            return datetime.strptime(value, layout).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
