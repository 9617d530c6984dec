"""What is answered without the libraries is what the libraries answer."""

from __future__ import annotations

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from phonenumbers import timezone as phone_zones

from overture_core.errors import InvalidInput
from overture_core.leads.normalise import e164, valid_email
from overture_core.leads.numbers import plain_e164, plain_zones

# A busy machine is not what is tested.
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
digits = st.text("0123456789", min_size=3, max_size=13)
parts = st.lists(st.text("0123456789", min_size=1, max_size=5), min_size=1, max_size=6)
written = st.builds(lambda between, each: between.join(each), st.sampled_from(["", " ", "-", ".", " (", ") "]), parts)
labels = st.text("abcABC09-_+.!xn", min_size=0, max_size=12)
ends = st.sampled_from(
    ["com", "Example", "test", "invalid", "local", "onion", "arpa", "c", "xn--p1ai", "c0m", "co.uk", "localhost"]
)


def by_library(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@MANY
@given(code=st.sampled_from(CODES), rest=written, country=st.sampled_from([None, "US", "DE", "IT"]))
def test_a_number_with_a_plus_is_what_phonenumbers_makes_of_it(code: int, rest: str, country: str | None) -> None:
    text = f"+{code}{rest}"
    plain = plain_e164(text, country)
    assert plain is None or plain == by_library(text, country)


@MANY
@given(country=st.sampled_from(REGIONS), start=st.sampled_from(["", "0", "1", "00", "011", "8"]), rest=written)
def test_a_number_dialled_at_home_is_what_phonenumbers_makes_of_it(country: str, start: str, rest: str) -> None:
    plain = plain_e164(f"{start}{rest}", country)
    assert plain is None or plain == by_library(f"{start}{rest}", country)


def test_every_kind_of_number_of_every_country_has_the_library_s_form_and_zones() -> None:
    for country in REGIONS:
        for kind in phonenumbers.PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(country, kind)
            if number is None:
                continue
            international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
            for text in (international, national):
                assert plain_e164(text, country) in {None, by_library(text, country)}
            assert plain_zones(international) in {None, zones_by_library(international)}


def zones_by_library(number: str) -> tuple[str, ...]:
    found = phone_zones.time_zones_for_number(phonenumbers.parse(number))
    return tuple(zone for zone in found if zone != "Etc/Unknown")


@MANY
@given(code=st.sampled_from([1, 44, 7, 39, 49, 61, 52, 800, *CODES]), rest=digits)
def test_a_number_s_zones_are_the_library_s(code: int, rest: str) -> None:
    number = by_library(f"+{code}{rest}", None)
    if number is not None:
        assert plain_zones(number) in {None, zones_by_library(number)}


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+1 (212) 555-0123", None, "+12125550123"),
        ("212.555.0123", "US", "+12125550123"),
        ("07700 900123", "GB", "+447700900123"),
        ("030 1234567", "DE", "+49301234567"),
        ("+49 (0)30 1234567", None, "+49301234567"),
    ],
)
def test_numbers_as_people_write_them(text: str, country: str | None, number: str) -> None:
    assert e164(text, country) == number


@MANY
@given(local=labels, domain=labels, end=ends, long=st.sampled_from(["", "a" * 60, "a." * 100]))
@example(local="Postmaster", domain="x", end="com", long="")
@example(local="a", domain="xn--a", end="com", long="")
def test_an_address_is_what_email_validator_makes_of_it(local: str, domain: str, end: str, long: str) -> None:
    address = f"{local}{long}@{domain}.{end}"
    reserved = address.lower().endswith((".example", ".invalid"))
    shelter = ".test" if reserved else ""
    try:
        expected: str | None = validate_email(
            address.strip() + shelter, check_deliverability=False, test_environment=True
        ).normalized
    except EmailNotValidError:
        expected = None
    try:
        found: str | None = valid_email(address)
    except InvalidInput:
        found = None
    assert found == (expected.removesuffix(shelter) if expected is not None else None)
