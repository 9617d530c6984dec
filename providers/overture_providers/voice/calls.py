"""Twilio's Calls resource: begin one call whose answering machine, if one picks up, is waited for.

Twilio listens first (`DetectMessageEnd`), then asks the answer URL what to say, telling it who picked up.
"""

from __future__ import annotations

from dataclasses import dataclass

from overture_core.messages.outcomes import Outcome
from overture_providers.sms.client import TwilioClient

RING_S = 25  # most voicemails begin by then


@dataclass(frozen=True, slots=True)
class VoiceCall:
    """One call. `answer_url` says what is to be heard, `status_callback` is told the end; both carry our id."""

    sender: str
    to: str
    answer_url: str
    status_callback: str

    def form(self) -> dict[str, str]:
        """Return the request's fields."""
        return {
            "To": self.to,
            "From": self.sender,
            "Url": self.answer_url,
            "StatusCallback": self.status_callback,
            "MachineDetection": "DetectMessageEnd",
            "Timeout": str(RING_S),
        }


async def begin(client: TwilioClient, call: VoiceCall) -> Outcome:
    """Begin a call, once."""
    return await client.create("Calls", call.form())
