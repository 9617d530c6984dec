"""Unpacks gzip (RFC 1952) while it is read, and refuses what is damaged or would unpack without bound."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from overture_core.errors import UnreadableFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC = b"\x1f\x8b"
MAX_UNPACKED = 4 * 1024**3
# Tables of leads pack to a tenth or so; gzip itself reaches a thousandth.
MAX_RATIO = 200
FREE = 64 * 1024 * 1024  # bytes that may come of anything
_PIECE = 256 * 1024


class Unpacked(io.RawIOBase):
    """The unpacked bytes of a gzip file, which is closed with it."""

    def __init__(self, stored: BinaryIO, filename: str) -> None:
        super().__init__()
        self._stored, self._filename = stored, filename
        self._gzip = gzip.GzipFile(fileobj=stored)
        self._unpacked = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read at most as many bytes as `buffer` holds.

        Raises:
            UnreadableFile: the file is damaged, breaks off, or unpacks to too much.
        """
        view = memoryview(buffer).cast("B")
        try:
            piece = self._gzip.read(len(view))
        except EOFError as error:
            msg = f"{self._filename} breaks off before its end, so nothing of it was taken; fetch or pack it again."
            raise UnreadableFile(msg) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            msg = f"{self._filename} is a damaged gzip file, so nothing of it was taken; fetch or pack it again."
            raise UnreadableFile(msg) from error
        self._unpacked += len(piece)
        if self._unpacked > min(MAX_UNPACKED, max(FREE, MAX_RATIO * self.stored_position())):
            msg = f"{self._filename} unpacks to more than can be read from a gzip file; unpack it and split it."
            raise UnreadableFile(msg)
        view[: len(piece)] = piece
        return len(piece)

    def stored_position(self) -> int:
        """Return how many bytes of the packed file have been read."""
        return self._stored.tell()

    def close(self) -> None:
        """Close both."""
        self._gzip.close()
        self._stored.close()
        super().close()


def unpacked(stored: BinaryIO, filename: str) -> BinaryIO:
    """Return a file to read the unpacked bytes of a gzip file from."""
    return io.BufferedReader(Unpacked(stored, filename), _PIECE)


def stored_position(file: BinaryIO) -> Callable[[], int]:
    """Return what tells how many bytes of a file, as it is stored, have been read."""
    raw = file.raw if isinstance(file, io.BufferedReader) else None
    return raw.stored_position if isinstance(raw, Unpacked) else file.tell
