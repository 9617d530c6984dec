"""The channels a message can take."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Channel(StrEnum):
    """How a lead is reached."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    VOICE = "voice"
    LINKEDIN = "linkedin"


# Who carries each channel, under the name that messages, events and the breaker keep.
# WhatsApp's trouble at Twilio is not that of SMS or of calls, so each has a breaker of its own.
PROVIDERS = {
    Channel.EMAIL: "sendgrid",
    Channel.SMS: "twilio",
    Channel.WHATSAPP: "twilio-whatsapp",
    Channel.VOICE: "twilio-voice",
    Channel.LINKEDIN: "person",
}

# Reached by a phone number: these want consent first, and keep to the recipient's waking hours.
BY_PHONE = frozenset({Channel.SMS, Channel.WHATSAPP, Channel.VOICE})

# Sent by a person, since no API may: what is delivered there is a task (messages/by_hand.py).
BY_HAND = frozenset({Channel.LINKEDIN})


class Addressed(Protocol):
    """A lead, or the columns of one that are addresses."""

    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def linkedin_url(self) -> str | None: ...


def address_of(lead: Addressed, channel: Channel) -> str | None:
    """Return where a lead is reached on a channel; None where they are not."""
    if channel in BY_PHONE:
        return lead.phone
    return lead.email if channel is Channel.EMAIL else lead.linkedin_url
