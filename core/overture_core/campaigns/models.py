"""What is asked of a plan, and how a plan is shown."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema, field_validator

from overture_core.approvals.service import ApprovalState, Via
from overture_core.campaigns.timetable import SendWindow, WaitText
from overture_core.messages.channels import Channel
from overture_core.messages.pricing import Cost

MOST_FOLLOW_UPS = 9
MOST_VARIANTS = 5


class Condition(StrEnum):
    """Asked of the step before. Who answered or asked to stop gets no follow-up in any case."""

    NO_REPLY = "no_reply"
    NOT_OPENED = "not_opened"
    NOT_CLICKED = "not_clicked"
    NOT_DELIVERED = "not_delivered"


TemplateNames = str | Annotated[list[str], Field(min_length=1, max_length=MOST_VARIANTS)]
Templates = Annotated[
    dict[Channel, TemplateNames],
    Field(min_length=1),
    WithJsonSchema({"type": "object", "description": "{channel: template name, or several as variants}."}),
]


class Step(BaseModel):
    """One message of a sequence. Each lead gets it on the first channel of `channel_order` that the gate allows now
    or later. Several templates for a channel are variants, of which each lead gets one."""

    templates: Templates
    channel_order: list[Channel] = Field(default_factory=lambda: list(Channel))

    def variants(self, channel: Channel) -> list[str]:
        """Return the names of a channel's templates."""
        names = self.templates[channel]
        return [names] if isinstance(names, str) else list(dict.fromkeys(names))


class FollowUp(Step):
    """A later step, counted from the one before."""

    wait_before: WaitText
    only_if: Condition = Field(
        default=Condition.NO_REPLY, description="Of the step before; who answered gets none in any case."
    )


class PlanRequest(Step):
    """What is asked for: the first step, and what follows it."""

    name: str = Field(min_length=1, max_length=100)
    segment: str
    send_at: datetime | None = None
    send_window: SendWindow | None = None
    follow_ups: list[FollowUp] = Field(default_factory=list, max_length=MOST_FOLLOW_UPS)

    @field_validator("send_at")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            msg = "send_at needs a time zone, for example 2026-12-01T09:00:00+01:00"
            raise ValueError(msg)
        return value


class Sample(BaseModel):
    """One message as its recipient would see it. Without a lead it is a template as it is written, which nobody would
    get now."""

    step: int = 1
    template: str = ""
    lead_id: str | None
    channel: Channel
    to: str | None
    subject: str | None
    body: str
    html: str | None = Field(default=None, description="The HTML part as text, with where its links lead.")
    content_sid: str | None = Field(default=None, description="WhatsApp sends this template in place of `body`.")
    variables: dict[str, str] | None = Field(default=None, description="What its placeholders are filled with.")


class PlanApproval(BaseModel):
    """Where the plan's approval stands."""

    id: str
    state: ApprovalState
    decided_by: str | None = None
    decided_via: Via | None = None


class PlannedFollowUp(BaseModel):
    """A later step of a plan. `at_most` counts its messages by channel if nobody answered before and, on each channel,
    those before it could not be used; a lead gets one, on the first of `channels` that may be used then."""

    step: int
    wait_before: str
    only_if: Condition
    at_most: dict[Channel, int]
    channels: list[Channel] = Field(default_factory=list)


class PlanView(BaseModel):
    """A frozen plan. `excluded` and `held` count leads by the gate's reason; `by_channel` is of the first step."""

    plan_id: str
    campaign_id: str
    campaign: str
    segment: str
    content_hash: str
    recipients: int
    by_channel: dict[Channel, int]
    excluded: dict[str, int]
    held: dict[str, int]
    sms_segments: int = Field(description="SMS segments that would be billed, at most.")
    sms_cost: Cost | None = Field(default=None, description="Estimated, by OVERTURE_SMS_PRICES.")
    hints: list[str] = Field(default_factory=list, description="What filters and readers may dislike.")
    send_at: datetime | None
    send_window: str | None = None
    follow_ups: list[PlannedFollowUp] = Field(default_factory=list)
    samples: list[Sample] = Field(description="At least one a step and channel.")
    approval: PlanApproval
    expires_at: datetime
    goes_to: dict[Channel, str] = Field(description="The sandbox, or the provider that writes to real people.")
    sandbox: bool = Field(description="True: nobody outside will be contacted.")
