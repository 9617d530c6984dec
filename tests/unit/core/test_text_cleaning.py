"""Cleaning text from outside, held against its definition character by character."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.text import clean

AWKWARD = st.text(
    st.one_of(
        st.characters(), st.sampled_from("\r\n\t\x00\x1c\x85\xad\u200b\u2028\ufeff\u0301\ud800\u200c\u200d\u0645 ")
    )
)


def by_definition(value: str, limit: int, *, keep_lines: bool) -> str:
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if not keep_lines:
        text = " ".join(text.split())
    kept = (
        c
        for before, c, after in zip(" " + text, text, text[1:] + " ", strict=False)
        if c in "\n\t"
        or unicodedata.category(c) not in {"Cc", "Cf", "Cs"}
        or (c in "\u200c\u200d" and is_joined(before) and is_joined(after))
    )
    return "".join(kept).strip()[:limit].rstrip("\u200c\u200d")


def is_joined(character: str) -> bool:
    return character > "\x7f" and unicodedata.category(character)[0] in "LMS"


@pytest.mark.parametrize(
    "spelt",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\u2764\ufe0f\u200d\U0001f525",
    ],
)
def test_what_is_spelt_with_joiners_keeps_them(spelt: str) -> None:
    assert clean(spelt) == spelt


@pytest.mark.parametrize(
    "hidden", ["pay\u200dpal", "\u200cAda", "Ada\u200d", "\u0645\u200d Ada", "\u0645\u200c\u200d\u0645"]
)
def test_joiners_that_join_nothing_are_removed(hidden: str) -> None:
    assert not {"\u200c", "\u200d"} & set(clean(hidden))


@given(AWKWARD, st.integers(0, 50), st.booleans())
def test_it_is_what_its_definition_says(value: str, limit: int, keep_lines: bool) -> None:
    assert clean(value, limit=limit, keep_lines=keep_lines) == by_definition(value, limit, keep_lines=keep_lines)


def test_every_character_of_unicode_is_kept_or_removed_as_defined() -> None:
    every = (f"a{chr(point)}b" for point in range(sys.maxunicode + 1))
    assert [ascii(each) for each in every if clean(each) != by_definition(each, 9, keep_lines=False)] == []
