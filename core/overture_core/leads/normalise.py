"""One form for addresses, numbers and places, so that the same person is recognised again."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from string import whitespace
from urllib.parse import unquote

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES
from phonenumbers import timezone as phone_zones

from overture_core.errors import InvalidInput
from overture_core.leads.countries import country_code
from overture_core.leads.numbers import plain_e164, plain_zones
from overture_core.text import clean

_UNKNOWN_ZONE = "Etc/Unknown"
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_RESERVED = re.compile(r"\.(?:example|invalid)$", re.IGNORECASE)
# Addresses about which nobody can have a doubt, as nearly all are; email-validator takes fifty times longer.
_PLAIN_ADDRESS = re.compile(
    r"([a-z0-9_+]+(?:[.-][a-z0-9_+]+)*)@((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+([a-z]{2,20}))", re.IGNORECASE | re.ASCII
)
# What an address book writes around one: a name before angle brackets, or a link (RFC 6068), its fields left out.
_IN_BRACKETS = re.compile(r"[^<>]*<([^<>]+)>")
_LINK = re.compile(r"mailto:([^?]+)", re.IGNORECASE)
# And what spreadsheets and people leave there: the sign of a formula or of a text, quotes, the end of a sentence.
_BEFORE = whitespace + "\u3000=\"'`“”„‘’‚«»‹›"  # noqa: RUF001
_BEHIND = _BEFORE + ".,;:"
_NARROW = {letter: letter - 0xFEE0 for letter in range(0xFF01, 0xFF5F)}  # of the full width that East Asian texts have
_DIALLED_ABROAD = re.compile(r"^[\s(]*00[\s).-]*")
_LABEL = 63
_NO_COUNTRY = frozenset({"", "-", "--", "?", "n/a", "none", "null", "unknown"})  # NA is Namibia
# Top-level domains that email-validator refuses (RFC 6761, 6762, 7686), and mailboxes that it writes in small letters
# (RFC 2142): it is asked about them.
_SPECIAL = frozenset(name for each in SPECIAL_USE_DOMAIN_NAMES for name in each.split(".")) - {"test", "invalid"}
_MAILBOXES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def email_key(address: str) -> str:
    """Return the form in which e-mail addresses are compared: NFC, lower case."""
    return (address if address.isascii() else unicodedata.normalize("NFC", address)).strip().lower()


def mailbox(address: str) -> str:
    """Return what stands for the mailbox that an address leads to, for those who are never to be written to again.

    Of an address in the form of `email_key`: letters in one width (NFKC), without what follows a plus sign (RFC 5233),
    and at Gmail without dots and under one domain (support.google.com/mail/answer/7436150). Elsewhere a plus sign may
    name another mailbox; who shares the rest of it with somebody who said no is then not written to either.
    """
    plain = address if address.isascii() else unicodedata.normalize("NFKC", address).lower()
    local, at, domain = plain.rpartition("@")
    if "+" in local:
        local = local.partition("+")[0] or local
    elif domain not in _GMAIL:
        return plain
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}{at}{domain}"


def valid_email(text: str) -> str:
    """Return an e-mail address as it is written to; the local part keeps its case.

    The syntax is checked (RFC 5321, 5322, 6531), not whether the mailbox exists; reserved domains
    such as example.com are taken, since lists and tests hold them. `Ada <ada@x.example>`,
    `mailto:ada@x.example` and `="ada@x.example"` are read as the address.

    Raises:
        InvalidInput: it is not an e-mail address.
    """
    address = text.strip()
    return _plain(address) or _checked(_bare(address), text)


def known_email(text: str) -> str:
    """Return an address that may be written to already: as it stands, if it can be one so, else as `valid_email` does.
    Leads who were stored as `=ada@x.example` are known by that.

    Raises:
        InvalidInput: it is not an e-mail address.
    """
    try:
        return _checked(text.strip(), text)
    except InvalidInput:
        return valid_email(text)


def unwrapped(text: str) -> str:
    """Return a text in narrow letters, without quotes, blanks and the signs of spreadsheets and lists around it."""
    narrow = text if text.isascii() else text.translate(_NARROW)
    return narrow.lstrip(_BEFORE).rstrip(_BEHIND)


def _bare(address: str) -> str:
    address = unwrapped(address)
    if found := _IN_BRACKETS.fullmatch(address):
        address = unwrapped(found[1])
    if found := _LINK.match(address):
        address = unwrapped(unquote(found[1]))
    return address


def _checked(address: str, text: str) -> str:
    if (plain := _plain(address)) is not None:
        return plain
    # email-validator refuses names that RFC 2606 reserves, but for .test in a test environment. Put
    # under .test, the others are held to the same syntax.
    shelter = ".test" if _RESERVED.search(address) else ""
    try:
        found = validate_email(address + shelter, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        msg = f"{clean(text, limit=80)!r} is not an e-mail address ({str(error).rstrip('.')})."
        raise InvalidInput(msg) from error
    return found.normalized.removesuffix(shelter)


def _plain(address: str) -> str | None:
    found = _PLAIN_ADDRESS.fullmatch(address)
    if found is None or len(address) > 2 * _LABEL or found[3].lower() in _SPECIAL or found[1].lower() in _MAILBOXES:
        return None
    domain = found[2].lower()
    if len(domain) > _LABEL:
        return None
    return f"{found[1]}@{domain}"


def e164(text: str, country: str | None) -> str:
    """Return a phone number in E.164; `country` (ISO 3166-1 alpha-2) is where it is dialled.

    A number is taken if it is possible for its country, not only if its range is in service: numbers
    reserved for fiction are of the first kind only. One that can be dialled only from nearby, without
    its area code, is none that a message reaches. `00`, which most countries dial before a country's
    code, is read as `+` where nothing else is possible.

    Raises:
        InvalidInput: it is no phone number, or needs a country.
    """
    try:
        return _e164(text, country)
    except InvalidInput:
        abroad = _DIALLED_ABROAD.sub("+", text)
        if abroad != text:
            with suppress(InvalidInput):
                return _e164(abroad, None)
        raise


def _e164(text: str, country: str | None) -> str:
    plain = plain_e164(text, country)
    if plain is not None:
        return plain
    shown = clean(text, limit=40)
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        missing = error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and not country
        why = "it needs a country or a leading +" if missing else "it cannot be read"
        msg = f"{shown!r} is not a phone number ({why})."
        raise InvalidInput(msg) from error
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        msg = f"{shown!r} is not a phone number (its area code is missing)."
        raise InvalidInput(msg)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE or re.search(r"[A-Za-z]{4}", text):
        msg = f"{shown!r} is not a phone number (the number of digits is wrong)."
        raise InvalidInput(msg)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def says_no_country(text: str) -> bool:
    """Say whether a cell for a country is left empty, in whatever way."""
    return text.strip().casefold() in _NO_COUNTRY


def phone_region(text: str) -> str | None:
    """Return the region (ISO 3166-1 alpha-2) that numbers are dialled in, of a country's letters, if there is one."""
    code = text.strip().upper()
    known = code if code in phonenumbers.SUPPORTED_REGIONS else country_code(code)
    return known if known in phonenumbers.SUPPORTED_REGIONS else None


def dialling_region(country: str) -> str:
    """Return the region of a country that is given by its two letters.

    Raises:
        InvalidInput: there is none.
    """
    region = phone_region(country) if len(country) == 2 else None
    if region is None:
        msg = f"There is no country {clean(country, limit=40)!r}; give its two letters (ISO 3166), e.g. US."
        raise InvalidInput(msg)
    return region


@lru_cache(maxsize=4096)
def time_zone_for(phone: str | None, country: str | None) -> str | None:
    """Return the zone of a number or country that has a single one, else None.

    The rules of the gate then look at every zone that the number may be in.
    """
    if phone is not None:
        zones = plain_zones(phone)
        if zones is None:
            found = phone_zones.time_zones_for_number(phonenumbers.parse(phone))
            zones = tuple(zone for zone in found if zone != _UNKNOWN_ZONE)
        if len(zones) == 1:
            return str(zones[0])
        if zones:
            return None
    return _SINGLE_ZONE.get(country or "")


_SINGLE_ZONE = {
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "DE": "Europe/Berlin",
    "AT": "Europe/Vienna",
    "CH": "Europe/Zurich",
    "FR": "Europe/Paris",
    "BE": "Europe/Brussels",
    "NL": "Europe/Amsterdam",
    "LU": "Europe/Luxembourg",
    "IT": "Europe/Rome",
    "SE": "Europe/Stockholm",
    "NO": "Europe/Oslo",
    "DK": "Europe/Copenhagen",
    "FI": "Europe/Helsinki",
    "PL": "Europe/Warsaw",
    "CZ": "Europe/Prague",
    "SK": "Europe/Bratislava",
    "HU": "Europe/Budapest",
    "RO": "Europe/Bucharest",
    "BG": "Europe/Sofia",
    "GR": "Europe/Athens",
    "HR": "Europe/Zagreb",
    "SI": "Europe/Ljubljana",
    "EE": "Europe/Tallinn",
    "LV": "Europe/Riga",
    "LT": "Europe/Vilnius",
    "IN": "Asia/Kolkata",
    "JP": "Asia/Tokyo",
    "KR": "Asia/Seoul",
    "SG": "Asia/Singapore",
    "HK": "Asia/Hong_Kong",
    "TW": "Asia/Taipei",
    "PH": "Asia/Manila",
    "TH": "Asia/Bangkok",
    "IL": "Asia/Jerusalem",
    "AE": "Asia/Dubai",
    "TR": "Europe/Istanbul",
    "ZA": "Africa/Johannesburg",
    "NG": "Africa/Lagos",
    "KE": "Africa/Nairobi",
    "EG": "Africa/Cairo",
}
