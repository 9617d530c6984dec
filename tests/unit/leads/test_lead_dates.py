"""Dates as files write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overture_core.leads.dates import FoundOrder, Order, find_order, parse_date

DAY, MONTH, MIXED = Order.DAY_FIRST, Order.MONTH_FIRST, Order.MIXED


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2024-05-06", DAY, (2024, 5, 6)),
        ("20240506", DAY, (2024, 5, 6)),
        ("2024-05-06T07:08:09+02:00", DAY, (2024, 5, 6, 5, 8, 9)),
        ("2024/5/6", MONTH, (2024, 5, 6)),
        ("2024.05.06", DAY, (2024, 5, 6)),
        ("2024年5月6日", DAY, (2024, 5, 6)),
        ("2024년 5월 6일", DAY, (2024, 5, 6)),
        ("05/06/2024", DAY, (2024, 6, 5)),
        ("05/06/2024", MONTH, (2024, 5, 6)),
        ("05/06/2024", MIXED, None),
        ("25/06/2024", MIXED, (2024, 6, 25)),
        ("25/06/2024", MONTH, None),
        ("5.6.24", DAY, (2024, 6, 5)),
        ("5-6-69", DAY, (1969, 6, 5)),
        ("5/6/68", MONTH, (2068, 5, 6)),
        ("6/5/2024 2:07 PM", MONTH, (2024, 6, 5, 14, 7)),
        ("6/5/2024, 12:07 a.m.", MONTH, (2024, 6, 5, 0, 7)),
        ("5.6.2024 14:07:08", DAY, (2024, 6, 5, 14, 7, 8)),
        ("5/6.2024", DAY, None),
        ("5/6/2024 at noon", DAY, None),
        ("5/6/20245", DAY, None),
        ("45413", DAY, (2024, 5, 1)),
        ("45413.5", DAY, (2024, 5, 1, 12)),
        ("12345", DAY, None),
        ("1714521600", DAY, (2024, 5, 1)),
        ("1714521600000", DAY, (2024, 5, 1)),
        ("5 March 2024", DAY, (2024, 3, 5)),
        ("Mar 5, 2024", MONTH, (2024, 3, 5)),
        ("Tue, 5 Mar 2024 14:07", DAY, (2024, 3, 5, 14, 7)),
        ("5. März 2024", DAY, (2024, 3, 5)),
        ("5 août 2024", DAY, (2024, 8, 5)),
        ("5 de mayo de 2024", DAY, (2024, 5, 5)),
        ("5 maggio 2024", DAY, (2024, 5, 5)),
        ("5 maja 2024", DAY, (2024, 5, 5)),
        ("5 мая 2024", DAY, (2024, 5, 5)),
        ("5 Ocak 2024", DAY, (2024, 1, 5)),
        ("5. toukokuuta 2024", DAY, (2024, 5, 5)),
        ("05-Mar-24", MONTH, (2024, 3, 5)),
        ("12 Main St", DAY, None),
        ("May 2024", DAY, None),
        ("yesterday", DAY, None),
        ("Room 5", DAY, None),
        ("", DAY, None),
        ("30/02/2024", DAY, None),
    ],
)
def test_a_date_is_read_as_its_column_writes_it(text: str, order: Order, expected: tuple[int, ...] | None) -> None:
    assert parse_date(text, order) == (None if expected is None else datetime(*expected, tzinfo=UTC))  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["05/06/2024", "25/12/2023"], FoundOrder(DAY)),
        (["05/06/2024", "12/25/2023"], FoundOrder(MONTH)),
        (["05/06/2024", "07/07/2024"], FoundOrder(DAY, assumed=True)),
        (["07/07/2024"], FoundOrder(DAY)),
        (["5.6.2024"], FoundOrder(DAY)),
        (["25/12/2023", "12/25/2023"], FoundOrder(MIXED, against=1)),
        (["25/12/23", "45413", "1714521600"], FoundOrder(DAY, short_years=1, serials=1, unix=1)),
        (["2024-05-06", "soon", ""], FoundOrder(DAY)),
    ],
)
def test_the_order_of_a_column_is_what_its_dates_tell(values: list[str], found: FoundOrder) -> None:
    assert find_order(values) == found


@settings(deadline=None)  # the first word takes what dateparser takes to load
@given(st.text(max_size=30), st.sampled_from(list(Order)))
def test_whatever_is_written_is_a_date_or_none(text: str, order: Order) -> None:
    found = parse_date(text, order)
    assert found is None or found.tzinfo is UTC
