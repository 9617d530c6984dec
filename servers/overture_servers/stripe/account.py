"""How payments are set up: the mode, the key, the caps and the prices that leads may be asked to pay."""

from __future__ import annotations

from pydantic import BaseModel

from overture_core.payments import prices
from overture_core.payments.money import shown
from overture_core.storage.store import Work
from overture_providers.endpoints import StripeEndpoint, stripe_endpoint
from overture_servers.operating import SANDBOX

UNRESTRICTED = "The key is a secret key that can do everything; a restricted key (rk_) can do less harm."
LIVE = "LIVE mode: real money moves."


class AllowedPrice(BaseModel):
    """A price that leads may be asked to pay. `amount` is in minor units."""

    id: str
    product: str
    amount: int
    currency: str
    interval: str | None


class Account(BaseModel):
    """How payments are set up. Caps are in minor units by currency, `*` for all others."""

    mode: str
    restricted_key: bool
    webhook_checked: bool
    cap_call: dict[str, int]
    cap_day: dict[str, int]
    cap_customer: dict[str, int]
    prices: list[AllowedPrice]
    notes: list[str]


def account_of(work: Work) -> Account:
    """Return how payments are set up.

    Raises:
        ConfigurationError: the key cannot be used.
    """
    settings = work.settings
    endpoint = stripe_endpoint(settings)
    allowed = prices.list_(work, sandbox=endpoint.sandbox)
    return Account(
        mode="sandbox" if endpoint.sandbox else "live" if endpoint.live else "test",
        restricted_key=endpoint.restricted,
        webhook_checked=endpoint.webhook_secret is not None,
        cap_call=settings.stripe_cap_call,
        cap_day=settings.stripe_cap_day,
        cap_customer=settings.stripe_cap_customer,
        prices=[AllowedPrice.model_validate(each.model_dump()) for each in allowed],
        notes=notes_on(endpoint),
    )


def notes_on(endpoint: StripeEndpoint) -> list[str]:
    """What whoever uses this account has to know each time."""
    said = {SANDBOX: endpoint.sandbox, LIVE: endpoint.live, UNRESTRICTED: not endpoint.restricted}
    return [note for note, holds in said.items() if holds]


def price_lines(account: Account) -> list[str]:
    """The allowed prices as text."""
    return [
        f"{each.id}: {each.product!r}, {shown(each.amount, each.currency)}"
        + (f" every {each.interval}" if each.interval else "")
        for each in account.prices
    ]
