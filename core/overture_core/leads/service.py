"""Leads: everything known of one, and tags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from overture_core.leads.finding import lead_of, no_such_lead
from overture_core.leads.normalise import email_key
from overture_core.leads.searching import LeadBrief
from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.storage.schema import Consent, Lead, LeadIdentity, LeadTag, Message, Reply
from overture_core.storage.store import Work

RECENT = 10
_KINDS = dict.fromkeys(BY_PHONE, "phone") | {Channel.EMAIL: "email", Channel.LINKEDIN: "linkedin"}


class ConsentView(BaseModel):
    """Evidence of consent or of its refusal."""

    model_config = ConfigDict(from_attributes=True)

    channel: Channel
    granted: bool
    source: str
    wording: str | None
    given_at: datetime | None
    recorded_at: datetime


class MessageBrief(BaseModel):
    """A message to the lead."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    channel: Channel
    state: str
    reason: str | None
    updated_at: datetime


class ReplyBrief(BaseModel):
    """A reply of the lead; `body` is text from outside."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    channel: Channel
    intent: str
    body: str
    received_at: datetime


class LeadView(LeadBrief):
    """Everything that is known of a lead, with the newest messages and replies."""

    time_zone: str | None
    language: str | None
    linkedin_url: str | None
    external_id: str | None
    notes: str | None
    custom: dict[str, Any]
    import_id: str | None
    created_at: datetime
    updated_at: datetime
    tags: list[str] = Field(default_factory=list)
    consents: list[ConsentView] = Field(default_factory=list)
    messages: list[MessageBrief] = Field(default_factory=list)
    replies: list[ReplyBrief] = Field(default_factory=list)


def get(work: Work, lead_id: str) -> LeadView:
    """Return a lead with tags, consents, and its newest messages and replies.

    Raises:
        NotFound: there is no such lead.
    """
    lead = lead_of(work, lead_id)
    tags = select(LeadTag.tag).where(LeadTag.workspace_id == work.workspace, LeadTag.lead_id == lead_id)
    consents = select(Consent).where(Consent.workspace_id == work.workspace, Consent.lead_id == lead_id)
    messages = select(Message).where(Message.workspace_id == work.workspace, Message.lead_id == lead_id)
    replies = select(Reply).where(Reply.workspace_id == work.workspace, Reply.lead_id == lead_id)
    newest_message, newest_reply = Message.updated_at.desc(), Reply.received_at.desc()
    scalars = work.session.scalars
    return LeadView.model_validate(lead, from_attributes=True).model_copy(
        update={
            "tags": list(scalars(tags.order_by(LeadTag.tag))),
            "consents": [ConsentView.model_validate(c) for c in scalars(consents.order_by(Consent.recorded_at))],
            "messages": [
                MessageBrief.model_validate(m) for m in scalars(messages.order_by(newest_message).limit(RECENT))
            ],
            "replies": [ReplyBrief.model_validate(r) for r in scalars(replies.order_by(newest_reply).limit(RECENT))],
        }
    )


def find_by_address(work: Work, channel: Channel, address: str) -> Lead | None:
    """Return the lead that an e-mail address or phone number (E.164) belongs to, or None."""
    value = email_key(address) if channel is Channel.EMAIL else address
    return work.session.scalar(
        select(Lead)
        .join(LeadIdentity, LeadIdentity.lead_id == Lead.id)
        .where(
            LeadIdentity.workspace_id == work.workspace,
            LeadIdentity.kind == _KINDS[channel],
            LeadIdentity.value == value,
        )
    )


def add_tags(work: Work, lead_ids: Sequence[str], tags: Sequence[str]) -> None:
    """Put tags on at most 1,000 leads; those that they have already are left as they are.

    Raises:
        NotFound: one of the leads is not in this workspace; nothing was tagged.
    """
    own = select(Lead.id).where(Lead.workspace_id == work.workspace, Lead.id.in_(lead_ids))
    strangers = set(lead_ids) - set(work.session.scalars(own))
    if strangers:
        raise no_such_lead(min(strangers))
    for tag in tags:
        known = select(LeadTag.lead_id).where(
            LeadTag.workspace_id == work.workspace, LeadTag.tag == tag, LeadTag.lead_id.in_(lead_ids)
        )
        have = set(work.session.scalars(known))
        work.session.add_all(
            LeadTag(lead_id=lead_id, tag=tag, workspace_id=work.workspace)
            for lead_id in dict.fromkeys(lead_ids)
            if lead_id not in have
        )
    work.session.flush()
