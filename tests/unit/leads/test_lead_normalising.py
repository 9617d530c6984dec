"""One form for addresses, numbers, zones, dates and countries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput
from overture_core.leads.countries import country_code
from overture_core.leads.dates import FoundOrder, Order, find_order, parse_date
from overture_core.leads.normalise import e164, email_key, known_email, time_zone_for, valid_email


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ada.L@Example.COM ", "Ada.L@example.com"),
        ("maria.reply-yes@northwind.example", "maria.reply-yes@northwind.example"),
        ("j@shop.test", "j@shop.test"),
        ("x@mail.invalid", "x@mail.invalid"),
        ("käthe@beispiel.example", "käthe@beispiel.example"),
        ("mailto:foo@x.example", "foo@x.example"),
        ("MAILTO:f%2Bo@x.example?subject=Hi", "f+o@x.example"),
        ("John <john@x.example>", "john@x.example"),
        ('"Jöhn, Dr." < john@X.example > ', "john@x.example"),
        ("<mailto:john@x.example>", "john@x.example"),
        ("john@x.example.", "john@x.example"),
        ("john@x.example, ", "john@x.example"),
        ('"john@x.example"', "john@x.example"),
        ("'john@x.example'", "john@x.example"),
        ("“John <john@x.example>”;", "john@x.example"),
        ("=john@x.example", "john@x.example"),
        ('="john@x.example"', "john@x.example"),
        ("'=john@x.example", "john@x.example"),
        ("ｊｏｈｎ＠ｘ．ｅｘａｍｐｌｅ", "john@x.example"),  # noqa: RUF001 (as East Asian keyboards write it)
        ("o'neil=sales@x.example", "o'neil=sales@x.example"),
    ],
)
def test_an_address_keeps_its_local_part_as_written(text: str, address: str) -> None:
    assert valid_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        "a@@b.example",
        "a..b@c.example",
        ".a@c.example",
        "a b@c.example",
        "a@",
        "@b.test",
        "a@-x.example",
        "John <>",
        "a@x.example <b@y.example> c",
        "a@x.example (old)",
        "a@x.example b@y.example",
        "=",
        "mailto:",
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an e-mail address"):
        valid_email(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("=Ada@x.example", "=Ada@x.example"),
        ("'ada@x.example", "'ada@x.example"),
        ("ada@X.example.", "ada@x.example"),
        ("Ada <ada@x.example>", "ada@x.example"),
    ],
)
def test_an_address_that_may_be_written_to_already_is_known_as_it_stands(text: str, address: str) -> None:
    assert known_email(text) == address


def test_addresses_compare_without_case() -> None:
    assert email_key("Ada.L@Example.com ") == email_key("ada.l@EXAMPLE.COM") == "ada.l@example.com"


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("(212) 555-0123", "US", "+12125550123"),
        ("1-212-555-0123", "US", "+12125550123"),
        ("+1 212 555 0123", None, "+12125550123"),
        ("+1 202 555 0143", None, "+12025550143"),
        ("07700 900123", "GB", "+447700900123"),
        ("+44 (0)7700 900123", None, "+447700900123"),
        ("0044 7700 900123", "DE", "+447700900123"),
        ("0044 20 7946 0958", None, "+442079460958"),
        ("(0044) 20 7946 0958", "US", "+442079460958"),
        ("06.39.98.12.34", "FR", "+33639981234"),
        ("0171/3920012", "DE", "+491713920012"),
        ("0491 570 006", "AU", "+61491570006"),
    ],
)
def test_numbers_reserved_for_fiction_are_taken_in_any_spelling(text: str, country: str | None, number: str) -> None:
    assert e164(text, country) == number


@pytest.mark.parametrize(
    ("text", "country", "why"),
    [
        ("212 555 0123", None, "needs a country"),
        ("00 12", None, "needs a country"),
        ("12", "US", "is not a phone number"),
        ("call the office", "US", "is not a phone number"),
        ("+1 212 555 01234567", None, "number of digits is wrong"),
        ("1-800-FLOWERS", "US", "is not a phone number"),
        ("+1 555 0100", None, "its area code is missing"),
        ("555-0100", "US", "its area code is missing"),
        ("+44 900123", None, "its area code is missing"),
    ],
)
def test_what_is_no_number_is_refused_in_one_sentence(text: str, country: str | None, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        e164(text, country)


@given(st.text(max_size=40), st.sampled_from([None, "US", "GB", "DE"]))
def test_a_number_is_normalised_once_or_refused(text: str, country: str | None) -> None:
    try:
        number = e164(text, country)
    except InvalidInput:
        return
    assert e164(number, None) == number


@pytest.mark.parametrize(
    ("phone", "country", "zone"),
    [
        ("+12125550123", "US", "America/New_York"),
        ("+14155550123", None, "America/Los_Angeles"),
        ("+491713920012", None, "Europe/Berlin"),
        (None, "DE", "Europe/Berlin"),
        (None, "US", None),
        (None, None, None),
    ],
)
def test_a_zone_is_named_only_where_there_is_one(phone: str | None, country: str | None, zone: str | None) -> None:
    assert time_zone_for(phone, country) == zone


@pytest.mark.parametrize(
    ("text", "code"),
    [("us", "US"), ("USA", "US"), ("Deutschland", "DE"), ("España", "ES"), ("UK", "GB"), ("Japan", "JP"), ("Oz", None)],
)
def test_countries_are_known_by_code_and_name(text: str, code: str | None) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["03/04/2024", "25/12/2023"], FoundOrder(Order.DAY_FIRST)),
        (["03/04/2024", "12/25/2023"], FoundOrder(Order.MONTH_FIRST)),
        (["03.04.2024"], FoundOrder(Order.DAY_FIRST)),
        (["12.25.2023"], FoundOrder(Order.MONTH_FIRST)),
        (["03/04/2024"], FoundOrder(Order.DAY_FIRST, assumed=True)),
        (["2024-03-04", "", "05/05/2024", "13/14/2024"], FoundOrder(Order.DAY_FIRST)),
        (["03/04/2024", "25/12/2023", "12/25/2023"], FoundOrder(Order.MIXED, against=1)),
        (["12/25/2023"] * 19 + ["25/12/2023"], FoundOrder(Order.MONTH_FIRST, against=1)),
        (["12/25/2023"] * 18 + ["25/12/2023"], FoundOrder(Order.MIXED, against=1)),
    ],
)
def test_a_columns_order_of_day_and_month_is_decided_once_and_what_contradicts_it_is_counted(
    values: list[str], found: FoundOrder
) -> None:
    assert find_order(values) == found


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("2024-03-04", Order.DAY_FIRST, datetime(2024, 3, 4, tzinfo=UTC)),
        ("2024-03-04T10:00:00+02:00", Order.DAY_FIRST, datetime(2024, 3, 4, 8, tzinfo=UTC)),
        ("03/04/2024", Order.DAY_FIRST, datetime(2024, 4, 3, tzinfo=UTC)),
        ("03/04/2024", Order.MONTH_FIRST, datetime(2024, 3, 4, tzinfo=UTC)),
        ("4 March 2024", Order.DAY_FIRST, datetime(2024, 3, 4, tzinfo=UTC)),
        ("Mar 4, 2024", Order.DAY_FIRST, datetime(2024, 3, 4, tzinfo=UTC)),
        ("31/02/2024", Order.DAY_FIRST, None),
        ("03/04/2024", Order.MIXED, None),
        ("04/04/2024", Order.MIXED, datetime(2024, 4, 4, tzinfo=UTC)),
        ("25/12/2023", Order.MIXED, datetime(2023, 12, 25, tzinfo=UTC)),
        ("12/25/2023", Order.MIXED, datetime(2023, 12, 25, tzinfo=UTC)),
        ("12/25/2023", Order.DAY_FIRST, None),
        ("last spring", Order.DAY_FIRST, None),
    ],
)
def test_dates_are_read_as_people_write_them(text: str, order: Order, moment: datetime | None) -> None:
    assert parse_date(text, order) == moment
