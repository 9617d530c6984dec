"""Identifiers: a short prefix that names the kind, then a ULID, so that ids sort by creation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ulid import ULID

from overture_core.errors import InvalidInput
from overture_core.text import quoted

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's Base 32, which ULIDs are written in
_PAIRS = tuple(a + b for a in _LETTERS for b in _LETTERS)
_AT_ONCE = len(_PAIRS) ** 2
_ID = re.compile(rf"[a-z]{{2,8}}_[{_LETTERS}]{{26}}")


def new_id(prefix: str) -> str:
    """Return a new identifier such as `lead_01KA6X...` (at most 40 characters)."""
    return f"{prefix}_{ULID()}"


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an identifier of ours."""
    return _ID.fullmatch(text) is not None


def no_cursor(cursor: str, what: str) -> InvalidInput:
    """Return what is raised for a cursor that no page of a list, in the plural, has handed out."""
    return InvalidInput(f"{quoted(cursor)} is no cursor of a page of {what}; begin without one.")


def new_ids(prefix: str) -> Iterator[str]:
    """Return new identifiers without end, each greater than the one before, for rows by the thousand.

    The last four characters count up, as ULIDs made within one millisecond may; 60 random bits are left before them.
    """
    while True:
        start = new_id(prefix)[:-4]
        for number in range(_AT_ONCE):
            yield f"{start}{_PAIRS[number >> 10]}{_PAIRS[number & 1023]}"
