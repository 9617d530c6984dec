"""The key that signs links and seals tokens, from the settings or kept in the data folder.

The current key alone signs and seals. While it is rotated others are accepted for everything; retired ones are taken
for what lasts (links in messages, sealed tokens, erased addresses), and admit nobody (docs/production.md).
"""

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
    return _signed(_current(settings), purpose, value)


def accepted_signatures(settings: Settings, purpose: str, value: str) -> list[str]:
    """Return what `sign` would return with each accepted key, the current one first."""
    return [_signed(key, purpose, value) for key in _accepted(settings)]


def lasting_signatures(settings: Settings, purpose: str, value: str) -> list[str]:
    """Return what `sign` would return with each key that there was, the current one first."""
    return [_signed(key, purpose, value) for key in _lasting(settings)]


def verify(settings: Settings, purpose: str, value: str, signature: str) -> bool:
    """Tell whether `signature` was made by `sign` for the same purpose and value, also with a retired key."""
    made = lasting_signatures(settings, purpose, value)
    return any(hmac.compare_digest(each.encode(), signature.encode()) for each in made)


def seal(settings: Settings, purpose: str, value: str) -> str:
    """Return `value` encrypted for one purpose (Fernet: AES-128-CBC and HMAC-SHA256), as text.

    The key is derived from the installation's own and the purpose, so that what is sealed for one place opens nowhere
    else.
    """
    return _box(_current(settings), purpose).encrypt(value.encode()).decode()


def unseal(settings: Settings, purpose: str, sealed: str) -> str:
    """Return what `seal` was given, also with a retired key.

    Raises:
        ConfigurationError: it was sealed with another key, or for another purpose.
    """
    found = _unsealed(_lasting(settings), purpose, sealed)
    if found is None:
        msg = "What is stored was sealed with another key; add it to OVERTURE_SECRET_KEYS_RETIRED, or connect again."
        raise ConfigurationError(msg)
    return found


def unseal_accepted(settings: Settings, purpose: str, sealed: str) -> str | None:
    """Return what `seal` was given; None unless an accepted key sealed it for this purpose."""
    return _unsealed(_accepted(settings), purpose, sealed)


def derive(settings: Settings, purpose: str) -> bytes:
    """Return 32 bytes for one purpose, the same in every process with the same key, from which it cannot be had."""
    return _derived(_current(settings), "derive", purpose)


def derive_accepted(settings: Settings, purpose: str) -> list[bytes]:
    """Return what `derive` would return with each accepted key, the current one first."""
    return [_derived(key, "derive", purpose) for key in _accepted(settings)]


def share_key(settings: Settings, folder: Path) -> None:
    """Give another data folder the kept key, if the settings name none."""
    if settings.secret_key is None:
        key = folder / _FILE
        key.touch(mode=0o600)
        key.write_bytes(_kept(settings.data_dir / _FILE))


def _signed(key: bytes, purpose: str, value: str) -> str:
    return hmac.new(key, f"{purpose}\x00{value}".encode(), hashlib.sha256).hexdigest()[:32]


def _derived(key: bytes, kind: str, purpose: str) -> bytes:
    return hmac.new(key, f"{kind}\x00{purpose}".encode(), hashlib.sha256).digest()


def _unsealed(keys: list[bytes], purpose: str, sealed: str) -> str | None:
    from cryptography.fernet import InvalidToken, MultiFernet

    try:
        return MultiFernet([_box(key, purpose) for key in keys]).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _box(key: bytes, purpose: str) -> Fernet:
    from cryptography.fernet import Fernet

    return Fernet(base64.urlsafe_b64encode(_derived(key, "seal", purpose)))


def _current(settings: Settings) -> bytes:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    return _kept(settings.data_dir / _FILE)


def _accepted(settings: Settings) -> list[bytes]:
    further = (key.get_secret_value().encode() for key in settings.secret_keys_accepted)
    return list(dict.fromkeys([_current(settings), *further]))


def _lasting(settings: Settings) -> list[bytes]:
    retired = [key.get_secret_value().encode() for key in settings.secret_keys_retired]
    # The random bytes that were in use before the setting was made cannot be named in a setting.
    kept = settings.data_dir / _FILE
    retired += [_kept(kept)] if settings.secret_key is not None and kept.exists() else []
    return list(dict.fromkeys([*_accepted(settings), *retired]))


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
