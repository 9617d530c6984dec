"""What an SMS is billed as, and what it will cost: an estimate from a list of prices by country."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

import phonenumbers
from pydantic import BaseModel

from overture_core.messages.content import foreign_to_gsm, sms_segments
from overture_core.settings import ELSEWHERE, Settings

MICROS = 1_000_000


class Cost(BaseModel):
    """Money, in millionths of the currency: a segment costs less than its smallest coin."""

    micros: int
    currency: str

    def __str__(self) -> str:
        amount = Decimal(self.micros) / MICROS
        shown = amount.quantize(Decimal("0.01")) if amount >= 1 else amount.quantize(Decimal("0.0001")).normalize()
        return f"{shown:f} {self.currency}"


class SmsEstimate(BaseModel):
    """How one SMS is billed. `because` are the first characters for which it is UCS-2, 67 to 70 a segment."""

    segments: int
    encoding: str
    because: str | None
    cost: Cost


def sms_estimate(settings: Settings, body: str, phone: str | None, country: str | None) -> SmsEstimate:
    """Return how a text is billed for a number, of which `country` is a guess where its prefix names several."""
    segments, foreign = sms_segments(body), foreign_to_gsm(body)
    return SmsEstimate(
        segments=segments,
        encoding="UCS-2" if foreign else "GSM-7",
        because=foreign or None,
        cost=cost_of(settings, {region_of(phone or "", country): segments}),
    )


def cost_of(settings: Settings, segments: dict[str, int]) -> Cost:
    """Return what segments cost, counted by country."""
    prices = settings.sms_prices
    dearest = prices.get(ELSEWHERE) or max(prices.values())
    total = sum((prices.get(region, dearest) * number for region, number in segments.items()), Decimal(0))
    return Cost(micros=int((total * MICROS).to_integral_value()), currency=settings.sms_currency)


@lru_cache(maxsize=65_536)
def _region(prefix: str, country: str | None) -> str:
    for digits in (1, 2, 3):
        code = prefix[:digits]
        if code.isdigit() and (regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))):
            return country if country in regions else str(regions[0])
    return ELSEWHERE


def region_of(phone: str, country: str | None) -> str:
    """Return the country whose price a number has: by its prefix, and by the lead's where several share one."""
    return _region(phone[1:4], country)
