"""Twilio's webhooks, verified and turned into the domain's own events.

Status callbacks arrive unordered and may come twice; the dedupe key is the SID with the status. They
carry no time, so `now` (when they arrived) stands in. They are not refused by age for the same reason:
a replay has the same dedupe key and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, InboundMessage, Kind
from overture_core.text import clean
from overture_providers.endpoints import TWILIO, TWILIO_WHATSAPP, WHATSAPP_PREFIX
from overture_providers.opt_out import is_opt_out
from overture_providers.sms.signature import verify

MAX_BODY = 1_600
MAX_FIELDS = 200
OPTED_OUT = "21610"
# twilio.com/docs/api/errors: these say that the number itself cannot be reached by SMS
_PERMANENT = frozenset({"21211", "21614", "21635", "30005", "30006"})
_KINDS = {
    "queued": Kind.ACCEPTED,
    "accepted": Kind.ACCEPTED,
    "sending": Kind.ACCEPTED,
    "sent": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "read": Kind.DELIVERED,
    "undelivered": Kind.FAILED,
    "failed": Kind.FAILED,
}
_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
_OUR_ID = re.compile(r"[A-Za-z0-9_]{1,40}")
_STATUS = re.compile(r"[a-z_]{1,40}")
_CODE = re.compile(r"[0-9]{1,10}")


def verify_and_parse_status(
    url: str, form: Sequence[tuple[str, str]], signature: str | None, auth_token: str, *, now: datetime
) -> list[DeliveryEvent]:
    """Return the event of a status callback; none for a status that says nothing yet.

    `url` is the address Twilio was given, with its query, which carries our message's id.

    Raises:
        SignatureInvalid: the signature does not fit.
        InvalidInput: a field is missing or has the wrong shape.
    """
    fields = verified(url, form, signature, auth_token)
    sid = _sid(fields)
    status = fields.get("MessageStatus", "").lower()
    if not _STATUS.fullmatch(status):
        raise InvalidInput("The status callback has no usable MessageStatus; it is not Twilio's.")
    kind = _KINDS.get(status)
    if kind is None:
        return []
    channel, provider = _channel(fields)
    if channel is Channel.WHATSAPP and status == "read":
        kind = Kind.OPENED
    code = fields.get("ErrorCode", "")
    code = code if _CODE.fullmatch(code) and code != "0" else ""
    if code == OPTED_OUT:
        kind = Kind.UNSUBSCRIBED
    event = DeliveryEvent(
        provider=provider,
        dedupe_key=f"{sid}:{status}",
        kind=kind,
        at=now,
        channel=channel,
        message_id=our_id(url),
        provider_id=sid,
        address=_number(fields, "To") or None,
        code=code or None,
        detail=clean(fields.get("ErrorMessage", ""), limit=500) or None,
        permanent=kind is not Kind.FAILED or code in _PERMANENT,
    )
    return [event]


def verify_and_parse_inbound(
    url: str, form: Sequence[tuple[str, str]], signature: str | None, auth_token: str, *, now: datetime
) -> InboundMessage:
    """Return a message that a person wrote to one of our numbers.

    Raises:
        SignatureInvalid: the signature does not fit.
        InvalidInput: a field is missing or has the wrong shape.
    """
    fields = verified(url, form, signature, auth_token)
    sid = _sid(fields)
    channel, provider = _channel(fields)
    sender, recipient = _number(fields, "From"), _number(fields, "To")
    if not sender or not recipient:
        raise InvalidInput("The inbound message has no From or no To; it is not Twilio's.")
    body = clean(fields.get("Body", ""), limit=MAX_BODY, keep_lines=True)
    return InboundMessage(
        provider=provider,
        dedupe_key=f"{sid}:inbound",
        channel=channel,
        at=now,
        sender=sender,
        recipient=recipient,
        body=body,
        opt_out=is_opt_out(body) or fields.get("OptOutType", "").upper() == "STOP",
    )


def verified(url: str, form: Sequence[tuple[str, str]], signature: str | None, auth_token: str) -> dict[str, str]:
    """Return a webhook's fields, once its signature has been checked.

    Raises:
        SignatureInvalid: the signature does not fit.
        InvalidInput: it is no plain form.
    """
    pairs = list(form)
    if len(pairs) > MAX_FIELDS or not all(isinstance(part, str) for pair in pairs for part in pair):
        raise InvalidInput("The webhook is not a plain form of at most 200 fields; it is not Twilio's.")
    verify(url, pairs, signature, auth_token)
    return dict(pairs)


def _channel(fields: dict[str, str]) -> tuple[Channel, str]:
    if fields.get("From", "").startswith(WHATSAPP_PREFIX):
        return Channel.WHATSAPP, TWILIO_WHATSAPP
    return Channel.SMS, TWILIO


def _number(fields: dict[str, str], name: str) -> str:
    return clean(fields.get(name, "").removeprefix(WHATSAPP_PREFIX), limit=40)


def _sid(fields: dict[str, str]) -> str:
    sid = fields.get("MessageSid", "")
    if not _SID.fullmatch(sid):
        raise InvalidInput("The webhook has no usable MessageSid; it is not Twilio's.")
    return sid


def our_id(url: str) -> str | None:
    """Return our message's id from the address that Twilio was given."""
    try:
        value = parse_qs(urlsplit(url).query).get("message", [""])[0]
    except ValueError:
        return None
    return value if _OUR_ID.fullmatch(value) else None
