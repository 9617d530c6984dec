"""The channels a message can take."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """How a lead is reached."""

    EMAIL = "email"
    SMS = "sms"


# Who carries each channel, under the name that messages, events and the breaker keep.
PROVIDERS = {Channel.EMAIL: "sendgrid", Channel.SMS: "twilio"}
