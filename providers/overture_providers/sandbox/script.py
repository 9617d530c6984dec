"""What becomes of a message in the sandbox: decided by the address and a seed, never by chance.

Markers in an e-mail's local part: bounce, complain, unsub, reply-yes, reply-no, reply-question, ooo.
Last two digits of a number: 99 not delivered, 98 answers STOP, 97 is interested, 96 has a question.
When called: 99 does not pick up, 98 picks up and presses the key for no more calls, 97 picks up, 96 is a fax, all
others have voicemail.
Everybody else behaves like a dormant list: 94 % delivered, 3 % bounced, 3 % deferred first; of those
delivered 45 % open, 12 % click and 8 % answer.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

MIN_DELAY_S, MAX_DELAY_S = 0.05, 0.5

REPLIES = {
    "reply-yes": "Yes, I am interested. Could you tell me more about the next step?",
    "reply-no": "Thanks, but not now. Maybe next year.",
    "reply-question": "What does it cost for a team of ten?",
    "ooo": "I am out of the office until Monday and will read your message when I am back.",
}
_MARKERS = re.compile(r"bounce|complain|unsub|reply-yes|reply-no|reply-question|(?<![a-z])ooo(?![a-z])")
_SMS_REPLIES = {"98": "STOP", "97": "Yes, interested", "96": "What does it cost?"}

VOICEMAIL = "machine_end_beep"
_ANSWERED_BY = {"98": "human", "97": "human", "96": "fax"}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens `after_s` seconds after the message was accepted. `text` is a reply's."""

    after_s: float
    what: str
    text: str = ""


def email_story(seed: int, address: str) -> list[Step]:
    """Return what happens to a mail: SendGrid's event names, and `reply`."""
    local = address.rpartition("@")[0].lower()
    marker = _MARKERS.search(local)
    return _timed(seed, address, _marked(marker.group()) if marker else _hashed(seed, address))


def sms_story(seed: int, number: str) -> list[Step]:
    """Return what happens to an SMS: Twilio's statuses, and `reply`."""
    ending = number[-2:]
    if ending == "99":
        return _timed(seed, number, [("sent", ""), ("undelivered", "")])
    story = [("sent", ""), ("delivered", "")]
    if ending in _SMS_REPLIES:
        story.append(("reply", _SMS_REPLIES[ending]))
    return _timed(seed, number, story)


def call_story(seed: int, number: str) -> list[Step]:
    """Return what happens to a call: Twilio's statuses; `text` is who picked up, by its answering-machine detection."""
    ending = number[-2:]
    if ending == "99":
        return _timed(seed, number, [("no-answer", "")])
    return _timed(seed, number, [("in-progress", _ANSWERED_BY.get(ending, VOICEMAIL)), ("completed", "")])


def presses_key(number: str) -> bool:
    """Tell whether whoever picks up presses the key for no more calls."""
    return number.endswith("98")


def _marked(marker: str) -> list[tuple[str, str]]:
    if marker == "bounce":
        return [("processed", ""), ("bounce", "")]
    endings = {
        "complain": [("spamreport", "")],
        "unsub": [("open", ""), ("unsubscribe", "")],
        "ooo": [("reply", REPLIES["ooo"])],
    }
    ending = endings.get(marker) or [("open", ""), ("reply", REPLIES[marker])]
    return [("processed", ""), ("delivered", ""), *ending]


def _hashed(seed: int, address: str) -> list[tuple[str, str]]:
    fate = _share(seed, address, "fate")
    if fate < 0.03:
        return [("processed", ""), ("bounce", "")]
    story = [("processed", "")]
    if fate < 0.06:
        story.append(("deferred", ""))
    story.append(("delivered", ""))
    engagement, answer = _share(seed, address, "engagement"), _share(seed, address, "answer")
    if engagement < 0.45 or answer < 0.08:
        story.append(("open", ""))
    if engagement < 0.12:
        story.append(("click", ""))
    if answer < 0.08:
        story.append(("reply", REPLIES[("reply-yes", "reply-no", "reply-question")[int(answer / 0.08 * 3)]]))
    return story


def _timed(seed: int, address: str, story: list[tuple[str, str]]) -> list[Step]:
    steps, after = [], 0.0
    for index, (what, text) in enumerate(story):
        after += MIN_DELAY_S + (MAX_DELAY_S - MIN_DELAY_S) * _share(seed, address, f"delay {index}")
        steps.append(Step(after, what, text))
    return steps


def _share(seed: int, address: str, purpose: str) -> float:
    """Return a number in [0, 1) that depends on these three alone."""
    digest = hashlib.sha256(f"{seed}\0{address.lower()}\0{purpose}".encode(errors="replace")).digest()
    return int.from_bytes(digest[:7]) / (1 << 56)
