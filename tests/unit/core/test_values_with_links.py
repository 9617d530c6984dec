"""A name never becomes a link, whatever it holds, and a person hears of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.templates.values import Doubts, mixes_alphabets, unclickable

CYRILLIC = "p\u0430ypal"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"https://{CYRILLIC}.com/login", f"https   {CYRILLIC} com login"),
        ("Ada www.evil.example/x now", "Ada www evil example x now"),
        ("evil\u3002example", "evil example"),
        ("\uff45vil\uff0eexample", "\uff45vil example"),
        ("JavaScript:alert(1)", "JavaScript alert(1)"),
        ("ada@evil.example", "ada evil example"),
        ("Booking.com", "Booking com"),
        ("Reed & Co.KG", "Reed & Co KG"),
        ("xn--pypal-4ve.xn--p1ai", "xn--pypal-4ve xn--p1ai"),
        ("J. R. Reed, Ph.D.", "J. R. Reed, Ph.D."),
        ("AC/DC: live", "AC/DC: live"),
        ("Reed Ltd.", "Reed Ltd."),
        ("No. 4.5", "No. 4.5"),
    ],
)
def test_a_name_is_put_in_so_that_nothing_can_be_clicked(value: str, shown: str) -> None:
    assert unclickable({"company": value, "custom": {"link": value}}) == {"company": shown, "custom": {"link": value}}


@given(st.text(alphabet=st.sampled_from("aZ\u0430.:/\\@ -w\uff0e1")))
def test_what_was_broken_is_no_link_any_more_and_as_long(value: str) -> None:
    once = unclickable({"first_name": value})
    assert unclickable(once) == once
    assert len(once["first_name"]) == len(value)


@pytest.mark.parametrize(
    ("domain", "mixed"),
    [
        (f"{CYRILLIC}.com", True),
        ("xn--pypal-4ve.com", True),
        ("\u043f\u043e\u0447\u0442\u0430.com", False),
        ("m\u00fcller.de", False),
        ("sony\u30bd\u30cb\u30fc.jp", False),
        ("example.com", False),
    ],
)
def test_alphabets_that_look_alike_are_told_from_others(domain: str, mixed: bool) -> None:
    assert mixes_alphabets(domain) is mixed


def test_doubts_are_counted_with_the_worst_example() -> None:
    doubts = Doubts()
    doubts.look_at({"company": "Reed & Co.KG"}, "ada@example.com")
    doubts.look_at({"company": "https://evil.example"}, "bob@example.com")
    doubts.look_at({"company": "Acme", "custom": {"shop": f"www.{CYRILLIC}.com"}}, f"cy@{CYRILLIC}.com")
    assert doubts.hints() == [
        "2 leads with what looks like a link in company; it is put in with spaces for its dots, such as "
        "'https://evil.example'",
        "1 lead with a link that mixes alphabets, as one that imitates another does, in custom.shop, such as "
        f"'www.{CYRILLIC}.com'",
        f"1 lead with an address whose domain mixes alphabets, as one that imitates another does, such as "
        f"'cy@{CYRILLIC}.com'",
    ]
