"""Text from outside is data: capped, stripped of control characters, never trusted."""

from __future__ import annotations

import re
import unicodedata

from overture_core.errors import InvalidInput

MAX_FIELD = 2_000
MAX_NAME = 100
_REMOVED = frozenset({"Cc", "Cf", "Cs"})
_JOINERS = "\u200c\u200d"  # of which Persian, Indic and other words are spelt, and emoji made
_JOINED = frozenset({"L", "M", "S"})  # letters, marks, symbols
# Where Unicode has control, format and surrogate characters, line feed and tab left out. Wider than what is removed,
# so that a newer Unicode still fits: only what is found here is asked for its category.
_SUSPECTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u061f\u06dd\u070f\u0890-\u089f\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bcaf"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


def clean(value: str, *, limit: int = MAX_FIELD, keep_lines: bool = False) -> str:
    """Return `value` in Unicode NFC without control and format characters, capped at `limit` characters. Joiners stay
    where words are spelt with them.

    With `keep_lines`, line feeds and tabs stay (carriage returns become line feeds); otherwise each
    run of white space becomes one space, so that the result fits a header line.
    """
    if value.isascii() and value.isprintable() and "  " not in value:  # nothing to do, as with nearly every cell
        return value.strip()[:limit]
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if not keep_lines:
        text = " ".join(text.split())
    return _SUSPECTS.sub(_kept, text).strip()[:limit].rstrip(_JOINERS)


def quoted(value: str, *, limit: int = 100) -> str:
    """Return what somebody gave us between quotation marks, for an error: cleaned, and cut where it is long."""
    text = clean(value, limit=limit + 1)
    return repr(text if len(text) <= limit else f"{text[:limit]}...")


def as_name(value: str, thing: str) -> str:
    """Return what a person calls a thing of theirs, without the white space around it.

    Raises:
        InvalidInput: it is empty, too long, or has what nobody sees in it.
    """
    name = unicodedata.normalize("NFC", value).strip()
    if not name or len(name) > MAX_NAME:
        msg = f"A {thing} needs a name of 1 to {MAX_NAME} characters."
        raise InvalidInput(msg)
    if name != clean(name):
        msg = f"A {thing}'s name is one line, without doubled spaces and characters that nobody sees: {quoted(name)}."
        raise InvalidInput(msg)
    return name


def quantity(number: int, noun: str) -> str:
    """Return a number with its noun: `1 row`, `2 rows`, `3 replies`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ly") else f"{noun}es" if noun.endswith("ss") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def without_controls(value: str) -> str:
    """Return `value` without control and format characters, as `clean` does, and otherwise as it stands."""
    return _SUSPECTS.sub(_kept, value)


def _kept(found: re.Match[str]) -> str:
    if found[0] in _JOINERS:
        begins, ends = found.span()
        before, after = found.string[max(begins - 1, 0) : begins], found.string[ends : ends + 1]
        return found[0] if _joins(before) and _joins(after) else ""
    return "" if unicodedata.category(found[0]) in _REMOVED else found[0]


def _joins(beside: str) -> bool:
    """Whether a joiner has something to do beside this character. In Latin text it is only there to deceive."""
    return not beside.isascii() and unicodedata.category(beside)[0] in _JOINED
