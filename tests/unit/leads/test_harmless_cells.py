"""Cells that could be formulas: exported as text, and taken back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.leads.spreadsheets import harmless, plain

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


@given(st.text(st.sampled_from("'=+-@\t0a,."), max_size=6) | st.text(max_size=20))
def test_what_is_exported_and_imported_again_is_what_it_was(cell: str) -> None:
    assert plain(harmless(cell)) == cell


@given(st.sampled_from(STARTS), st.text(max_size=10))
def test_no_cell_but_a_number_starts_like_a_formula(start: str, rest: str) -> None:
    made = harmless(start + rest)
    assert not made.startswith(STARTS) or made.lstrip("+-").replace(".", "").replace(",", "").isdecimal()


@pytest.mark.parametrize("number", ["+12125550101", "-3", "12.5"])
def test_a_number_alone_stays_as_it_is(number: str) -> None:
    assert (harmless(number), plain(number)) == (number, number)


@pytest.mark.parametrize("cell", ["'90s", "it's", "'", "'12"])
def test_an_apostrophe_of_ones_own_stays(cell: str) -> None:
    assert plain(cell) == cell
