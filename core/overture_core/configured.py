"""What some settings have to look like: each function returns the value, or raises ValueError with what to do."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import SecretStr

from overture_core.linkedin.scopes import SCOPES


def month(version: str) -> str:
    """Return a version of LinkedIn's API."""
    if not re.fullmatch(r"20[0-9]{2}(0[1-9]|1[0-2])", version):
        msg = "a version of LinkedIn's API is a month, as YYYYMM, such as 202611"
        raise ValueError(msg)
    return version


def scopes(names: list[str]) -> list[str]:
    """Return scopes of LinkedIn's."""
    unknown = sorted(set(names) - set(SCOPES))
    if unknown:
        msg = f"{', '.join(map(repr, unknown))} is no scope that Overture uses; it knows {', '.join(SCOPES)}"
        raise ValueError(msg)
    return names


def web_address(url: str) -> str:
    """Return the address of a page."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        msg = "this is no address of a page; it begins with https://"
        raise ValueError(msg)
    return url


def currency(code: str) -> str:
    """Return a currency's three letters."""
    from overture_core.errors import InvalidInput
    from overture_core.payments.money import currency_of

    try:
        return currency_of(code)
    except InvalidInput as error:
        raise ValueError(error.message.rstrip(".")) from error


def signing_secret(secret: SecretStr) -> SecretStr:
    """Return the signing secret of an endpoint at Stripe."""
    if not secret.get_secret_value().startswith("whsec_"):
        msg = "a signing secret of Stripe's begins with whsec_; copy it from the webhook endpoint in the dashboard"
        raise ValueError(msg)
    return secret
