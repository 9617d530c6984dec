"""What Stripe's errors mean for us: one sentence that says what to do, and whether anything can have been done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from overture_core.errors import (
    NotFound,
    OutcomeUnknown,
    OvertureError,
    ProviderBusy,
    ProviderRefused,
    ProviderUnavailable,
)
from overture_core.text import clean, quoted

if TYPE_CHECKING:
    import stripe

_OTHER_MODE = re.compile(r"similar object exists in (live|test) mode", re.IGNORECASE)
_ID = re.compile(r"'([\w-]{1,100})'")
_CURRENCY = re.compile(r"currenc", re.IGNORECASE)
_SAID = 300


class KeyTaken(ProviderRefused):
    """Stripe answered this call before, with other data, and nothing was changed; ask for it anew."""


def translated(error: stripe.StripeError) -> OvertureError:
    """Return our error for one of the SDK's."""
    import stripe

    said = clean(error.user_message or "no reason given", limit=_SAID)
    match error:
        case stripe.AuthenticationError():
            return ProviderUnavailable(
                "Stripe does not know the key in OVERTURE_STRIPE_API_KEY, and nothing was changed; copy it again from "
                "the dashboard, or make a new one."
            )
        case stripe.PermissionError():
            return ProviderUnavailable(
                f"The key in OVERTURE_STRIPE_API_KEY lacks a permission, and nothing was changed; grant it in Stripe's "
                f"dashboard (Stripe says: {said})."
            )
        case stripe.RateLimitError():
            return ProviderBusy(
                "Stripe gets more requests from this account than it takes, and did nothing; wait a minute, then retry."
            )
        case stripe.IdempotencyError():
            return KeyTaken()
        case stripe.InvalidRequestError():
            return _invalid(error, said)
        case stripe.CardError():
            return ProviderRefused(f"The payment was declined, and nothing was charged (Stripe says: {said}).")
        case stripe.APIConnectionError():
            return _connection(error)
    return OutcomeUnknown(f"Stripe had an error of its own and did not say whether it did this (it says: {said}).")


def _invalid(error: stripe.InvalidRequestError, said: str) -> OvertureError:
    if mode := _OTHER_MODE.search(said):
        found, key = (mode[1].lower(), "live" if mode[1].lower() == "test" else "test")
        return ProviderRefused(
            f"{_named(said)} is {found} data, and OVERTURE_STRIPE_API_KEY is a {key} key; nothing was changed. Use "
            f"what is there in {key} mode, or a {found} key."
        )
    if error.code == "resource_missing" or error.http_status == 404:
        return NotFound(f"Stripe has nothing called {_named(said)} in this account; stripe_find shows what there is.")
    if _CURRENCY.search(said):
        return ProviderRefused(f"The currency does not fit, and nothing was changed (Stripe says: {said}).")
    return ProviderRefused(f"Stripe refused this, and nothing was changed (it says: {said}).")


def _named(said: str) -> str:
    found = _ID.search(said)
    return quoted(found[1]) if found else "that"


def _connection(error: stripe.APIConnectionError) -> OvertureError:
    """Whether a byte can have left: no connection means no."""
    import requests

    cause = error.__cause__
    refused = isinstance(cause, requests.ConnectTimeout | requests.exceptions.SSLError) or (
        isinstance(cause, requests.ConnectionError) and "NewConnectionError" in str(cause)
    )
    if refused:
        return ProviderBusy("Stripe cannot be reached, and nothing was changed; check the network, then retry.")
    return OutcomeUnknown("The connection to Stripe broke off before it answered.")
