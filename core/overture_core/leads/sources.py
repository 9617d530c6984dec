"""Where leads are read from: a file that may be read, or content handed over; gzip is unpacked on the way."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from overture_core.errors import UnreadableFile
from overture_core.leads.unpacking import MAGIC, unpacked
from overture_core.text import clean

MAX_BYTES = 2 * 1024**3  # of a file, which is streamed: some millions of leads
_SECRETS = frozenset({".env", ".key", ".pem", ".db"})  # endings of what is no list
MAX_INLINE = 64 * 1024**2  # of content, which is in memory


@dataclass(frozen=True, slots=True)
class Source:
    """A file by path, or content handed over: a text, or bytes. `notes` say what a person should know of it."""

    filename: str
    path: Path | None
    text: str | None = None
    data: bytes = b""
    notes: tuple[str, ...] = ()

    @classmethod
    def from_path(cls, path: Path | str, roots: list[Path], *, closed: Path | None = None) -> Source:
        """Take a file, by its path or `file:` URI (RFC 8089), that lies inside one of `roots`, links followed.

        What holds secrets is no list, and a rejected row shows what stands in it: hidden files and folders, settings
        and keys are not taken, nor is what lies in `closed`.

        Raises:
            UnreadableFile: it is missing, no file, too large, unreadable, outside the roots, or may hold secrets.
        """
        path = _of_uri(path) if isinstance(path, str) and path.lower().startswith("file:") else path
        real = _resolved(_in_a_root(Path(path), roots))
        allowed = [root.resolve() for root in roots]
        within = [root for root in allowed if real.is_relative_to(root)]
        if not within:
            shown = ", ".join(str(root) for root in allowed)
            msg = f"{path} is outside the folders that may be imported from ({shown}); move it there."
            raise UnreadableFile(msg)
        if all(_may_hold_secrets(real, root, closed) for root in within):
            msg = (
                f"{path} is hidden, or of a kind that holds settings, keys or Overture's own data, and is not read as "
                "a list; if it is one, copy it to a file such as leads.csv."
            )
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
            other = f"{path} is no file but a pipe, socket or device; name a file."
            msg = other if real.exists() else f"There is no file {path}; check the path."
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
        # A lone surrogate, which JSON can carry, is no character of any encoding.
        data = text.encode(errors="replace")
        return cls(cls._inline_name(data, filename), None, text, data)

    @classmethod
    def from_base64(cls, blob: str, filename: str) -> Source:
        """Take bytes in base64, as the contents of an MCP resource carry them.

        Raises:
            UnreadableFile: it is not base64, empty or too large.
        """
        try:
            data = base64.b64decode(blob, validate=True)
        except ValueError as error:
            msg = "The blob is not base64; give the file's bytes in base64, or its text as content."
            raise UnreadableFile(msg) from error
        if not data:
            msg = "The blob is empty; give the file's bytes in base64."
            raise UnreadableFile(msg)
        return cls(cls._inline_name(data, filename), None, None, data)

    @staticmethod
    def _inline_name(data: bytes, filename: str) -> str:
        if len(data) > MAX_INLINE:
            msg = f"The content has more than {MAX_INLINE // 2**20} MB; give a path instead."
            raise UnreadableFile(msg)
        return clean(filename, limit=200) or "inline.csv"

    def open(self) -> BinaryIO:
        """Open it for reading its bytes, unpacked if they are packed with gzip."""
        stored = self._stored()
        packed = stored.read(len(MAGIC)) == MAGIC
        stored.seek(0)
        return unpacked(stored, self.filename) if packed else stored

    def open_seekable(self) -> BinaryIO:
        """Open it for reading here and there; what is packed with gzip is unpacked to a temporary file."""
        file = self.open()
        if file.seekable():
            return file
        with file:
            copy = tempfile.TemporaryFile()  # noqa: SIM115 (who asked closes it)
            try:
                shutil.copyfileobj(file, copy)
            except BaseException:
                copy.close()
                raise
        copy.seek(0)
        return copy

    def _stored(self) -> BinaryIO:
        return self.path.open("rb") if self.path is not None else io.BytesIO(self.data)

    def size(self) -> int:
        """Return the number of its bytes as they are stored."""
        return self.path.stat().st_size if self.path is not None else len(self.data)

    def sha256(self) -> str:
        """Return the digest of its bytes as they are stored."""
        digest = hashlib.sha256()
        with self._stored() as file:
            while piece := file.read(2**20):
                digest.update(piece)
        return digest.hexdigest()


def _of_uri(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        msg = f"{clean(uri, limit=200)} names no file of this machine; give a URI such as file:///folder/leads.csv."
        raise UnreadableFile(msg)
    return Path(unquote(parts.path))


def _in_a_root(path: Path, roots: list[Path]) -> Path:
    """A relative path is meant from one of the roots, wherever the process was started."""
    if path.is_absolute():
        return path
    try:
        found = next((root / path for root in roots if (root / path).exists()), None)
    except OSError:  # too long for any file's name: what opens it says so
        found = None
    return found or (roots[0] / path if roots else path)


def _may_hold_secrets(real: Path, root: Path, closed: Path | None) -> bool:
    """Say so of a file by where it lies below `root`: a root that somebody named may itself be hidden or `closed`."""
    hidden = any(part.startswith(".") for part in real.relative_to(root).parts)
    shut = closed is not None and real.is_relative_to(closed.resolve()) and not root.is_relative_to(closed.resolve())
    return hidden or shut or real.suffix.lower() in _SECRETS


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
