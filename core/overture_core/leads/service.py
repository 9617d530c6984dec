"""Leads: everything known of one, and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from overture_core.leads.finding import lead_of, no_such_lead
from overture_core.leads.normalise import email_key
from overture_core.leads.searching import LeadBrief
from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.scoring import signals
from overture_core.scoring.signals import SignalView
from overture_core.storage.schema import Consent, Lead, LeadChange, LeadIdentity, LeadTag, Message, Reply
from overture_core.storage.store import Work

RECENT = 10
MOST_CHANGES = 100
MOST_CONSENTS = 50
# So that what is shown of one lead stays far below 25,000 tokens, whatever a file or a reply held.
SHOWN_CUSTOM = 20_000  # characters
SHOWN_BODY = 2_000
SHOWN_NAMES = 5  # of what a merge changed
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


class ChangeView(BaseModel):
    """What a row of a file changed in a lead: `detail` has {name: [before, after]} of fields, and what was added."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    import_id: str | None
    line: int | None
    actor: str
    at: datetime
    detail: dict[str, Any]
    undone_at: datetime | None


class ChangeBrief(BaseModel):
    """What a merge changed, by name alone: the first of the names, and how many more there are."""

    id: str
    import_id: str | None
    line: int | None
    actor: str
    at: datetime
    changed: list[str]
    more: int
    undone_at: datetime | None


class LeadView(LeadBrief):
    """Everything that is known of a lead, with the newest signals, merges, messages and replies."""

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
    signals: list[SignalView] = Field(default_factory=list)
    changes: list[ChangeBrief] = Field(default_factory=list)
    provenance: dict[str, str] = Field(
        default_factory=dict, description="{field: which merge wrote it}; the others are as created."
    )
    custom_left_out: int = Field(default=0, description="Custom fields that are too much to show.")


def get(work: Work, lead_id: str) -> LeadView:
    """Return a lead with tags, consents, and the newest signals, merges, messages and replies.

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
    custom, merges = _custom(lead.custom), changes(work, lead_id)
    shown_replies = [ReplyBrief.model_validate(r) for r in scalars(replies.order_by(newest_reply).limit(RECENT))]
    return LeadView.model_validate(lead, from_attributes=True).model_copy(
        update={
            "tags": list(scalars(tags.order_by(LeadTag.tag))),
            "custom": custom,
            "custom_left_out": len(lead.custom) - len(custom),
            "consents": [
                ConsentView.model_validate(c)
                for c in reversed(scalars(consents.order_by(Consent.recorded_at.desc()).limit(MOST_CONSENTS)).all())
            ],
            "messages": [
                MessageBrief.model_validate(m) for m in scalars(messages.order_by(newest_message).limit(RECENT))
            ],
            "replies": [each.model_copy(update={"body": each.body[:SHOWN_BODY]}) for each in shown_replies],
            "signals": signals.list_(work, lead_id=lead_id, limit=RECENT),
            "changes": [_brief(each) for each in merges[:RECENT]],
            "provenance": _provenance(merges),
        }
    )


def changes(work: Work, lead_id: str, *, limit: int = MOST_CHANGES, cursor: str | None = None) -> list[ChangeView]:
    """Return what merges changed in a lead, the newest first; `cursor` is the last id of the page before."""
    rows = select(LeadChange).where(LeadChange.workspace_id == work.workspace, LeadChange.lead_id == lead_id)
    if cursor is not None:
        rows = rows.where(LeadChange.id < cursor)
    newest = work.session.scalars(rows.order_by(LeadChange.id.desc()).limit(limit))
    return [ChangeView.model_validate(row) for row in newest]


def names_in(detail: Mapping[str, Any]) -> list[str]:
    """Return the names of what a merge changed or added, of its `detail`."""
    return [
        *detail.get("fields", {}),
        *detail.get("custom", {}),
        *(f"{kind} {value}" for kind, value in detail.get("identities", [])),
        *(name for name in ("tags", "consents") if name in detail),
    ]


def _brief(change: ChangeView) -> ChangeBrief:
    names = names_in(change.detail)
    more = max(len(names) - SHOWN_NAMES, 0)
    kept = change.model_dump(exclude={"detail"})
    return ChangeBrief(**kept, changed=names[:SHOWN_NAMES], more=more)


def known_by(work: Work, lead_id: str) -> list[tuple[str, str]]:
    """Return all that a lead is recognised by, (kind, value): addresses that merges added are in no field of it."""
    rows = select(LeadIdentity.kind, LeadIdentity.value).where(
        LeadIdentity.workspace_id == work.workspace, LeadIdentity.lead_id == lead_id
    )
    return [(kind, value) for kind, value in work.session.execute(rows.order_by(LeadIdentity.kind, LeadIdentity.value))]


def _provenance(merges: Sequence[ChangeView]) -> dict[str, str]:
    """Say which of a lead's merges, the newest first, wrote what a field holds."""
    found: dict[str, str] = {}
    for change in merges:
        if change.undone_at is None:
            origin = f"{change.import_id}, line {change.line}, by {change.actor} on {change.at:%Y-%m-%d}"
            written = [*change.detail.get("fields", {}), *(f"custom.{key}" for key in change.detail.get("custom", {}))]
            found.update({name: origin for name in written if name not in found})
    return found


def _custom(held: dict[str, Any]) -> dict[str, Any]:
    """Return as many custom fields as may be shown, in their order."""
    left, shown = SHOWN_CUSTOM, {}
    for name, value in held.items():
        left -= len(name) + len(str(value))
        if left < 0:
            break
        shown[name] = value
    return shown


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
