"""Amounts in minor units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput
from overture_core.payments import money


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (125_000, "USD", "1,250.00 USD"),
        (5, "EUR", "0.05 EUR"),
        (1_250, "JPY", "1,250 JPY"),
        (1_250, "KWD", "1.250 KWD"),
        (500, "ISK", "5.00 ISK"),
    ],
)
def test_an_amount_reads_as_its_currency_is_counted(amount: int, currency: str, said: str) -> None:
    assert money.shown(amount, currency) == said


@given(st.integers(0, 10**12), st.sampled_from(["USD", "JPY", "KWD"]))
def test_minor_units_survive_the_way_through_millionths(amount: int, currency: str) -> None:
    assert money.minor(money.micros(amount, currency), currency) == amount


@pytest.mark.parametrize("text", ["", "euro", "E1R", "€€€"])
def test_what_is_no_currency_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="three letters"):
        money.currency_of(text)
