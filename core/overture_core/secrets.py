"""The key that signs links, from the settings or kept in the data folder."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from overture_core.settings import Settings

_BYTES = 32
_FILE = "secret.key"


def sign(settings: Settings, purpose: str, value: str) -> str:
    """Return a signature of `value` for one purpose, as 32 hex digits (HMAC-SHA256, cut to 128 bits)."""
    return hmac.new(_key(settings), f"{purpose}\x00{value}".encode(), hashlib.sha256).hexdigest()[:32]


def verify(settings: Settings, purpose: str, value: str, signature: str) -> bool:
    """Tell whether `signature` was made by `sign` for the same purpose and value."""
    return hmac.compare_digest(sign(settings, purpose, value).encode(), signature.encode())


def share_key(settings: Settings, folder: Path) -> None:
    """Give another data folder the kept key, if the settings name none."""
    if settings.secret_key is None:
        key = folder / _FILE
        key.touch(mode=0o600)
        key.write_bytes(_kept(settings.data_dir / _FILE))


def _key(settings: Settings) -> bytes:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    return _kept(settings.data_dir / _FILE)


@lru_cache(maxsize=16)
def _kept(path: Path) -> bytes:
    """Read the kept key, making it first where there is none. Once a process: it never changes."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(_BYTES))
        try:
            os.link(fresh, path)  # the first process wins; the others read its key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
