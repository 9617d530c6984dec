"""Files that a post shows: taken from allowed folders, and bound by their digest to what a person approved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from overture_core.errors import InvalidInput, UnreadableFile
from overture_core.leads.sources import Source
from overture_core.text import clean
from overture_providers.linkedin.posts import DOCUMENTS, MOST_PICTURES, PICTURES

MOST_PICTURE = 8 * 2**20  # bytes
MOST_DOCUMENT = 100 * 2**20
# How such a file begins: what it says it is by its name alone is not believed.
_BEGINNINGS = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"),
    ".pdf": (b"%PDF-",),
    ".doc": (b"\xd0\xcf\x11\xe0",),
    ".ppt": (b"\xd0\xcf\x11\xe0",),
    ".docx": (b"PK\x03\x04",),
    ".pptx": (b"PK\x03\x04",),
}


def describe(paths: Sequence[str], roots: list[Path]) -> list[dict[str, Any]]:
    """Return what a proposal keeps of files: path, name, size in bytes and SHA-256.

    Raises:
        UnreadableFile: one is missing, empty, too large, or outside the allowed folders.
        InvalidInput: one is neither a picture nor a document, or they do not go together.
    """
    found = [_described(path, roots) for path in paths]
    documents = [each for each in found if is_document(each)]
    if documents and len(found) > 1:
        msg = "A post shows either pictures or one document; leave the others out."
        raise InvalidInput(msg)
    if len(found) > MOST_PICTURES:
        msg = f"A post shows at most {MOST_PICTURES} pictures; leave some out."
        raise InvalidInput(msg)
    return found


def read(kept: dict[str, Any], roots: list[Path]) -> bytes:
    """Return a file's bytes, if they are still those that were approved.

    Raises:
        UnreadableFile: it is gone, or was moved outside the allowed folders.
        InvalidInput: it changed.
    """
    source = Source.from_path(str(kept["path"]), roots)
    if source.sha256() != kept["sha256"]:
        msg = f"{kept['name']} changed since this was approved; nothing was published. Ask for it again."
        raise InvalidInput(msg)
    with source.open() as file:
        return file.read()


def is_document(kept: dict[str, Any]) -> bool:
    """Tell whether a kept file is a document, not a picture."""
    return Path(str(kept["name"])).suffix.lower() in DOCUMENTS


def _described(path: str, roots: list[Path]) -> dict[str, Any]:
    source = Source.from_path(path, roots)
    ending = Path(source.filename).suffix.lower()
    if ending not in PICTURES and ending not in DOCUMENTS:
        known = ", ".join(sorted({*PICTURES, *DOCUMENTS}))
        msg = f"{source.filename} is neither a picture nor a document that LinkedIn shows; it takes {known}."
        raise InvalidInput(msg)
    with source.open() as file:
        start = file.read(8)
    if not start.startswith(_BEGINNINGS[ending]):
        msg = f"{source.filename} does not begin as a {ending} file does; export it again."
        raise InvalidInput(msg)
    size, most = source.size(), MOST_PICTURE if ending in PICTURES else MOST_DOCUMENT
    if size > most:
        msg = f"{source.filename} has {size // 2**20} MB, more than the {most // 2**20} MB that LinkedIn takes."
        raise UnreadableFile(msg)
    name = clean(source.filename, limit=200)
    return {"path": str(source.path), "name": name, "bytes": size, "sha256": source.sha256()}
