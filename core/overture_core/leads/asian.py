"""Tells the East Asian encodings apart by the rows of their character sets that texts are made of.

Each set keeps its common characters together: kana and level-1 kanji in JIS X 0208, the hangul of
KS X 1001, level 1 of GB 2312 and of Big5. Bytes of another encoding land all over the place.
"""

from __future__ import annotations

from collections.abc import Callable

MOST = 0.9  # of the characters have to be common ones
ENOUGH = 3  # characters before that means anything
_HANGUL_END = 0xC8
_Common = Callable[[int, int], bool]

_STRUCTURED: dict[str, _Common] = {
    "cp932": lambda lead, trail: 0x81 <= lead <= 0x83 or 0x88 <= lead <= 0x97 or (lead == 0x98 and trail <= 0x72),
    "big5": lambda lead, trail: 0xA1 <= lead <= 0xC6 and (trail <= 0x7E or trail >= 0xA1),
    "gb18030": lambda lead, trail: (0xB0 <= lead <= 0xD7 or 0xA1 <= lead <= 0xA3) and trail >= 0xA1,
    "cp949": lambda lead, trail: (0xB0 <= lead <= _HANGUL_END or 0xA1 <= lead <= 0xA3) and trail >= 0xA1,
}


def asian_encoding(text: bytes) -> str | None:
    """Return the East Asian encoding that a text is in, or None if it is in none of them, or too short to say."""
    if (even := _pairs_of_high_bytes(text)) is not None:
        return _of_rows(even)
    shares = {name: _share(text, name, common) for name, common in _STRUCTURED.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= MOST else None


def _pairs_of_high_bytes(text: bytes) -> list[int] | None:
    """The leads of a text whose high bytes come in pairs only, as in the EUC encodings."""
    leads, at = [], 0
    while at < len(text):
        if text[at] < 0x80:
            at += 1
            continue
        if text[at] < 0xA1 or at + 1 == len(text) or text[at + 1] < 0xA1:
            return None
        leads.append(text[at])
        at += 2
    return leads


def _of_rows(leads: list[int]) -> str | None:
    letters = [lead for lead in leads if lead >= 0xA4]
    if len(letters) < ENOUGH:
        return None
    if sum(lead in (0xA4, 0xA5) for lead in letters) >= 0.2 * len(letters):
        return "euc_jp"
    if sum(0xB0 <= lead <= _HANGUL_END for lead in letters) >= 0.97 * len(letters):
        return "cp949"  # Chinese goes on to D7, and a third of it lies there
    return "gb18030" if sum(0xB0 <= lead <= 0xD7 for lead in letters) >= MOST * len(letters) else None


def _share(text: bytes, encoding: str, common: _Common) -> float:
    try:
        decoded = text.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    found = total = 0
    for char in decoded:
        if char.isascii():
            continue
        coded = char.encode(encoding)
        total += 1
        found += len(coded) == 2 and common(coded[0], coded[1])
    return found / total if total >= ENOUGH else 0.0
