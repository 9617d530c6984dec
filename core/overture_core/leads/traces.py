"""Recognises a person in stored texts: by their addresses, by their number in any writing, by first and last name
together."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import phonenumbers

_DIGITS = re.compile(r"\+?\(?[0-9](?:[ \u00a0().\-/\u2010-\u2013]*[0-9]){6,}")
_LONGEST_PREFIX = 6  # digits of an international call, such as 0011 44, that may stand before a national number
REPLACEMENT = "erased"


class Traces:
    """One person's. `addresses` are as they were written and as they compare, e-mail and phone (E.164) alike; nothing
    shorter, such as an id in somebody's list, which other people's texts may hold too."""

    def __init__(self, addresses: Sequence[str], first_name: str | None, last_name: str | None) -> None:
        self._addresses = _whole(addresses)
        self._numbers = [_national(each) for each in addresses if each.startswith("+")]
        names = [name for name in (first_name, last_name) if name and name.strip()]
        self._names = [_whole([_plain(name)]) for name in names] if len(names) == 2 else []

    def has_address(self, value: object) -> bool:
        """Tell whether a text, or a value as JSON, has one of the addresses whole: joann@example.com is not
        ann@example.com."""
        return self._addresses is not None and self._addresses.search(_text(value)) is not None

    def names(self, value: object) -> bool:
        """Tell whether a text is about them: it has an address, their number however it is written, or both names."""
        if self.has_address(value):
            return True
        text = _plain(_text(value))
        if self._numbers and any(self._is_number(found[0]) for found in _DIGITS.finditer(text)):
            return True
        return bool(self._names) and all(each is not None and each.search(text) for each in self._names)

    def without_addresses(self, value: Any) -> Any:
        """Return JSON with each address in it replaced."""
        if isinstance(value, str):
            return self._addresses.sub(REPLACEMENT, value) if self._addresses is not None else value
        if isinstance(value, dict):
            return {key: self.without_addresses(each) for key, each in value.items()}
        return [self.without_addresses(each) for each in value] if isinstance(value, list) else value

    def _is_number(self, written: str) -> bool:
        digits = "".join(each for each in written if each.isdecimal())
        return any(digits.endswith(each) and len(digits) - len(each) <= _LONGEST_PREFIX for each in self._numbers)


def _national(number: str) -> str:
    """Return the digits that every writing of a number ends in."""
    return phonenumbers.national_significant_number(phonenumbers.parse(number))


def _whole(words: Sequence[str]) -> re.Pattern[str] | None:
    either = "|".join(rf"(?<![\w.+@-]){re.escape(word)}(?![\w@-]|\.\w)" for word in words)
    return re.compile(either, re.IGNORECASE) if words else None


def _text(value: object) -> str:
    """Return every text of a value, a line each: as JSON, an escaped line break would join the word after it."""
    return "\n".join(_leaves(value))


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
        return
    yield str(value)
    if isinstance(value, str) and value.startswith("{"):  # a row of a file of JSON lines, with letters escaped
        try:
            yield from _leaves(json.loads(value))
        except (ValueError, RecursionError):
            return


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
