"""Pre-approval by written policy: a person says beforehand what may go out without asking again.

Written by the CLI alone; no tool reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, select

from overture_core.audit import service as audit
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.storage.schema import Approval, Message
from overture_core.storage.store import Work
from overture_core.workspaces import service as workspaces


class PreApproval(BaseModel):
    """The policy's caps. A plan that any of them does not cover needs a person."""

    note: str = Field(min_length=1, max_length=200, description="Why, in the writer's words.")
    written_by: str
    written_at: datetime
    channels: list[Channel]
    max_recipients_per_plan: int = Field(ge=1)
    max_recipients_per_day: int = Field(ge=1)
    max_messages_per_recipient: int = Field(default=1, ge=1, description="The first message and its follow-ups.")
    sandbox_only: bool = Field(default=True, description="Covers nothing that would reach a real provider.")


def write(work: Work, policy: PreApproval) -> None:
    """Put the workspace's policy in place of the one before."""
    stored = policy.model_dump(mode="json")
    workspaces.get(work).policy = {"pre_approval": stored}
    audit.record(work, "policy.written", **{**stored, "channels": ", ".join(policy.channels)})


def remove(work: Work) -> None:
    """Take the policy away: every plan needs a person again."""
    workspaces.get(work).policy = {}
    audit.record(work, "policy.removed")


def read(work: Work) -> PreApproval | None:
    """Return the policy in force, if there is one."""
    stored = workspaces.get(work).policy.get("pre_approval")
    return PreApproval.model_validate(stored) if stored else None


@dataclass(frozen=True, slots=True)
class Size:
    """What a policy asks of a plan. `channels` are those of the first messages and all that a later step may use, since
    that is decided when its time has come; `messages` is the most that one person gets."""

    recipients: int
    channels: frozenset[Channel]
    messages: int
    sandbox: bool


def sized(summary: Mapping[str, Any], spec: Mapping[str, Any]) -> Size:
    """Return the size of a plan, by its summary and what it froze."""
    later = spec.get("follow_ups", [])
    named = {*summary["by_channel"], *(channel for step in later for channel in step["channel_order"])}
    channels = frozenset(map(Channel, named))
    frozen = spec.get("sandbox", {})
    sandbox = all(frozen.get(channel.value) is True for channel in channels)
    return Size(summary["recipients"], channels, 1 + len(later), sandbox)


def covers(work: Work, policy: PreApproval, size: Size) -> bool:
    """Tell whether the policy approves a plan of this size today."""
    return (
        (size.sandbox or not policy.sandbox_only)
        and size.channels <= set(policy.channels)
        and size.messages <= policy.max_messages_per_recipient
        and size.recipients <= policy.max_recipients_per_plan
        and size.recipients + _used_today(work) <= policy.max_recipients_per_day
    )


def _used_today(work: Work) -> int:
    plans = select(Approval.subject_id).where(
        Approval.workspace_id == work.workspace,
        Approval.decided_via == "policy",
        Approval.state == "used",
        Approval.decided_at > work.now() - timedelta(days=1),
    )
    counted = select(func.count()).where(
        Message.workspace_id == work.workspace,
        Message.plan_id.in_(plans),
        Message.step == 1,
        Message.state != State.SKIPPED,
    )
    return work.session.scalar(counted) or 0
