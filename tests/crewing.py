"""What the crew's tests on real servers share: leads to write to, what a person does, and who judges.

The judges are the ledger and the sandbox's inbox.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.settings import Settings
from overture_core.storage.schema import AuditEntry, Campaign, Message, Plan
from overture_core.storage.store import Store
from overture_providers.sandbox.inbox import FILE_NAME

WORKSPACE = "default"
HEADER = "First Name,E-mail,Phone,Country,Time Zone,Last Contact,Consent,Tags"


def noon_zone() -> str:
    """Return a time zone in which it is about noon, so that quiet hours decide nothing."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # the sign of these names is the other way round


def add_leads(store: Store, tag: str, emails: Iterable[str] = (), phones: Iterable[str] = ()) -> None:
    """Import dormant leads who may be written to at this hour, under a tag: some by e-mail, some by SMS."""
    addresses = [*((each, "", "email") for each in emails), *(("", each, "sms") for each in phones)]
    rows = [
        f"Lead{number},{email},{phone},US,{noon_zone()},2024-03-01,{channel},{tag}"
        for number, (email, phone, channel) in enumerate(addresses)
    ]
    source = Source.from_text("\n".join([HEADER, *rows]), f"{tag}.csv")
    report = import_leads(store, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    assert (report.created, report.rejected) == (len(rows), 0), report


def approve_everything(store: Store) -> int:
    """Approve all that waits, as a person at a terminal does; returns how much that was."""
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        waiting = approvals.list_(work, ApprovalState.PENDING)
        for each in waiting:
            approvals.decide(work, each.id, approve=True, by="ada", via=Via.CLI)
    return len(waiting)


def rows_of(store: Store, campaign: str) -> list[Message]:
    """Return a campaign's messages, and the answers to who got one."""
    with store.read(WORKSPACE) as work:
        ours = select(Campaign.id).where(Campaign.name == campaign)
        written_to = select(Message.lead_id).where(Message.campaign_id.in_(ours))
        answers = Message.campaign_id.is_(None) & Message.lead_id.in_(written_to)
        return list(work.session.scalars(select(Message).where(Message.campaign_id.in_(ours) | answers)))


def audited(store: Store, campaign: str, action: str) -> int:
    """Count the audit entries of a kind about a campaign's plans."""
    with store.read(WORKSPACE) as work:
        plans = select(Plan.id).join(Campaign, Plan.campaign_id == Campaign.id).where(Campaign.name == campaign)
        entries = select(AuditEntry).where(AuditEntry.action == action, AuditEntry.subject.in_(plans))
        return len(work.session.scalars(entries).all())


def taken(settings: Settings) -> list[dict[str, Any]]:
    """Return what the sandbox's providers took, in order."""
    with closing(sqlite3.connect(f"file:{settings.data_dir / FILE_NAME}?mode=ro", uri=True, timeout=10)) as inbox:
        inbox.row_factory = sqlite3.Row
        return [dict(row) for row in inbox.execute("SELECT message_id, channel, recipient, body FROM messages")]
