"""What may be asked for or paid back without a person, and what a person is told when it is more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from overture_core.operations import service as operations
from overture_core.operations.models import Money
from overture_core.payments.money import shown
from overture_core.settings import ELSEWHERE
from overture_core.storage.store import Work

ASKS = (
    *("stripe.payment_link", "stripe.checkout", "stripe.invoice", "stripe.subscription", "stripe.quote"),
    "stripe.fee",
)
REFUNDS = ("stripe.refund",)


def over_caps(work: Work, *, kinds: Sequence[str], money: Money, lead_id: str | None) -> list[str]:
    """Return the caps that one more call of these kinds would go over, as reasons for an approval.

    A proposal's guard: what is asked for at the same time counts too.
    """
    settings = work.settings
    day = money.amount + operations.spent(work, list(kinds), money.currency)
    caps: list[tuple[int, Mapping[str, int], str]] = [
        (money.amount, settings.stripe_cap_call, "OVERTURE_STRIPE_CAP_CALL"),
        (day, settings.stripe_cap_day, "OVERTURE_STRIPE_CAP_DAY"),
    ]
    if lead_id is not None:
        of_lead = money.amount + operations.spent(work, list(kinds), money.currency, lead_id=lead_id)
        caps.append((of_lead, settings.stripe_cap_customer, "OVERTURE_STRIPE_CAP_CUSTOMER"))
    return [
        f"{shown(amount, money.currency)} is above the cap of {shown(most, money.currency)} ({name})"
        for amount, by_currency, name in caps
        if amount > (most := cap(by_currency, money.currency))
    ]


def cap(by_currency: Mapping[str, int], currency: str) -> int:
    """Return the cap for a currency, 0 where none is set."""
    return by_currency.get(currency, by_currency.get(ELSEWHERE, 0))
