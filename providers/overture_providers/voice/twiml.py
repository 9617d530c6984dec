"""What Twilio is told to do in a call, in TwiML (twilio.com/docs/voice/twiml)."""

from __future__ import annotations

from twilio.twiml.voice_response import Gather, VoiceResponse

from overture_core.settings import Settings
from overture_providers.endpoints import TWILIO_CALL_KEY_PATH, twilio_callback
from overture_providers.voice.events import PickedUp

KEY_WAIT_S = 5
GOODBYE = "You will get no more calls from us. Goodbye."


def answer(settings: Settings, picked_up: PickedUp, words: str | None) -> str | None:
    """Return how a call goes on: the words are left on an answering machine, or said to a person, who may press a
    key meanwhile and for some seconds after. None where nothing is to be said, or nobody listens (a fax)."""
    if words is None or not picked_up.listens:
        return None
    response = VoiceResponse()
    if picked_up.by_machine:
        response.say(words, language=settings.voice_language)
        return str(response)
    key_url = twilio_callback(
        settings, TWILIO_CALL_KEY_PATH, workspace=picked_up.workspace, message_id=picked_up.message_id
    )
    gather = Gather(num_digits=1, action=key_url, method="POST", timeout=KEY_WAIT_S)
    gather.say(words, language=settings.voice_language)
    response.append(gather)
    response.hangup()
    return str(response)


def goodbye() -> str:
    """Confirm an opt-out and hang up."""
    response = VoiceResponse()
    response.say(GOODBYE, language="en-US")
    response.hangup()
    return str(response)


def hang_up() -> str:
    """Say nothing."""
    response = VoiceResponse()
    response.hangup()
    return str(response)
