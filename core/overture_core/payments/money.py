"""Amounts: integers in a currency's minor unit, as providers count, and how a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from overture_core.errors import InvalidInput
from overture_core.text import quoted

MICROS = 1_000_000
# docs.stripe.com/currencies: what has no minor unit, and what has a thousandth. Stripe counts ISK and UGX in
# hundredths all the same.
_WHOLE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
# ISO 4217 has codes for metals, bonds, tests and no currency at all (XXX) too.
_NO_MONEY = frozenset(["XAU", "XAG", "XPT", "XPD", "XBA", "XBB", "XBC", "XBD", "XDR", "XSU", "XUA", "XTS", "XXX"])
_THOUSANDTHS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


def currency_of(text: str) -> str:
    """Return a currency's three letters in upper case.

    Raises:
        InvalidInput: it is none.
    """
    import pycountry  # reads its tables when they are first asked

    code = text.strip().upper()
    if code in _NO_MONEY or len(code) != 3 or not code.isascii() or pycountry.currencies.get(alpha_3=code) is None:
        msg = f"{quoted(text)} is no currency; write its three letters, such as EUR."
        raise InvalidInput(msg)
    return code


def by_currency(caps: Mapping[str, int], *, others: str) -> dict[str, int]:
    """Return caps by currency, in capitals; `others` stands for every other one.

    Raises:
        ValueError: there is no such currency, or it is there twice.
    """
    try:
        read = [(name if name == others else currency_of(name), most) for name, most in caps.items()]
    except InvalidInput as error:
        raise ValueError(error.message.rstrip(".")) from error
    if len(dict(read)) < len(read):
        msg = "a currency is there twice, in capitals and in small letters; keep one of them"
        raise ValueError(msg)
    return dict(read)


def places(currency: str) -> int:
    """Return how many decimals a currency has: 2 mostly."""
    return 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2


def from_minor(amount: int, currency: str) -> Decimal:
    """Return an amount in units of the currency: 1250 cents are 12.50."""
    return Decimal(amount).scaleb(-places(currency))


def minor(micros: int, currency: str) -> int:
    """Return millionths of a currency in its minor unit."""
    return micros * _per_unit(currency) // MICROS


def micros(amount: int, currency: str) -> int:
    """Return minor units of a currency in its millionths."""
    return amount * MICROS // _per_unit(currency)


def shown(amount: int, currency: str) -> str:
    """Return an amount in minor units as a person reads it: `1,250.00 USD`."""
    return f"{from_minor(amount, currency):,} {currency}"


def _per_unit(currency: str) -> int:
    return (1, 10, 100, 1_000)[places(currency)]
