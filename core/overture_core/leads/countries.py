"""Countries by code or name, in the languages that lists come in."""

from __future__ import annotations

from functools import lru_cache

import pycountry

# What pycountry's English names do not have.
_ALSO = {
    "UK": "GB",
    "ENGLAND": "GB",
    "SCOTLAND": "GB",
    "WALES": "GB",
    "GREAT BRITAIN": "GB",
    "ROYAUME-UNI": "GB",
    "VEREINIGTES KÖNIGREICH": "GB",
    "U.S.": "US",
    "U.S.A.": "US",
    "AMERICA": "US",
    "ÉTATS-UNIS": "US",
    "ESTADOS UNIDOS": "US",
    "STATI UNITI": "US",
    "DEUTSCHLAND": "DE",
    "ALLEMAGNE": "DE",
    "ALEMANIA": "DE",
    "GERMANIA": "DE",
    "ÖSTERREICH": "AT",
    "SCHWEIZ": "CH",
    "SUISSE": "CH",
    "FRANKREICH": "FR",
    "FRANCIA": "FR",
    "ESPAÑA": "ES",
    "SPANIEN": "ES",
    "ESPAGNE": "ES",
    "ITALIA": "IT",
    "ITALIEN": "IT",
    "ITALIE": "IT",
    "NEDERLAND": "NL",
    "NIEDERLANDE": "NL",
    "PAYS-BAS": "NL",
    "HOLLAND": "NL",
    "BELGIË": "BE",
    "BELGIQUE": "BE",
    "BELGIEN": "BE",
    "BRASIL": "BR",
    "KANADA": "CA",
    "POLSKA": "PL",
    "POLEN": "PL",
    "SOUTH KOREA": "KR",
    "RUSSIA": "RU",
    "TURKEY": "TR",
}


@lru_cache(maxsize=2048)
def country_code(text: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of a country's code or name, or None if it is not known."""
    value = text.strip().upper()
    if value in _ALSO:
        return _ALSO[value]
    try:
        return str(pycountry.countries.lookup(value).alpha_2)
    except LookupError:
        return None
