"""The domain's own events, into which each provider's webhook is turned.

A provider's `events.py` makes these from verified raw bytes; `messages/intake.py` applies them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from overture_core.messages.channels import Channel


class Kind(StrEnum):
    """What happened to a message, in words that no provider owns."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"


class _FromOutside(BaseModel):
    model_config = ConfigDict(frozen=True)

    @field_validator("*")
    @classmethod
    def _storable(cls, value: object) -> object:
        # No database stores a NUL in text, and nothing means one.
        return value.replace("\x00", "") if type(value) is str else value


class DeliveryEvent(_FromOutside):
    """Something that happened to one message.

    `message_id` is ours if the provider gave it back; otherwise `provider_id` finds the message.
    `permanent` is false for a bounce or failure that says nothing against the address itself.
    """

    type: Literal["delivery"] = "delivery"
    provider: str
    dedupe_key: str = Field(max_length=200)
    kind: Kind
    at: datetime
    channel: Channel
    message_id: str | None = None
    provider_id: str | None = None
    address: str | None = None
    code: str | None = None
    detail: str | None = Field(default=None, max_length=1000)
    permanent: bool = True


class InboundMessage(_FromOutside):
    """Something a person wrote to one of our senders. `sender` and `body` are text from outside.

    `in_reply_to` is our message's id, where the provider or a header carries it; `automatic` tells that the headers say
    that no person wrote it.
    """

    type: Literal["inbound"] = "inbound"
    provider: str
    dedupe_key: str = Field(max_length=200)
    channel: Channel
    at: datetime
    sender: str
    recipient: str
    subject: str | None = None
    body: str
    in_reply_to: str | None = None
    opt_out: bool = False
    automatic: bool = False


Evidence = Annotated[DeliveryEvent | InboundMessage, Field(discriminator="type")]
