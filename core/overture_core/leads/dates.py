"""Dates as people write them. Day first or month first is decided per column, and said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

_NUMERIC = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_FORMATS = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%Y/%m/%d", "%d-%b-%Y")


class Order(StrEnum):
    """How a column writes its numeric dates."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


def find_order(values: Iterable[str]) -> tuple[Order, bool]:
    """Return the order of a column's numeric dates, and whether that had to be assumed.

    A number above 12 decides, or a full stop, which is written with the day first; without either,
    day first is assumed.
    """
    ambiguous = False
    for value in values:
        found = _NUMERIC.match(value.strip())
        if found is None:
            continue
        first, second = int(found[1]), int(found[2])
        if first > 12 or "." in found[0]:
            return Order.DAY_FIRST, False
        if second > 12:
            return Order.MONTH_FIRST, False
        ambiguous = ambiguous or first != second
    return Order.DAY_FIRST, ambiguous


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
