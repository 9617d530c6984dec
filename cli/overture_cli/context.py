"""What commands share: settings, the store, and who sits at the terminal."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from overture_core.settings import Settings
from overture_core.storage.store import Store


def person() -> str:
    """The name of whoever runs the command, for the record of what they decide."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in the password database
        return "unknown user"


def actor() -> str:
    """Who acts, for the audit: a person at the command line."""
    return f"cli:{person()}"


@contextmanager
def open_store(settings: Settings | None = None) -> Iterator[Store]:
    """Open the database, migrated; closes it at the end."""
    store = Store(settings or Settings())
    try:
        store.prepare()
        yield store
    finally:
        store.close()
