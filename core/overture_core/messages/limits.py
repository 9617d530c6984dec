"""How many messages a second the settings let out."""

from __future__ import annotations

from overture_core.messages.channels import Channel
from overture_core.settings import Settings


def limits_of(settings: Settings) -> dict[Channel, tuple[int | None, int | None]]:
    """Return the messages a second that the settings allow each channel: for the account, and for a sender."""
    return {
        Channel.EMAIL: (settings.email_per_second, settings.email_per_sender_per_second),
        Channel.SMS: (settings.sms_per_second, settings.sms_per_sender_per_second),
        Channel.WHATSAPP: (None, settings.whatsapp_per_sender_per_second),
        Channel.VOICE: (settings.voice_per_second, None),
        Channel.LINKEDIN: (None, None),
    }
