"""Values of leads that are or hold a link: in a name they are put in so that nothing can be clicked, and whoever
decides on a plan hears of them.

Mail programs and telephones make links of text: of a scheme, of `www.`, of addresses, and of anything that looks like a
domain. A name needs none of that, and who filled it in may be anybody who ever filled in a form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from overture_core.text import clean, quantity

NAME_LIKE = ("first_name", "last_name", "company", "title")
_SHOWN = 60
_MARKS = ".:/\\@\u3002\uff0e\uff61\uff1a\uff0f\uff20\uff3c"  # and as they are written in full width
_MAYBE = re.compile(f"[{re.escape(_MARKS)}]")
_BROKEN = str.maketrans(dict.fromkeys(_MARKS, " "))
_AS_DOT = str.maketrans({"\u3002": "."})  # what NFKC leaves of the dots of RFC 3490, section 3.1
_SERIOUS = re.compile(
    r"[a-z][a-z0-9+.\-]*:[/\\]|(?:mailto|tel|sms|data|javascript):\S|(?<!\w)www\.|\w@\w", re.IGNORECASE
)
_DOMAIN = re.compile(r"\w(?:[\w\-]*\.)+(?:xn--[a-z0-9\-]+|[^\W\d_]{2,})", re.IGNORECASE)
# They are written with Latin letters in one word, and look like none of them.
_NOT_ALIKE = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"})


def unclickable(merge: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message's values with the links in names broken: dots, colons, slashes and at signs become spaces in a
    word that could be clicked. No value changes its length."""
    return {
        name: _broken(value) if name in NAME_LIKE and isinstance(value, str) and _MAYBE.search(value) else value
        for name, value in merge.items()
    }


def _broken(value: str) -> str:
    return "".join(part.translate(_BROKEN) if _is_link(part) else part for part in re.split(r"(\s+)", value))


def _is_link(word: str) -> bool:
    plain = unicodedata.normalize("NFKC", word).translate(_AS_DOT)
    return bool(_SERIOUS.search(plain) or _DOMAIN.search(plain))


def mixes_alphabets(domain: str) -> bool:
    """Tell whether a part between dots has letters of several alphabets that look alike, as in a Cyrillic a among Latin
    letters, or is coded (RFC 3492), so that nobody sees which letters it has."""
    labels = re.split(r"[.:/\\@]", unicodedata.normalize("NFKC", domain).translate(_AS_DOT).lower())
    return any(label.startswith("xn--") or len(_alphabets(label)) > 1 for label in labels)


def _alphabets(label: str) -> set[str]:
    if label.isascii():
        return set()
    return {unicodedata.name(each, "?").split()[0] for each in label if each.isalpha()} - _NOT_ALIKE


@dataclass(slots=True)
class Doubts:
    """Counts the leads whose values a person should look at, with an example of each kind."""

    _counts: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, tuple[bool, str]] = field(default_factory=dict)

    def look_at(self, merge: Mapping[str, Any], address: str) -> None:
        """Look at one lead's values and the address that they are written to."""
        if (not address.isascii() or "xn--" in address) and mixes_alphabets(address.rpartition("@")[2]):
            self._note("an address whose domain mixes alphabets, as one that imitates another does", address, True)
        for name, value in _texts(merge):
            if not _MAYBE.search(value):
                continue
            for word in filter(_is_link, value.split()):
                said = "what looks like a link" if name in NAME_LIKE else "a link of its own"
                if mixes_alphabets(word):
                    said = "a link that mixes alphabets, as one that imitates another does,"
                what = f"in {name}; it is put in with spaces for its dots" if name in NAME_LIKE else f"in {name}"
                self._note(f"{said} {what}", value, _SERIOUS.search(word) is not None)
                break

    def hints(self) -> list[str]:
        """Return a sentence for each kind, the most frequent first."""
        often = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))
        return [
            f"{quantity(number, 'lead')} with {what}, such as {clean(self._examples[what][1], limit=_SHOWN)!r}"
            for what, number in often
        ]

    def _note(self, what: str, example: str, serious: bool) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        # "Reed & Co.KG" is an example too, but one that would hide a worse one.
        if what not in self._examples or (serious and not self._examples[what][0]):
            self._examples[what] = serious, example


def _texts(merge: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in merge.items():
        if isinstance(value, str) and name not in ("email", "phone", "country"):
            yield name, value
        elif name == "custom" and isinstance(value, Mapping):
            yield from ((f"custom.{key}", each) for key, each in value.items() if isinstance(each, str))
