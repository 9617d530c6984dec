"""Twilio's webhooks of a call, verified: somebody picked up, a key was pressed, the call is over.

They carry no time, so `now` (when they arrived) stands in. Form fields and values:
twilio.com/docs/voice/answering-machine-detection and twilio.com/docs/voice/api/call-resource.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from overture_core.errors import InvalidInput
from overture_core.messages.channels import PROVIDERS, Channel
from overture_core.messages.content import OPT_OUT_KEY
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.text import clean
from overture_providers.sms.events import our_id, verified

# A machine's announcement is over; `unknown` is treated as somebody who listens.
MACHINES = frozenset({"machine_end_beep", "machine_end_silence", "machine_end_other"})
_LISTENS = MACHINES | {"human", "unknown", ""}
_ENDED_UNHEARD = frozenset({"busy", "no-answer", "failed", "canceled"})
_STATUSES = frozenset({"queued", "initiated", "ringing", "in-progress", "completed", *_ENDED_UNHEARD})
_SID = re.compile(r"CA[0-9a-fA-F]{32}")
UNHEARD = "unheard"


@dataclass(frozen=True, slots=True)
class PickedUp:
    """Somebody picked up. `event` says that the message was heard, to be stored if words are given."""

    message_id: str
    workspace: str
    by_machine: bool
    listens: bool
    event: DeliveryEvent


def verify_and_parse_answer(
    url: str, form: Sequence[tuple[str, str]], signature: str | None, auth_token: str, *, now: datetime
) -> PickedUp:
    """Return who picked up a call of ours. `url` is the address that Twilio was given, with our message's id.

    Raises:
        SignatureInvalid: the signature does not fit.
        InvalidInput: a field is missing or has the wrong shape.
    """
    fields = verified(url, form, signature, auth_token)
    message_id = our_id(url)
    if message_id is None:
        raise InvalidInput("The call names no message of ours.")
    answered_by = fields.get("AnsweredBy", "").lower()
    event = _event(fields, message_id, "heard", Kind.DELIVERED, now)
    workspace = parse_qs(urlsplit(url).query).get("workspace", [""])[0]
    return PickedUp(message_id, workspace, answered_by in MACHINES, answered_by in _LISTENS, event)


def verify_and_parse_key(
    url: str, form: Sequence[tuple[str, str]], signature: str | None, auth_token: str, *, now: datetime
) -> list[DeliveryEvent]:
    """Return the opt-out of somebody who pressed its key during a call; none for any other key.

    Raises:
        SignatureInvalid: the signature does not fit.
        InvalidInput: a field is missing or has the wrong shape.
    """
    fields = verified(url, form, signature, auth_token)
    if not fields.get("Digits", "").startswith(OPT_OUT_KEY):
        return []
    return [_event(fields, our_id(url), "opt-out", Kind.UNSUBSCRIBED, now)]


def verify_and_parse_status(
    url: str, form: Sequence[tuple[str, str]], signature: str | None, auth_token: str, *, now: datetime
) -> list[DeliveryEvent]:
    """Return what a call's status says of its message. That it is over does not say that anything was heard: the
    answer does.

    Raises:
        SignatureInvalid: the signature does not fit.
        InvalidInput: a field is missing or has the wrong shape.
    """
    fields = verified(url, form, signature, auth_token)
    status = fields.get("CallStatus", "").lower()
    if status not in _STATUSES:
        raise InvalidInput("The status callback has no usable CallStatus; it is not Twilio's.")
    answered_by = fields.get("AnsweredBy", "").lower()
    unheard = status in _ENDED_UNHEARD or (status == "completed" and answered_by not in _LISTENS)
    if not unheard:
        return [_event(fields, our_id(url), status, Kind.ACCEPTED, now)]
    code = status if status in _ENDED_UNHEARD else UNHEARD
    return [_event(fields, our_id(url), status, Kind.FAILED, now, code=code)]


def _event(
    fields: dict[str, str], message_id: str | None, what: str, kind: Kind, now: datetime, *, code: str | None = None
) -> DeliveryEvent:
    sid = fields.get("CallSid", "")
    if not _SID.fullmatch(sid):
        raise InvalidInput("The webhook has no usable CallSid; it is not Twilio's.")
    return DeliveryEvent(
        provider=PROVIDERS[Channel.VOICE],
        dedupe_key=f"{sid}:{what}",
        kind=kind,
        at=now,
        channel=Channel.VOICE,
        message_id=message_id,
        provider_id=sid,
        address=clean(fields.get("To", ""), limit=40) or None,
        code=code,
        permanent=False,
    )
