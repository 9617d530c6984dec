"""The key that signs links and seals tokens, from the settings or kept in the data folder."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from overture_core.errors import ConfigurationError
from overture_core.settings import Settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_BYTES = 32
_FILE = "secret.key"


def sign(settings: Settings, purpose: str, value: str) -> str:
    """Return a signature of `value` for one purpose, as 32 hex digits (HMAC-SHA256, cut to 128 bits)."""
    return hmac.new(_key(settings), f"{purpose}\x00{value}".encode(), hashlib.sha256).hexdigest()[:32]


def verify(settings: Settings, purpose: str, value: str, signature: str) -> bool:
    """Tell whether `signature` was made by `sign` for the same purpose and value."""
    return hmac.compare_digest(sign(settings, purpose, value).encode(), signature.encode())


def seal(settings: Settings, purpose: str, value: str) -> str:
    """Return `value` encrypted for one purpose (Fernet: AES-128-CBC and HMAC-SHA256), as text.

    The key is derived from the installation's own and the purpose, so that what is sealed for one place opens nowhere
    else.
    """
    return _box(settings, purpose).encrypt(value.encode()).decode()


def unseal(settings: Settings, purpose: str, sealed: str) -> str:
    """Return what `seal` was given.

    Raises:
        ConfigurationError: it was sealed with another key, or for another purpose.
    """
    from cryptography.fernet import InvalidToken

    try:
        return _box(settings, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        msg = "What is stored was sealed with another key; set OVERTURE_SECRET_KEY as it was, or connect again."
        raise ConfigurationError(msg) from error


def derive(settings: Settings, purpose: str) -> bytes:
    """Return 32 bytes for one purpose, the same in every process with the same key, from which it cannot be had."""
    return hmac.new(_key(settings), f"derive\x00{purpose}".encode(), hashlib.sha256).digest()


def share_key(settings: Settings, folder: Path) -> None:
    """Give another data folder the kept key, if the settings name none."""
    if settings.secret_key is None:
        key = folder / _FILE
        key.touch(mode=0o600)
        key.write_bytes(_kept(settings.data_dir / _FILE))


def _box(settings: Settings, purpose: str) -> Fernet:
    from cryptography.fernet import Fernet

    derived = hmac.new(_key(settings), f"seal\x00{purpose}".encode(), hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(derived))


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
