"""The tables, one module a subject. Every row belongs to a workspace, and every query names it."""

from __future__ import annotations

from overture_core.storage.schema.approvals import Approval, Operation
from overture_core.storage.schema.audit import AuditEntry, AuditHead
from overture_core.storage.schema.base import ID, KEYWORD, Base
from overture_core.storage.schema.campaigns import Campaign, Plan, Template
from overture_core.storage.schema.consent import Consent, ErasedAddress, ErasureRequest, ExportRequest, Suppression
from overture_core.storage.schema.imports import ImportMapping, ImportReject, LeadChange, LeadImport
from overture_core.storage.schema.leads import (
    Lead,
    LeadIdentity,
    LeadScore,
    LeadSignal,
    LeadTag,
    ScoreState,
    Segment,
    SegmentMember,
)
from overture_core.storage.schema.linkedin import (
    LinkedInAccount,
    LinkedInAuthorization,
    LinkedInLeadSource,
    LinkedInResponse,
    LinkedInUsage,
)
from overture_core.storage.schema.messages import (
    MISSED,
    Lease,
    Message,
    MessageEvent,
    ProviderAccount,
    SenderDay,
    WebhookEvent,
)
from overture_core.storage.schema.payments import AllowedPrice, BillingObject, Payment
from overture_core.storage.schema.replies import Reply, Task
from overture_core.storage.schema.workspaces import PageLink, PageSession, Sender, Workspace

__all__ = [
    "ID",
    "KEYWORD",
    "MISSED",
    "AllowedPrice",
    "Approval",
    "AuditEntry",
    "AuditHead",
    "Base",
    "BillingObject",
    "Campaign",
    "Consent",
    "ErasedAddress",
    "ErasureRequest",
    "ExportRequest",
    "ImportMapping",
    "ImportReject",
    "Lead",
    "LeadChange",
    "LeadIdentity",
    "LeadImport",
    "LeadScore",
    "LeadSignal",
    "LeadTag",
    "Lease",
    "LinkedInAccount",
    "LinkedInAuthorization",
    "LinkedInLeadSource",
    "LinkedInResponse",
    "LinkedInUsage",
    "Message",
    "MessageEvent",
    "Operation",
    "PageLink",
    "PageSession",
    "Payment",
    "Plan",
    "ProviderAccount",
    "Reply",
    "ScoreState",
    "Segment",
    "SegmentMember",
    "Sender",
    "SenderDay",
    "Suppression",
    "Task",
    "Template",
    "WebhookEvent",
    "Workspace",
]
