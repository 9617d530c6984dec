"""Finds out how a text file is encoded."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import BinaryIO

from charset_normalizer import from_bytes

from overture_core.errors import UnreadableFile

SAMPLE = 256 * 1024
ENOUGH = 16  # bytes beyond ASCII before statistics say anything
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def find_encoding(open_file: Callable[[], BinaryIO]) -> str:
    """Return the name of the encoding that decodes the whole file.

    A byte order mark decides; then UTF-8, which hardly ever fits by chance; then the likeliest.

    Raises:
        UnreadableFile: it is no text, or no encoding fits.
    """
    with open_file() as file:
        sample = file.read(SAMPLE)
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return _checked(open_file, name)
    if b"\x00" in sample:
        msg = "The file is not text; export it as CSV, XLSX or JSON Lines."
        raise UnreadableFile(msg)
    bad = _first_failure(open_file, "utf-8")
    if bad is None:
        return "utf-8"
    with open_file() as file:
        file.seek(max(0, bad - SAMPLE // 2))
        piece = file.read(SAMPLE)
    if sum(byte > 0x7F for byte in piece) < ENOUGH and _first_failure(open_file, "cp1252") is None:
        # A handful of accents is too little to tell encodings apart; Asian ones would swallow separators.
        return "cp1252"
    guess = from_bytes(piece).best()
    if guess is None:
        msg = "The file's encoding cannot be made out; save it as UTF-8."
        raise UnreadableFile(msg)
    # Western code pages decode each other's bytes: of those that fit, take what Windows writes.
    western = "cp1252" in {guess.encoding, *guess.could_be_from_charset}
    return _checked(open_file, "cp1252" if western else guess.encoding)


def _checked(open_file: Callable[[], BinaryIO], encoding: str) -> str:
    bad = _first_failure(open_file, encoding)
    if bad is not None:
        msg = f"The file looks like {encoding}, but byte {bad} does not fit; save it as UTF-8."
        raise UnreadableFile(msg)
    return encoding


def _first_failure(open_file: Callable[[], BinaryIO], encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    done = 0
    with open_file() as file:
        while True:
            piece = file.read(1024 * 1024)
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                return done + error.start
            if not piece:
                return None
            done += len(piece)
