"""Which words a language could have: its letters, and where they cannot stand.

Code pages read each other's bytes as other letters. What tells them apart is that the wrong letters make
words that no language has: `Dvoøák`, `Micha³`, `Sřren`. A word counts for a code page if one of the
page's languages could have it.
"""

# ruff: noqa: RUF001 (letters that look like others are what this is about)
from __future__ import annotations

import re
from dataclasses import dataclass, field

_VOWEL = "aeiouyáàâäãåæéèêëěęíìîïıóòôöõøőœúùûüůűýÿą"
_PREFIX = re.compile(r"^(?:Mc|Mac|De|Del|Di|Du|La|Le|Van|Von|Fitz)(?=\w\w)")
_EDGES = "\u00a0«»“”„‘’‚…–—·°ºª§©®™€!?()"
_JOINS = re.compile(r"['’-]")
_NOWHERE = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Alphabet:
    """A language's lower-case letters beyond ASCII, and the pattern of what none of its words has."""

    letters: frozenset[str]
    never: re.Pattern[str] = field(default=_NOWHERE)
    latin: bool = True

    def has(self, word: str) -> bool:
        """Say whether the language could have a word, which is in lower case."""
        beyond = [char for char in word if not char.isascii()]
        if not self.letters.issuperset(beyond) or self.never.search(word):
            return False
        if self.latin:
            return any(char in _VOWEL for char in word) and (len(word) < 4 or 5 * len(beyond) <= 3 * len(word))
        return len(beyond) == len(word)


def _of(letters: str, never: str | None = None) -> Alphabet:
    return Alphabet(frozenset(letters), re.compile(never.replace("V", _VOWEL)) if never else _NOWHERE)


def _script(letters: str, vowels: str, never: str) -> Alphabet:
    """A script of its own: no ASCII letter in a word, and no word without vowels or with many in a row."""
    shape = rf"^[^{vowels}]{{4,}}$|[{vowels}]{{5}}|[^{vowels}]{{6}}|{never}"
    return Alphabet(frozenset(letters), re.compile(shape), latin=False)


ICELANDIC = _of("áðéíóúýþæö", r"^ð|[aeiouyáéíóúýæö]þ|þ$|ý[aeiouyáéíóúýæö]")
ESTONIAN = _of("äöõüšž", r"õ$")
WESTERN = (
    _of("àâæçéèêëîïôœùûüÿ", r"ç(?![aoâouûù])|ù(?=\w)"),  # French
    _of("äöüßé", r"^ß"),  # German
    _of("áéíñóúü", r"ñ(?![aeiouáéíóú])"),  # Spanish
    _of("àçèéíïòóúü", r"ç(?=[eiéèí])|[àò](?=[àèéíòóú])"),  # Catalan
    _of("áâãàçéêíóôõúü", r"ç(?![aoãâáóõuú])|ã(?![oeins]|$)|õ(?!e)"),  # Portuguese
    _of("àèéìíîòóùú", r"[àèéìíîòóùú](?=\w)"),  # Italian: at the end only
    _of("åäöéüè"),  # Swedish, Finnish
    _of("æøåéöäü", r"[V]ø[V]"),  # Danish, Norwegian
    _of("áäèéêëíïóöüú"),  # Dutch
    ICELANDIC,
    ESTONIAN,
)
CENTRAL = (
    _of("ąćęłńóśźż", r"^[ąęń]|ń[aeiouyóąę]|(?<![aeiouyóąęśń])ć(?![aeiouyóąęw])"),  # Polish
    # Czech and Slovak
    _of("áäčďéěíľňóôřšťúůýž", r"(?<![V])[řň](?![V])|(?<![V])(?<!^)č(?![V])|(?<![bpvmdtnf])ě|^ů|ů[V]|[^V]ň[^V]"),
    _of("áéíóöőúüű", r"[őű][V]"),  # Hungarian
    _of("ăâîşţșț", r"ă[aeou]|î$"),  # Romanian
    _of("čćđšž", r"(?<![V])[ćđ](?![V])|(?<![V])(?<!^)č(?![V])"),  # Croatian, Serbian, Slovene
)
TURKISH = (_of("çğıöşüâîû", r"(?<![aeıioöuüâîû])ğ"),)
CYRILLIC = (
    _script(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўђјљњћџѓќѕ",
        "аеёиоуыэюяіїєўј",
        "^[ъьы]|[ъь]{2}|[аеиоуыэюя]{4}|ь[аоуыэ]|й[ьъ]",
    ),
)
GREEK = (
    _script("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", "αεηιουωάέήίόύώϊϋΐΰ", r"ς\w|\wσ$|[άέήίόύώΐΰ].*[άέήίόύώΐΰ]|^[ΐΰϊϋ]"),
)


def could_be(text: str, alphabets: tuple[Alphabet, ...]) -> bool:
    """Say whether a run of letters and signs, as a code page reads it, could be words of one of the languages."""
    for word in _JOINS.split(text.strip(_EDGES)):
        if word.isascii():
            continue
        # One spelling of case: all small, all capital, or a capital in front (in McÉ too).
        if not any(part.islower() or part.isupper() or part[1:].islower() for part in (word, _PREFIX.sub("", word))):
            return False
        lower = word.replace("İ", "i").lower()
        if not any(alphabet.has(lower) for alphabet in alphabets):
            return False
    return True
