"""Where leads are read from: a file that may be read, or a text."""

from __future__ import annotations

import errno
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from overture_core.errors import UnreadableFile
from overture_core.text import clean

MAX_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A file by path, or a text given inline."""

    filename: str
    path: Path | None
    text: str | None = None

    @classmethod
    def from_path(cls, path: Path | str, roots: list[Path]) -> Source:
        """Take a file that lies inside one of `roots`, links followed.

        Raises:
            UnreadableFile: it is missing, no file, too large, unreadable, or outside the roots.
        """
        real = _resolved(_in_a_root(Path(path), roots))
        allowed = [root.resolve() for root in roots]
        if not any(real.is_relative_to(root) for root in allowed):
            shown = ", ".join(str(root) for root in allowed)
            msg = f"{path} is outside the folders that may be imported from ({shown}); move it there."
            raise UnreadableFile(msg)
        return cls._usable(real, path)

    @classmethod
    def from_person(cls, path: Path | str) -> Source:
        """Take a file that the person at this machine named, wherever it lies; a relative path is from here.

        Raises:
            UnreadableFile: it is missing, no file, too large or unreadable.
        """
        return cls._usable(_resolved(Path(path)), path)

    @classmethod
    def _usable(cls, real: Path, path: Path | str) -> Source:
        try:
            is_dir, is_file = real.is_dir(), real.is_file()
        except OSError as error:
            msg = f"{clean(str(path), limit=200)} cannot be read ({error.strerror}); check the path."
            raise UnreadableFile(msg) from error
        if not str(path).strip() or str(path) == ".":
            msg = "No file was named; give the path of one."
            raise UnreadableFile(msg)
        if is_dir:
            msg = f"{path} is a folder; name a file in it."
            raise UnreadableFile(msg)
        if not is_file:
            msg = f"There is no file {path}; check the path."
            raise UnreadableFile(msg)
        try:
            with real.open("rb") as file:
                file.read(1)
        except OSError as error:
            msg = f"{path} cannot be read ({error.strerror}); check its permissions."
            raise UnreadableFile(msg) from error
        size = real.stat().st_size
        if size > MAX_BYTES:
            msg = f"{path} has {size // 2**20} MB, more than the {MAX_BYTES // 2**20} MB allowed; split it."
            raise UnreadableFile(msg)
        if size == 0:
            msg = f"{path} is empty; export it again."
            raise UnreadableFile(msg)
        return cls(clean(real.name, limit=200) or "file", real)

    @classmethod
    def from_text(cls, text: str, filename: str) -> Source:
        """Take a text. Its name's ending says what it is; without one it is read as CSV.

        Raises:
            UnreadableFile: it is empty or too large.
        """
        if not text.strip():
            msg = "The content is empty; give the text of the file, its first line the column names."
            raise UnreadableFile(msg)
        if len(text) > MAX_BYTES:
            msg = f"The content has more than {MAX_BYTES // 2**20} MB; give a path instead."
            raise UnreadableFile(msg)
        return cls(clean(filename, limit=200) or "inline.csv", None, text)

    def open(self) -> BinaryIO:
        """Open it for reading bytes."""
        if self.path is not None:
            return self.path.open("rb")
        # A lone surrogate, which JSON can carry, is no character of any encoding.
        return io.BytesIO((self.text or "").encode(errors="replace"))

    def size(self) -> int:
        """Return the number of its bytes."""
        return self.path.stat().st_size if self.path is not None else len((self.text or "").encode(errors="replace"))

    def sha256(self) -> str:
        """Return the digest of its bytes."""
        digest = hashlib.sha256()
        with self.open() as file:
            while piece := file.read(2**20):
                digest.update(piece)
        return digest.hexdigest()


def _in_a_root(path: Path, roots: list[Path]) -> Path:
    """A relative path is meant from one of the roots, wherever the process was started."""
    if path.is_absolute():
        return path
    try:
        found = next((root / path for root in roots if (root / path).exists()), None)
    except OSError:  # too long for any file's name: what opens it says so
        found = None
    return found or (roots[0] / path if roots else path)


def _resolved(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        why = "is a link that leads back to itself; name" if _is_loop(path) else "is not a path that can be read; check"
        msg = f"{clean(str(path), limit=200)} {why} the file."
        raise UnreadableFile(msg) from error


def _is_loop(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    except ValueError:
        return False
    return False
