"""Who of a chunk's rows is known already: the leads that have their identities, with tags and consents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, select

from overture_core.messages.channels import Channel
from overture_core.storage.among import among, each_of
from overture_core.storage.schema import Consent, Lead, LeadIdentity, LeadTag
from overture_core.storage.store import Work

FIELDS = (
    *("first_name", "last_name", "email", "phone", "company", "title", "country", "time_zone", "language"),
    *("linkedin_url", "external_id", "notes", "last_contact_at"),
)


@dataclass(slots=True)
class HeldLead:
    """A lead as a chunk knows it; `changed` are the columns to write."""

    id: str
    values: dict[str, Any]
    custom: dict[str, Any]
    new: bool
    changed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Known:
    """What is known of a chunk's people: identities (kind, value) and their leads' ids, the leads, their tags, and what
    they last said of each channel."""

    owners: dict[tuple[str, str], str] = field(default_factory=dict)
    leads: dict[str, HeldLead] = field(default_factory=dict)
    tags: set[tuple[str, str]] = field(default_factory=set)
    consents: dict[tuple[str, Channel], bool] = field(default_factory=dict)


def look_up(work: Work, named: Mapping[str, set[str]]) -> Known:
    """Return what is known of the identities in `named`, values by their kind; its leads are held to the end of the
    transaction. Queries do not grow with them."""
    found = Known()
    for kind, values in named.items():
        found.owners.update(_owners(work, kind, sorted(values)))
    ids = sorted(set(found.owners.values()))
    if not ids:
        return found
    # Held to the end of the transaction, in one order, so that nobody else changes them between look and write.
    held = select(Lead.id, Lead.custom, *(getattr(Lead, name) for name in FIELDS)).where(
        _in_workspace(Lead, work), among(Lead.id, ids), Lead.erased_at.is_(None)
    )
    for id_, custom, *fields in work.session.execute(held.order_by(Lead.id).with_for_update(of=Lead, key_share=True)):
        found.leads[id_] = HeldLead(id_, dict(zip(FIELDS, fields, strict=True)), custom, new=False)
    found.owners = {identity: id_ for identity, id_ in found.owners.items() if id_ in found.leads}
    tags = select(LeadTag.lead_id, LeadTag.tag).where(_in_workspace(LeadTag, work), among(LeadTag.lead_id, ids))
    found.tags = {(lead_id, tag) for lead_id, tag in work.session.execute(tags)}
    consents = select(Consent.lead_id, Consent.channel, Consent.granted).where(
        _in_workspace(Consent, work), among(Consent.lead_id, ids)
    )
    for lead_id, channel, granted in work.session.execute(consents.order_by(Consent.recorded_at, Consent.id)):
        found.consents[lead_id, Channel(channel)] = granted
    return found


def _owners(work: Work, kind: str, values: Sequence[str]) -> dict[tuple[str, str], str]:
    each = each_of(work.session.connection().dialect.name, values)
    owner = select(LeadIdentity.lead_id).where(
        LeadIdentity.workspace_id == work.workspace, LeadIdentity.kind == kind, LeadIdentity.value == each.c.value
    )
    # Nearly all are nobody's yet, and those are not passed on. The offset keeps both databases from looking each one
    # up twice.
    owned = select(each.c.value, owner.scalar_subquery().label("lead_id")).offset(0).subquery()
    found = work.session.execute(select(owned).where(owned.c.lead_id.is_not(None)))
    return {(kind, value): lead_id for value, lead_id in found}


def _in_workspace(entity: type[Lead | LeadTag | Consent], work: Work) -> ColumnElement[bool]:
    """Return that rows are of the workspace, in a form that no index answers.

    By statistics of a small table PostgreSQL would take an index of the workspace alone, and for each chunk read every
    lead that is there, to compare it with a few ids.
    """
    return entity.workspace_id + "" == work.workspace
