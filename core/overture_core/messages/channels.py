"""The channels a message can take."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """How a lead is reached."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    VOICE = "voice"


# Who carries each channel, under the name that messages, events and the breaker keep.
# WhatsApp's trouble at Twilio is not that of SMS or of calls, so each has a breaker of its own.
PROVIDERS = {
    Channel.EMAIL: "sendgrid",
    Channel.SMS: "twilio",
    Channel.WHATSAPP: "twilio-whatsapp",
    Channel.VOICE: "twilio-voice",
}

# Reached by a phone number: these want consent first, and keep to the recipient's waking hours.
BY_PHONE = frozenset({Channel.SMS, Channel.WHATSAPP, Channel.VOICE})
