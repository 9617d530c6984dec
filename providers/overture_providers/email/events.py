"""SendGrid's signed event webhook, turned into the domain's own events.

Events are not refused by age: SendGrid repeats a delivery for up to 24 hours and does not say whether
it signs anew. A replay has the same `sg_event_id` and changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from overture_core.errors import ConfigurationError, InvalidInput, SignatureInvalid
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.text import clean
from overture_providers.endpoints import SENDGRID

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
MAX_EVENTS = 10_000
_YEAR_2100 = 4_102_444_800
_KINDS = {
    "processed": Kind.ACCEPTED,
    "deferred": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "bounce": Kind.BOUNCED,
    "dropped": Kind.FAILED,
    "open": Kind.OPENED,
    "click": Kind.CLICKED,
    "spamreport": Kind.COMPLAINED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "group_unsubscribe": Kind.UNSUBSCRIBED,
}
# Reasons for a drop that say something against the address (SendGrid, "Event webhook reference").
_ADDRESS_DROPS = frozenset({"bounced address", "unsubscribed address", "spam reporting address", "invalid"})
_DIGITS = re.compile(r"[0-9]{1,13}")
_OUR_ID = re.compile(r"[A-Za-z0-9_]{1,40}")


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    event: Annotated[str, Field(max_length=100)]
    # seconds; SendGrid's own examples also have it as a string, and in milliseconds
    timestamp: Annotated[int, Field(ge=0, le=_YEAR_2100 * 1000)]
    sg_event_id: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    sg_message_id: Annotated[str, Field(max_length=500)] | None = None
    email: Annotated[str, Field(max_length=1000)] | None = None
    type: Annotated[str, Field(max_length=100)] | None = None
    status: Annotated[str, Field(max_length=1000)] | None = None
    reason: str | None = None
    response: str | None = None
    url: str | None = None
    message_id: Any = None  # a custom argument: ours, or whatever else the account sends with

    @field_validator("reason", "response", "status", "url", mode="before")
    @classmethod
    def _whole_letters(cls, value: object) -> object:
        # JSON can hold half a surrogate pair, where a long text was cut; that must not cost all the other events.
        return value.encode(errors="ignore").decode() if isinstance(value, str) else value

    @field_validator("timestamp", mode="before")
    @classmethod
    def _digits(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def verify_and_parse(raw: bytes, headers: Mapping[str, str], public_key: str) -> list[DeliveryEvent]:
    """Return the events of one webhook call. `raw` is the body as it came, to the last byte.

    Kinds of events that are of no use here, or not known yet, are left out.

    Raises:
        SignatureInvalid: a header is missing or the signature does not fit.
        InvalidInput: the body is not a list of events as SendGrid describes them.
        ConfigurationError: the public key is not one.
    """
    verify(raw, headers, public_key)
    return parse(raw)


def verify(raw: bytes, headers: Mapping[str, str], public_key: str) -> None:
    """Check the ECDSA (P-256, SHA-256) signature over the timestamp and the raw body.

    Raises:
        SignatureInvalid: a header is missing or the signature does not fit.
        ConfigurationError: the public key is not one.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(base64.b64decode("".join(public_key.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(_BAD_KEY) from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigurationError(_BAD_KEY)
    lowered = {name.lower(): value for name, value in headers.items()}
    signature, timestamp = lowered.get(SIGNATURE_HEADER.lower()), lowered.get(TIMESTAMP_HEADER.lower())
    if not signature or not timestamp:
        raise SignatureInvalid
    try:
        signed = base64.b64decode(signature, validate=True)
        key.verify(signed, timestamp.encode(errors="replace") + raw, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise SignatureInvalid from error


_BAD_KEY = "OVERTURE_SENDGRID_WEBHOOK_KEY is not a public key; copy it again from SendGrid's event webhook settings."


def parse(raw: bytes) -> list[DeliveryEvent]:
    """Return the events of a body that has been verified.

    Raises:
        InvalidInput: the body is not a list of events as SendGrid describes them.
    """
    try:
        items = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The event webhook's body is not JSON; it is not SendGrid's.") from error
    if not isinstance(items, list) or len(items) > MAX_EVENTS:
        raise InvalidInput(f"The event webhook's body is not a list of at most {MAX_EVENTS} events.")
    return [event for item in items if (event := _one(item)) is not None]


def _one(item: Any) -> DeliveryEvent | None:
    try:
        event = _Event.model_validate(item)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "event"
        raise InvalidInput(f"The event webhook has an event whose {where} is missing or of the wrong type.") from error
    kind = _KINDS.get(event.event.lower())
    if kind is None:
        return None
    code, detail, permanent = _meaning(event, kind)
    ours = event.message_id
    provider_id = clean((event.sg_message_id or "").partition(".")[0], limit=200)
    return DeliveryEvent(
        provider=SENDGRID,
        dedupe_key=event.sg_event_id or hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest(),
        kind=kind,
        at=_moment(event.timestamp),
        channel=Channel.EMAIL,
        message_id=ours if isinstance(ours, str) and _OUR_ID.fullmatch(ours) else None,
        provider_id=provider_id or None,
        address=clean(event.email or "", limit=320) or None,
        code=clean(code, limit=100) or None,
        detail=clean(detail or "", limit=1000) or None,
        permanent=permanent,
    )


def _moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp if timestamp <= _YEAR_2100 else timestamp // 1000, tz=UTC)


def _meaning(event: _Event, kind: Kind) -> tuple[str, str | None, bool]:
    """Return code, detail and whether it speaks against the address itself."""
    reason = event.reason or event.response
    if kind is Kind.BOUNCED:
        temporary = event.type == "blocked" or (event.type is None and (event.status or "").startswith("4"))
        return event.status or event.type or "", reason, not temporary
    if kind is Kind.FAILED:
        word = clean(event.reason or "dropped", limit=60).lower()
        return word.replace(" ", "_"), reason, word in _ADDRESS_DROPS
    if kind is Kind.CLICKED:
        return "", event.url, True
    return event.status or "", reason, kind is not Kind.DEFERRED
