"""What an SMS will cost: an estimate by country, encoding and length."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from overture_core.messages.pricing import Cost, cost_of, region_of, sms_estimate
from overture_core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    prices = {"US": Decimal("0.0083"), "DE": Decimal("0.11"), "*": Decimal("0.2")}
    return Settings(data_dir=tmp_path, sandbox_only=True, sms_prices=prices, sms_currency="EUR")


@pytest.mark.parametrize(
    ("phone", "country", "region"),
    [
        ("+12125550101", "US", "US"),
        ("+14165550101", "CA", "CA"),
        ("+12125550101", None, "US"),
        ("+12125550101", "DE", "US"),
        ("+4915112345678", "US", "DE"),
        ("+447700900123", None, "GB"),
        ("+35312345678", None, "IE"),
        ("", None, "*"),
        ("+999123", None, "*"),
    ],
)
def test_the_number_says_whose_price_it_has(phone: str, country: str | None, region: str) -> None:
    assert region_of(phone, country) == region


def test_segments_are_paid_by_country(settings: Settings) -> None:
    assert cost_of(settings, {"US": 100, "DE": 2, "FR": 1}) == Cost(micros=1_250_000, currency="EUR")


def test_without_a_price_for_others_the_dearest_counts(settings: Settings) -> None:
    known = settings.model_copy(update={"sms_prices": {"US": Decimal("0.01"), "DE": Decimal("0.1")}})
    assert cost_of(known, {"FR": 1}) == Cost(micros=100_000, currency="EUR")


@pytest.mark.parametrize(
    ("micros", "text"), [(8_300, "0.0083 EUR"), (100_000, "0.1 EUR"), (1_250_000, "1.25 EUR"), (0, "0 EUR")]
)
def test_money_is_said_with_its_currency(micros: int, text: str) -> None:
    assert str(Cost(micros=micros, currency="EUR")) == text


def test_an_estimate_says_which_letters_make_it_dear(settings: Settings) -> None:
    plain = sms_estimate(settings, "x" * 160, "+12125550101", "US")
    assert (plain.segments, plain.encoding, plain.because, str(plain.cost)) == (1, "GSM-7", None, "0.0083 EUR")
    dear = sms_estimate(settings, "ł—ł" + "x" * 157, "+12125550101", "US")
    assert (dear.segments, dear.encoding, dear.because, str(dear.cost)) == (3, "UCS-2", "ł—", "0.0249 EUR")
