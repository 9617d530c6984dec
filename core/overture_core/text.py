"""Text from outside is data: capped, stripped of control characters, never trusted."""

from __future__ import annotations

import unicodedata

MAX_FIELD = 2_000
_KEPT_CONTROLS = frozenset("\n\t")


def clean(value: str, *, limit: int = MAX_FIELD, keep_lines: bool = False) -> str:
    """Return `value` in Unicode NFC without control and format characters, capped at `limit` characters.

    With `keep_lines`, line feeds and tabs stay (carriage returns become line feeds); otherwise each
    run of white space becomes one space, so that the result fits a header line.
    """
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if not keep_lines:
        text = " ".join(text.split())
    kept = (c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return "".join(kept).strip()[:limit]
