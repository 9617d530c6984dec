"""Countries by code or name, in the languages that lists come in."""

from __future__ import annotations

import gettext
from functools import lru_cache

import pycountry

# pycountry comes with the names of countries in these.
_LANGUAGES = (
    *("de", "fr", "es", "it", "nl", "pt", "pt_BR", "pl", "cs", "sv", "da", "nb_NO", "fi", "tr", "ru", "uk"),
    *("ja", "zh_CN", "zh_TW", "ko", "hu", "ro", "el"),
)
# What people write and ISO 3166 does not.
_ALSO = {
    "UK": "GB",
    "ENGLAND": "GB",
    "SCOTLAND": "GB",
    "WALES": "GB",
    "GREAT BRITAIN": "GB",
    "U.S.": "US",
    "U.S.A.": "US",
    "AMERICA": "US",
    "USA": "US",
    "ÉTATS-UNIS": "US",
    "ESTADOS UNIDOS": "US",
    "STATI UNITI": "US",
    "VERENIGDE STATEN": "US",
    "США": "US",
    "美国": "US",
    "美國": "US",
    "アメリカ": "US",
    "미국": "US",
    "ROYAUME-UNI": "GB",
    "イギリス": "GB",
    "英国": "GB",
    "HOLLAND": "NL",
    "SOUTH KOREA": "KR",
    "한국": "KR",
    "韓国": "KR",
    "韩国": "KR",
    "RUSSIA": "RU",
    "РОССИЯ": "RU",
    "TURKEY": "TR",
    "ČESKO": "CZ",
    "台湾": "TW",
    "台灣": "TW",
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
        return _translated().get(value)


@lru_cache(maxsize=1)
def _translated() -> dict[str, str]:
    """Codes by name; a name that two languages give to two countries is left out."""
    codes: dict[str, str] = {}
    doubtful = set()
    for language in _LANGUAGES:
        names = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for country in pycountry.countries:
            for name in {country.name, getattr(country, "common_name", country.name)}:
                key = names.gettext(name).upper()
                if codes.setdefault(key, country.alpha_2) != country.alpha_2:
                    doubtful.add(key)
    return {name: code for name, code in codes.items() if name not in doubtful}
