"""Joins rows to leads by their identities, and merges what they say.

A row belongs to the lead that has its external id, else its e-mail, else its phone, else its LinkedIn
page. An import fills what is empty and adds what is new; it overwrites nothing but the time of the
last contact, where the later one counts. A refusal of consent is never overruled by a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, tuple_

from overture_core.ids import new_id
from overture_core.leads.reading import Row
from overture_core.leads.rows import LeadRow
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Consent, Lead, LeadIdentity, LeadTag
from overture_core.storage.store import Work
from overture_core.text import clean

CREATED, MERGED, UNCHANGED = "created", "merged", "unchanged"


class Merger:
    """Merges the rows of one chunk in one transaction; queries do not grow with the rows."""

    def __init__(self, work: Work, import_id: str, *, consent_source: str | None, tags: Sequence[str]) -> None:
        self._work = work
        self._import_id = import_id
        self._consent_source = consent_source
        self._tags = [clean(tag, limit=100) for tag in tags if tag.strip()]
        self._owners: dict[tuple[str, str], str] = {}
        self._leads: dict[str, Lead] = {}
        self._known_tags: set[tuple[str, str]] = set()
        self._known_consents: dict[tuple[str, Channel], bool] = {}
        self._details: list[LeadIdentity | LeadTag | Consent] = []
        self.notes: Counter[str] = Counter()

    def merge(self, rows: Sequence[tuple[Row, LeadRow]], filename: str) -> Counter[str]:
        """Merge rows; returns how many were created, merged and unchanged."""
        self._load([row for _, row in rows])
        outcomes: Counter[str] = Counter()
        for original, row in rows:
            source = self._consent_source or f"import of {filename}, line {original.line}"
            outcomes[self._take(row, clean(source, limit=300))] += 1
        # The leads first: what hangs on them refers to them.
        self._work.session.flush()
        self._work.session.add_all(self._details)
        self._work.session.flush()
        self._details = []
        return outcomes

    def _load(self, rows: Sequence[LeadRow]) -> None:
        work = self._work
        wanted = sorted({identity for row in rows for identity in row.identities})
        for start in range(0, len(wanted), 400):  # two bound parameters each
            found = select(LeadIdentity).where(
                LeadIdentity.workspace_id == work.workspace,
                tuple_(LeadIdentity.kind, LeadIdentity.value).in_(wanted[start : start + 400]),
            )
            for identity in work.session.scalars(found):
                self._owners[identity.kind, identity.value] = identity.lead_id
        ids = sorted(set(self._owners.values()))
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            for lead in work.session.scalars(
                select(Lead).where(Lead.workspace_id == work.workspace, Lead.id.in_(part))
            ):
                self._leads[lead.id] = lead
            tags = select(LeadTag.lead_id, LeadTag.tag).where(
                LeadTag.workspace_id == work.workspace, LeadTag.lead_id.in_(part)
            )
            self._known_tags |= {(lead_id, tag) for lead_id, tag in work.session.execute(tags)}
            consents = select(Consent).where(Consent.workspace_id == work.workspace, Consent.lead_id.in_(part))
            for consent in work.session.scalars(consents.order_by(Consent.recorded_at, Consent.id)):
                self._known_consents[consent.lead_id, Channel(consent.channel)] = consent.granted

    def _take(self, row: LeadRow, source: str) -> str:
        owners = [self._owners[identity] for identity in row.identities if identity in self._owners]
        if owners:
            lead, outcome = self._leads[owners[0]], UNCHANGED
            if len(set(owners)) > 1:
                self.notes["rows whose addresses belong to two leads; the first of them was taken"] += 1
            if self._fill(lead, row):
                outcome = MERGED
        else:
            lead, outcome = self._create(row), CREATED
        added = self._add_identities(lead, row)
        added |= self._add_tags(lead, [*row.tags, *self._tags])
        added |= self._add_consents(lead, row, source)
        if added and outcome == UNCHANGED:
            outcome = MERGED
        if outcome == MERGED:
            lead.updated_at = self._work.now()
        return outcome

    def _create(self, row: LeadRow) -> Lead:
        now = self._work.now()
        lead = Lead(
            id=new_id("lead"),
            workspace_id=self._work.workspace,
            custom=dict(row.custom),
            import_id=self._import_id,
            created_at=now,
            updated_at=now,
            **row.values,
        )
        self._work.session.add(lead)
        self._leads[lead.id] = lead
        return lead

    def _fill(self, lead: Lead, row: LeadRow) -> bool:
        changed = False
        for name, value in row.values.items():
            held = getattr(lead, name)
            if name == "last_contact_at":
                assert isinstance(value, datetime)
                later = held is None or value > held
            else:
                later = not held
            if later:
                setattr(lead, name, value)
                changed = True
        new = {key: text for key, text in row.custom.items() if not lead.custom.get(key)}
        if new:
            lead.custom = {**lead.custom, **new}
        return changed or bool(new)

    def _add_identities(self, lead: Lead, row: LeadRow) -> bool:
        fresh = [identity for identity in row.identities if identity not in self._owners]
        for kind, value in fresh:
            self._owners[kind, value] = lead.id
            self._details.append(
                LeadIdentity(
                    id=new_id("idn"), workspace_id=self._work.workspace, lead_id=lead.id, kind=kind, value=value
                )
            )
        return bool(fresh)

    def _add_tags(self, lead: Lead, tags: Sequence[str]) -> bool:
        fresh = [tag for tag in dict.fromkeys(tags) if (lead.id, tag) not in self._known_tags]
        for tag in fresh:
            self._known_tags.add((lead.id, tag))
            self._details.append(LeadTag(lead_id=lead.id, tag=tag, workspace_id=self._work.workspace))
        return bool(fresh)

    def _add_consents(self, lead: Lead, row: LeadRow, source: str) -> bool:
        added = False
        for channel, granted in row.consents.items():
            held = self._known_consents.get((lead.id, channel))
            if held is False and granted:
                self.notes["consents in the file that do not overrule an earlier refusal"] += 1
                continue
            if held == granted:
                continue
            self._known_consents[lead.id, channel] = granted
            self._details.append(
                Consent(
                    id=new_id("cns"),
                    workspace_id=self._work.workspace,
                    lead_id=lead.id,
                    channel=channel,
                    granted=granted,
                    source=row.evidence.source or source,
                    wording=row.evidence.wording or None,
                    given_at=row.evidence.given_at,
                    recorded_at=self._work.now(),
                )
            )
            added = True
        return added
