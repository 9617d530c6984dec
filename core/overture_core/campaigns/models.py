"""What is asked of a plan, and how a plan is shown."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field, field_validator

from overture_core.approvals.service import ApprovalState, Via
from overture_core.messages.channels import Channel


class PlanRequest(BaseModel):
    """What is asked for. Each lead is written to on the first channel of `channel_order` that the
    gate allows now or later."""

    name: str = Field(min_length=1, max_length=100)
    segment: str
    templates: dict[Channel, str] = Field(min_length=1)
    channel_order: list[Channel] = Field(default_factory=lambda: [Channel.EMAIL, Channel.SMS])
    send_at: datetime | None = None

    @field_validator("send_at")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            msg = "send_at needs a time zone, for example 2026-12-01T09:00:00+01:00"
            raise ValueError(msg)
        return value


class Sample(BaseModel):
    """One message as its recipient would see it."""

    lead_id: str
    channel: Channel
    to: str
    subject: str | None
    body: str


class PlanApproval(BaseModel):
    """Where the plan's approval stands."""

    id: str
    state: ApprovalState
    decided_by: str | None = None
    decided_via: Via | None = None


class PlanView(BaseModel):
    """A frozen plan. `excluded` and `held` count leads by the gate's reason."""

    plan_id: str
    campaign_id: str
    campaign: str
    segment: str
    content_hash: str
    recipients: int
    by_channel: dict[Channel, int]
    excluded: dict[str, int]
    held: dict[str, int]
    sms_segments: int = Field(description="SMS segments that would be billed.")
    send_at: datetime | None
    samples: list[Sample] = Field(description="At least one a channel.")
    approval: PlanApproval
    expires_at: datetime
    goes_to: dict[Channel, str] = Field(description="The sandbox, or the provider that writes to real people.")
    sandbox: bool = Field(description="True: nobody outside will be contacted.")
