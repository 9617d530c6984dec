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


class BillingKind(StrEnum):
    """What happened to money, or to what asks for it, in words that no provider owns.

    `linked` says which payment is behind an invoice; `status` is any other change.
    """

    PAID = "paid"
    FAILED = "failed"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    LINKED = "linked"
    STATUS = "status"


class BillingEvent(_FromOutside):
    """Something that happened to what a lead pays. `amount` is in minor units of `currency`.

    `object_id` is what it happened to; `reference` names the payment where there is one, and `payment` the payment
    behind it. `workspace`, `lead_id` and `message_id` are what we ourselves put there; without them `customer` finds
    the lead. A refund's amount is all that was given back so far, a dispute's what is held back, none once it is won.
    `payment_link` is the link whose session was completed.
    """

    type: Literal["billing"] = "billing"
    provider: str
    dedupe_key: str = Field(max_length=200)
    kind: BillingKind
    at: datetime
    sandbox: bool
    object_id: str = Field(max_length=200)
    object_kind: str = Field(max_length=40)
    status: str = Field(max_length=40)
    reference: str | None = Field(default=None, max_length=200)
    payment: str | None = Field(default=None, max_length=200)
    amount: int | None = Field(default=None, ge=0, le=10**14)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    workspace: str | None = Field(default=None, max_length=40)
    lead_id: str | None = Field(default=None, max_length=40)
    message_id: str | None = Field(default=None, max_length=40)
    customer: str | None = Field(default=None, max_length=200)
    payment_link: str | None = Field(default=None, max_length=200)


Evidence = Annotated[DeliveryEvent | InboundMessage | BillingEvent, Field(discriminator="type")]
