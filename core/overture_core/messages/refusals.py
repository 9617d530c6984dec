"""What the codes mean with which messages end, in words: Twilio's, SendGrid's and those of mail servers (RFC 3463)."""

from __future__ import annotations

from typing import Final

from overture_core.messages.states import State
from overture_core.text import clean

GAVE_UP = "gave_up:"  # before the code of the last try
# www.twilio.com/docs/api/errors; docs.sendgrid.com, "Event Webhook Reference", for reasons of drops
_MEANINGS: Final = {
    State.BOUNCED: "the mail server refused it",
    State.FAILED: "the provider refused it",
    State.COMPLAINED: "the recipient reported it as spam",
    "21211": "the number is not valid",
    "21408": "the Twilio account may not send to this country",
    "21610": "the recipient had answered STOP",
    "21612": "the number cannot be reached from this sender",
    "21614": "the number is no mobile number",
    "21617": "the text is too long",
    "21635": "the number is a landline",
    "30001": "Twilio's queue was full",
    "30002": "the Twilio account is suspended",
    "30003": "the handset cannot be reached: off, or without coverage",
    "30004": "the recipient or their carrier blocks messages",
    "30005": "the number is not known to any carrier",
    "30006": "the number is a landline, or its carrier takes no messages",
    "30007": "the carrier filtered the message",
    "30008": "the carrier gave no reason",
    "30032": "the toll-free sender is not verified",
    "30034": "the sender is not registered for A2P 10DLC",
    "63003": "the number has no WhatsApp",
    "63016": "WhatsApp takes free text only within 24 hours of what the recipient wrote",
    "63024": "the number cannot get WhatsApp messages",
    "bounced_address": "SendGrid does not write to an address that bounced before",
    "spam_reporting_address": "SendGrid does not write to who reported spam before",
    "unsubscribed_address": "SendGrid does not write to who unsubscribed there",
    "invalid": "the address is not valid",
    "blocked": "the mail server refused it",
    "bounce": "the mail server refused it",
    "busy": "the line was busy",
    "no-answer": "nobody answered the phone",
    "canceled": "the call was cancelled",
    "unheard": "nobody listened to the call",
}
_MAIL_STATUSES: Final = {
    "1.1": "there is no such mailbox",
    "1.2": "there is no such mail domain",
    "2.1": "the mailbox takes no mail",
    "2.2": "the mailbox is full",
    "3.4": "the mail is too large",
    "4.1": "the mail server does not answer",
    "7.1": "the mail server does not accept the sender",
}


def meaning(code: str) -> str | None:
    """Say what a provider's code means, with the code; None for one that is not known here."""
    known = _MEANINGS.get(code)
    kind, _, detail = code.partition(".")
    if known is None and kind in ("4", "5"):
        known = _MAIL_STATUSES.get(detail, "the mail server refused it")
    if known is None and code.startswith(GAVE_UP):
        last = code.removeprefix(GAVE_UP)
        return f"given up after several tries, the last with: {meaning(last) or clean(last, limit=100)}"
    return known if known is None or code in set(State) else f"{known} ({clean(code, limit=100)})"
