"""The channels a message can take."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """How a lead is reached."""

    EMAIL = "email"
    SMS = "sms"
