"""Finds out how a text file is encoded."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable
from itertools import islice
from typing import BinaryIO, NamedTuple

from charset_normalizer import from_bytes

from overture_core.errors import InvalidInput, UnreadableFile
from overture_core.leads.alphabets import (
    CENTRAL,
    CYRILLIC,
    ESTONIAN,
    GREEK,
    ICELANDIC,
    TURKISH,
    WESTERN,
    Alphabet,
    could_be,
)
from overture_core.leads.asian import asian_encoding
from overture_core.text import clean

SAMPLE = 256 * 1024
MAX_LINE = 64 * 1024
MAX_WORDS = 2_000
ENOUGH = 2  # words that only another page can read, before it is preferred to cp1252
TIMES = 3  # as many of them as of words that only cp1252 can read
CHECKED = 8 * 1024 * 1024  # bytes of a file that is only looked at
_BOMS = (
    *((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")),
    *((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")),
)
_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\v\f\r\x1a\x1b")
_JIS = re.compile(rb"\x1b\$[@B]")
_WORD = re.compile(rb"[A-Za-z'\x80-\xff-]*[\x80-\xff][A-Za-z'\x80-\xff-]*")
# The likelier first: of equals it is taken.
_PAGES: dict[str, tuple[Alphabet, ...]] = {
    "cp1252": WESTERN,
    "cp1250": CENTRAL,
    "cp1251": CYRILLIC,
    "cp1253": GREEK,
    "cp1254": TURKISH,
    "iso8859-2": CENTRAL,
    "koi8-r": CYRILLIC,
    "cp866": CYRILLIC,
    "mac-roman": WESTERN,
    "cp850": WESTERN,
}
# Western languages that a page's own, more widely spoken ones would be taken for.
_RARER = {"cp1250": ESTONIAN, "cp1254": ICELANDIC}
_TEXT = re.compile(r"^(utf-(8|16|32)|ascii|cp\d|iso(8859|2022)|koi8|mac-|big5|gb|hz|euc_|shift_jis|johab|tis-620)")

Open = Callable[[], BinaryIO]


class FoundEncoding(NamedTuple):
    """An encoding: whether it is a guess, and whether some bytes of the file are not in it."""

    name: str
    guessed: bool = False
    mixed: bool = False

    def open(self, file: BinaryIO) -> io.TextIOWrapper:
        """Return a file as text; line ends stay as they are, and bytes that do not fit become lone surrogates."""
        return io.TextIOWrapper(file, encoding=self.name, errors="surrogateescape", newline="")


def find_encoding(open_file: Open, filename: str, *, whole: bool = True) -> FoundEncoding:
    """Return the encoding of a file, all of which (its first `CHECKED` bytes, if not `whole`) is tried.

    A byte order mark decides; then UTF-8, which hardly ever fits by chance, even if some lines are in
    something else; then zeros, which in UTF-16 are half of what is ASCII. What follows is a guess: cp1252,
    unless words are much likelier in another.

    Raises:
        UnreadableFile: it is no text, or no encoding fits.
    """
    with open_file() as file:
        sample = file.read(SAMPLE)
    marked = next((name for bom, name in _BOMS if sample.startswith(bom)), None)
    if marked == "utf-8-sig":
        return FoundEncoding(marked, mixed=_first_failure(open_file, marked, whole=whole) is not None)
    if marked is not None:
        return FoundEncoding(_checked(open_file, filename, marked, whole=whole))
    if (wide := _without_mark(sample)) is not None and _first_failure(open_file, wide, whole=whole) is None:
        return FoundEncoding(wide, guessed=True)
    if sample.count(0) > max(1, len(sample) // 100):
        raise _no_text(filename)
    for name in ("iso2022_jp", "utf-8") if _JIS.search(sample) else ("utf-8",):
        if _first_failure(open_file, name, whole=whole) is None:
            return FoundEncoding(name)
    if len(sample) - len(sample.translate(None, _CONTROLS)) > len(sample) // 100:
        raise _no_text(filename)
    evidence = _evidence(open_file)
    if _is_mostly_utf8(evidence):
        return FoundEncoding("utf-8", mixed=True)
    guess = _guess(evidence)
    if guess is None:
        msg = f"The encoding of {filename} cannot be made out; save it as UTF-8, or give its encoding."
        raise UnreadableFile(msg)
    return FoundEncoding(_checked(open_file, filename, guess, whole=whole), guessed=True)


def _without_mark(sample: bytes) -> str | None:
    """UTF-16 without a mark, of which a quarter at least is ASCII: its zeros stand in every other place."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 8 < len(sample) or min(even, odd) * 20 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_mostly_utf8(evidence: bytes) -> bool:
    lines = evidence.splitlines()
    fitting = sum(_fits(line, "utf-8") for line in lines)
    return 2 * fitting >= len(lines) > 0


def _fits(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _no_text(filename: str) -> UnreadableFile:
    return UnreadableFile(f"{filename} is not text; export it as CSV, XLSX or JSON Lines.")


def given_encoding(open_file: Open, filename: str, name: str, *, whole: bool = True) -> FoundEncoding:
    """Return the encoding that a person named, if it decodes the whole file.

    Raises:
        InvalidInput: there is no such encoding of texts.
        UnreadableFile: the file is not in it.
    """
    shown = clean(name, limit=40)
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):  # ValueError: a name with a NUL in it
        found = ""
    if not _TEXT.match(found):
        msg = f"There is no encoding {shown!r}; give one such as utf-8, cp1252, cp1250, cp1251 or shift_jis."
        raise InvalidInput(msg)
    with open_file() as file:
        start = file.read(SAMPLE)
    if found == "utf-8" and start.startswith(codecs.BOM_UTF8):
        found = "utf-8-sig"
    bad = _first_failure(open_file, found, whole=whole)
    if bad is not None:
        msg = f"{filename} is not in {shown}: byte {bad} does not fit; give another encoding, or none to have it found."
        raise UnreadableFile(msg)
    if b"\x00" in start and not found.startswith(("utf-16", "utf-32")):
        msg = f"{filename} is not text in {shown}; give another encoding, or export it as CSV, XLSX or JSON Lines."
        raise UnreadableFile(msg)
    return FoundEncoding(found)


def _guess(evidence: bytes) -> str | None:
    # A sign by itself, a half or a pound, says nothing.
    tokens = (found[0] for found in _WORD.finditer(evidence) if len(found[0]) > 1)
    words = frozenset(islice(dict.fromkeys(tokens), MAX_WORDS))
    read = {name: found for name, page in _PAGES.items() if (found := _readable(name, words, page)) is not None}
    # Of equal pages the one of which a single language reads most: a file is rather in one than in five.
    best = max(read, key=lambda name: (len(read[name]), _of_one_language(name, words)), default="cp1252")
    found = read.get(best, frozenset())
    if 2 * len(found) < len(words) and (asian := asian_encoding(evidence)) is not None:
        return asian
    if best != "cp1252" and "cp1252" in read and not _is_stronger(best, words, found, read["cp1252"]):
        best, found = "cp1252", read["cp1252"]
    if best in read and (len(words) <= ENOUGH or 2 * len(found) >= len(words)):
        return best
    other = from_bytes(evidence).best()  # languages that are not in the table
    return other.encoding if other is not None else None


def _is_stronger(page: str, words: frozenset[bytes], found: frozenset[bytes], western: frozenset[bytes]) -> bool:
    """Say whether the words that a page can read, and those it cannot, outweigh the preference for cp1252."""
    rival = _readable("cp1252", words, tuple(each for each in WESTERN if each is not _RARER.get(page))) or frozenset()
    telling, against = len(found - rival), len(western - found)
    # In a list of a few words one telling word is much.
    enough = telling >= ENOUGH or (found == words and 0 < len(words) <= TIMES * telling)
    return enough and telling >= TIMES * against


def _of_one_language(encoding: str, words: frozenset[bytes]) -> int:
    return max(len(_readable(encoding, words, (alphabet,)) or ()) for alphabet in _PAGES[encoding])


def _readable(encoding: str, words: frozenset[bytes], page: tuple[Alphabet, ...]) -> frozenset[bytes] | None:
    """The words that could be words in an encoding; None if it has no letter for one of the bytes."""
    try:
        return frozenset(word for word in words if could_be(word.decode(encoding), page))
    except UnicodeDecodeError:
        return None


def _evidence(open_file: Open) -> bytes:
    """The first lines of the file that go beyond ASCII, whole, at most `SAMPLE` bytes of them."""
    lines: list[bytes] = []
    size = 0
    with open_file() as file:
        while size < SAMPLE and (line := file.readline(MAX_LINE)):
            if not line.isascii() and (line.endswith(b"\n") or len(line) < MAX_LINE):
                lines.append(line)
                size += len(line)
    return b"".join(lines)


def _checked(open_file: Open, filename: str, encoding: str, *, whole: bool) -> str:
    bad = _first_failure(open_file, encoding, whole=whole)
    if bad is not None:
        msg = f"{filename} looks like {encoding}, but byte {bad} does not fit; save it as UTF-8, or give its encoding."
        raise UnreadableFile(msg)
    return encoding


def _first_failure(open_file: Open, encoding: str, *, whole: bool) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    done = 0
    with open_file() as file:
        while True:
            piece = file.read(1024 * 1024)
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                return done + error.start
            except UnicodeError:  # UTF-16 and UTF-32 without a mark where one is wanted
                return done
            done += len(piece)
            if not piece or (done >= CHECKED and not whole):
                return None
