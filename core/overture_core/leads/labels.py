"""What can be a tag."""

from __future__ import annotations

import re

from overture_core.errors import InvalidInput
from overture_core.text import clean, quoted

LONGEST = 100
SEPARATORS = re.compile(r"[;,|]")  # between the tags in one cell of a file


def tag_name(text: str) -> str:
    """Return a tag as it is kept; of one that says nothing, "".

    Raises:
        InvalidInput: it cannot be one: in a file it would be two, or it is too long.
    """
    label = clean(text, limit=LONGEST + 1)
    if len(label) > LONGEST or SEPARATORS.search(label):
        msg = f"{quoted(text)} cannot be a tag: it is a text without comma, semicolon and bar, at most {LONGEST} long."
        raise InvalidInput(msg)
    return label
