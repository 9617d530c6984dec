"""Dates as people and programs write them. Day first or month first is decided per column, and said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

_NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
# Year first has a single order, in Japan, China and Korea with a word behind each number.
_YEAR_FIRST = re.compile(r"(\d{4})(?:[./-]|\s*年\s*|년\s*)(\d{1,2})(?:[./-]|\s*月\s*|월\s*)(\d{1,2})\s*[日일.]?")
_STARTS = re.compile(r"\d{1,4}\s*[./\-年년]\s*\d")
_TIME = re.compile(
    r"[,T\s]*(?:(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([ap]\.?m\.?)?)?\s*(Z|UTC|GMT)?", re.IGNORECASE
)
_TRAILING_TIME = re.compile(r"[,\s]+\d{1,2}:\d{2}.*$")
_DIGITS = re.compile(r"\d+")
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")
_UNIX = re.compile(r"\d{10}|\d{13}")
# Excel counts days; its day 60, a 29 February 1900 that never was, makes the first one the 30th of December 1899.
_EXCEL_START = datetime(1899, 12, 30, tzinfo=UTC)
_EXCEL_DAYS = range(20_000, 73_051)  # 1954 to 2099
PIVOT = 69  # of years in two digits: 69 to 99 are 19.., as in POSIX
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "nb", "fi", "tr", "ru", "uk")
MOST = 0.95  # of the dates that tell day from month have to agree, for the others to be read as they are


class Order(StrEnum):
    """How a column writes its numeric dates; a mixed one does not tell how to read those that could be either."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    MIXED = "mixed"


class FoundOrder(NamedTuple):
    """A column's order: whether it had to be assumed, how many dates contradict it, and what else was seen in it."""

    order: Order
    assumed: bool = False
    against: int = 0
    short_years: int = 0
    serials: int = 0
    unix: int = 0


class OrderFinder:
    """Looks at the dates of a column, one after the other.

    A number above 12 tells the order, or a full stop, which is written with the day first; without either, day
    first is assumed. Where too many dates tell one order and too many the other, the column is mixed.
    """

    def __init__(self) -> None:
        self._day = self._month = self._short = self._serials = self._unix = 0
        self._ambiguous = False

    def see(self, text: str) -> None:
        """Take a value into account."""
        value = text.strip()
        found = _NUMERIC.match(value)
        if found is None:
            self._serials += _of_serial(value) is not None
            self._unix += _of_unix(value) is not None
            return
        self._short += len(found[4]) == 2
        first, second = int(found[1]), int(found[3])
        if first > 12 and second > 12:
            return
        if second > 12:
            self._month += 1
        elif first > 12 or found[2] == ".":
            self._day += 1
        else:
            self._ambiguous = self._ambiguous or first != second

    def found(self) -> FoundOrder:
        """Return the order that the values seen so far tell."""
        day, month, seen = self._day, self._month, (self._short, self._serials, self._unix)
        if not day and not month:
            return FoundOrder(Order.DAY_FIRST, self._ambiguous, 0, *seen)
        if max(day, month) < MOST * (day + month):
            return FoundOrder(Order.MIXED, False, min(day, month), *seen)
        return FoundOrder(Order.DAY_FIRST if day > month else Order.MONTH_FIRST, False, min(day, month), *seen)


def find_order(values: Iterable[str]) -> FoundOrder:
    """Return the order of a column's numeric dates."""
    finder = OrderFinder()
    for value in values:
        finder.see(value)
    return finder.found()


def is_date(text: str) -> bool:
    """Say whether a text is a date in one order or the other."""
    return parse_date(text, Order.DAY_FIRST) is not None or parse_date(text, Order.MONTH_FIRST) is not None


def parse_date(text: str, order: Order) -> datetime | None:
    """Return midnight UTC of a date (or a full time, if one is written), or None if it is no date.

    ISO 8601; year first; day or month first as `order` says; a day and a month's name in one of `LANGUAGES`;
    Excel's number of a day; a Unix time in seconds or milliseconds.
    """
    value = text.strip()
    moment = _of_unix(value) or _of_serial(value)
    if moment is None:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = _of_numbers(value, order) if _STARTS.match(value) else _named(value)
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:  # the offset leads out of the years 1 to 9999
        return None


def _of_serial(value: str) -> datetime | None:
    found = _SERIAL.fullmatch(value)
    if found is None or int(found[1]) not in _EXCEL_DAYS:
        return None
    return _EXCEL_START + timedelta(seconds=round(float(value) * 86_400))


def _of_unix(value: str) -> datetime | None:
    if _UNIX.fullmatch(value) is None:
        return None
    return datetime.fromtimestamp(int(value) / (1 if len(value) == 10 else 1_000), UTC)


def _of_numbers(value: str, order: Order) -> datetime | None:
    return _year_first(value) or _numeric(value, order)


def _year_first(value: str) -> datetime | None:
    found = _YEAR_FIRST.match(value)
    return _at(value[found.end() :], int(found[1]), int(found[2]), int(found[3])) if found else None


def _numeric(value: str, order: Order) -> datetime | None:
    found = _NUMERIC.match(value)
    if found is None:
        return None
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if len(found[4]) == 2:
        year += 1900 if year >= PIVOT else 2000
    if order is Order.MIXED:
        if first <= 12 and second <= 12 and first != second:
            return None
        order = Order.MONTH_FIRST if second > 12 else Order.DAY_FIRST
    day, month = (first, second) if order is Order.DAY_FIRST else (second, first)
    return _at(value[found.end() :], year, month, day)


def _at(rest: str, year: int, month: int, day: int) -> datetime | None:
    """The time that what stands behind a date says, on that date."""
    found = _TIME.fullmatch(rest)
    if found is None:
        return None
    hour, minute, second = int(found[1] or 0), int(found[2] or 0), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4].lower().startswith("p") else 0)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _named(value: str) -> datetime | None:
    if len(value) > 40:
        return None
    time = _TRAILING_TIME.search(value)
    date = value[: time.start()] if time else value
    # A day and a year, and a word: whatever else is in a cell need not be asked for, which takes its time.
    numbers = sorted(len(digits) for digits in _DIGITS.findall(date))
    if numbers not in ([1, 2], [1, 4], [2, 2], [2, 4]) or not any(char.isalpha() for char in date):
        return None
    day = _named_day(date)
    if day is None or time is None:
        return day
    return _at(time[0], day.year, day.month, day.day) or day


@lru_cache(maxsize=8192)
def _named_day(text: str) -> datetime | None:
    """A day whose month is a word. dateparser takes its time, and files repeat their days."""
    found = _parser().get_date_data(text)
    if found.date_obj is None or found.period != "day":
        return None
    return datetime(found.date_obj.year, found.date_obj.month, found.date_obj.day, tzinfo=UTC)


@lru_cache(maxsize=1)
def _parser() -> DateDataParser:
    from dateparser.date import DateDataParser

    settings = {"STRICT_PARSING": True, "PARSERS": ["absolute-time"], "DATE_ORDER": "DMY"}
    return DateDataParser(languages=list(LANGUAGES), settings=settings)
