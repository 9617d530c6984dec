"""Cleaning text from outside, held against its definition character by character."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from overture_core.text import clean

AWKWARD = st.text(st.one_of(st.characters(), st.sampled_from("\r\n\t\x00\x1c\x85\xad\u200b\u2028\ufeff\u0301\ud800 ")))


def by_definition(value: str, limit: int, *, keep_lines: bool) -> str:
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if not keep_lines:
        text = " ".join(text.split())
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return "".join(kept).strip()[:limit]


@given(AWKWARD, st.integers(0, 50), st.booleans())
def test_it_is_what_its_definition_says(value: str, limit: int, keep_lines: bool) -> None:
    assert clean(value, limit=limit, keep_lines=keep_lines) == by_definition(value, limit, keep_lines=keep_lines)


def test_every_character_of_unicode_is_kept_or_removed_as_defined() -> None:
    every = (f"a{chr(point)}b" for point in range(sys.maxunicode + 1))
    assert [ascii(each) for each in every if clean(each) != by_definition(each, 9, keep_lines=False)] == []
