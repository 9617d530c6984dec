"""Identifiers: a short prefix that names the kind, then a ULID, so that ids sort by creation."""

from __future__ import annotations

from ulid import ULID


def new_id(prefix: str) -> str:
    """Return a new identifier such as `lead_01KA6X...` (at most 40 characters)."""
    return f"{prefix}_{ULID()}"
