"""Joins rows to leads by their identities, and merges what they say.

A row belongs to the lead that has its external id, else its e-mail, else its phone, else its LinkedIn page, but for an
id that is somebody else's (strangers.py). An import fills what is empty and adds what is new; it overwrites nothing but
the time of the last contact, where the later one counts. A refusal of consent is never overruled by a file, nor is a
suppression. docs/duplicates.md has the rule for people.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, update

from overture_core.ids import new_ids
from overture_core.leads.granting import Grants
from overture_core.leads.known import FIELDS, HeldLead, Known, look_up
from overture_core.leads.reading import Row
from overture_core.leads.rows import LeadRow
from overture_core.leads.strangers import By, has_strangers_id, is_another, may_be_another, without_id
from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.storage.bulk import insert_rows
from overture_core.storage.schema import Consent, Lead, LeadChange, LeadIdentity, LeadTag
from overture_core.storage.store import Work
from overture_core.suppressions.service import Wanted, add_all, erased, suppressed
from overture_core.text import clean

CREATED, MERGED, UNCHANGED, REJECTED = "created", "merged", "unchanged", "rejected"
FIELD_OF = {"email": "email", "phone": "phone", "linkedin": "linkedin_url", "external": "external_id"}
REFUSAL_TAKEN = "what it refuses was recorded for every address that could be read in it"
REFUSAL_LOST = "it refuses to be written to, and no lead was found by it: record that by hand"
_CHANNELS_OF = {"email": {Channel.EMAIL}, "phone": BY_PHONE}
_LEAD = ("id", "workspace_id", *FIELDS, "custom", "import_id", "created_at", "updated_at")
_IDENTITY = ("id", "workspace_id", "lead_id", "kind", "value")
_TAG = ("lead_id", "tag", "workspace_id")
_CONSENT = (*("id", "workspace_id", "lead_id", "channel", "granted", "source", "wording", "given_at", "recorded_at"),)
_CHANGE = ("id", "workspace_id", "lead_id", "import_id", "line", "actor", "at", "detail")

# Where a day begins first it is tomorrow already; dates without a time say no zone.
_AHEAD = timedelta(hours=14)


class Merger:
    """Merges the rows of one chunk in one transaction; queries do not grow with the rows."""

    def __init__(self, work: Work, import_id: str, *, consent_source: str | None, tags: Sequence[str]) -> None:
        self._work, self._now = work, work.now()
        self._import_id = import_id
        self._consent_source = clean(consent_source, limit=300) if consent_source else None
        self._tags = list(tags)
        self._known = Known()
        self._new_identities: list[tuple[str, str, str]] = []
        self._new_tags: list[tuple[str, str, str]] = []
        self._new_consents: list[tuple[object, ...]] = []
        self._changes: list[tuple[object, ...]] = []
        self._lead_ids, self._consent_ids, self._change_ids = new_ids("lead"), new_ids("cns"), new_ids("chg")
        self.named: dict[str, set[str]] = defaultdict(set)  # the identities of all rows, by their kind
        self.notes: Counter[str] = Counter()
        self.shared: dict[int, list[str]] = {}
        self.rejects: list[tuple[Row, list[str]]] = []  # rows that could only be joined to a lead, and were to none
        self._shut: dict[tuple[str, str], str] = {}
        self.joins: dict[By, list[int]] = defaultdict(list)  # lines of rows that one mark alone joins to a lead
        self._erased_ids: set[str] | None = None

    def merge(self, rows: Sequence[tuple[Row, LeadRow]], filename: str) -> Counter[str]:
        """Merge rows; returns how many will be created, merged and unchanged once `write` was called."""
        for _, row in rows:
            for kind, value in (*row.identities, *row.others):
                self.named[kind].add(value)
        self._known = look_up(self._work, self.named)
        values = {lead.id: lead.values for lead in self._known.leads.values()}
        self._grants = Grants(self._work, (row for _, row in rows), self.named, values)
        name = clean(filename, limit=200)
        outcomes = Counter[str]()
        for original, row in rows:
            outcome = REJECTED if self._is_nobody(row) else self._take(row, original.line, name)
            # What a row refuses counts for every address in it, though the row itself may be no lead.
            heard = self._refuse_others(row, original.line, name)
            if outcome == REJECTED:
                self.rejects.append((original, [*row.reasons, REFUSAL_TAKEN if heard else REFUSAL_LOST]))
            outcomes[outcome] += 1
        return outcomes

    def _take(self, row: LeadRow, line: int, filename: str) -> str:
        row, known = self._past(row), self._known.owners
        shared = [identity for identity in row.identities if identity in known]
        if shared:
            row, shared = self._told_apart(row, shared, line, filename)
        owners = [known[identity] for identity in shared]
        if owners:
            lead = self._known.leads[owners[0]]
            if any(owner != owners[0] for owner in owners):
                self._share(list(dict.fromkeys(owners)), row, line, filename)
        else:
            id_ = next(self._lead_ids)
            lead = self._known.leads[id_] = HeldLead(id_, dict(row.values), dict(row.custom), new=True)
        change = self._fill(lead, self._own(lead, row)) if owners else {}
        if identities := [identity for identity in row.identities if identity not in known]:
            for kind, value in identities:
                known[kind, value] = lead.id
                self._new_identities.append((kind, value, lead.id))
            change["identities"] = identities
        if (row.tags or self._tags) and (tags := self._add_tags(lead, [*row.tags, *self._tags])):
            change["tags"] = tags
        if row.stated.consents and (consents := self._add_consents(lead, row, row.stated.consents, line, filename)):
            change["consents"] = consents
        if not owners:
            return CREATED
        if not change:
            return UNCHANGED
        self._note(lead, line, change)
        return MERGED

    def _share(self, owners: list[str], row: LeadRow, line: int, filename: str) -> None:
        """Note whose addresses are in one row. The first gets it; what it refuses all of them refuse."""
        self.notes["rows whose addresses belong to two leads; the first of them was taken"] += 1
        self.shared[line] = owners
        self._refuse_too(owners[1:], row, line, filename)

    def _told_apart(
        self, row: LeadRow, shared: list[tuple[str, str]], line: int, filename: str
    ) -> tuple[LeadRow, list[tuple[str, str]]]:
        """Return a row, and which of its identities join it to leads: not an external id that is somebody else's. What
        the row refuses, that lead refuses too."""
        owners = [self._known.owners[identity] for identity in shared]
        first = self._known.leads[owners[0]]
        if (
            shared[0][0] == "external"
            and has_strangers_id(row, owners, first.values)
            and not self._is_erased(shared[0][1])
        ):
            self.joins[By.ID].append(line)
            if row.stated.refused:
                self.joins[By.ID_REFUSING].append(line)
            self._refuse_too(owners[:1], row, line, filename)
            shared = shared[1:]
            row = without_id(row, self._known.leads[owners[1]].custom if shared else {})
        if len(shared) == 1 and shared[0][0] in ("phone", "external"):
            lead = self._known.leads[self._known.owners[shared[0]]]
            if shared[0][0] == "external" and may_be_another(lead.values, row.values):
                self.joins[By.ID_ALONE].append(line)
            elif shared[0][0] == "phone" and is_another(lead.values, row.values, ("email",)):
                self.joins[By.PHONE].append(line)
        return row, shared

    def _is_erased(self, external_id: str) -> bool:
        """Say whether an id is that of somebody who was erased: whoever has it is that person, whatever their name."""
        if self._erased_ids is None:
            self._erased_ids = erased(self._work, "external", self.named["external"])
        return external_id in self._erased_ids

    def _refuse_too(self, owners: Sequence[str], row: LeadRow, line: int, filename: str) -> None:
        """Add what a row refuses to leads that it names beside the one who gets it."""
        refusals = dict.fromkeys(row.stated.refused, False)
        for lead in (self._known.leads[owner] for owner in owners if refusals):
            if consents := self._add_consents(lead, row, refusals, line, filename):
                self._note(lead, line, {"consents": consents})

    def _is_nobody(self, row: LeadRow) -> bool:
        """Say whether a row can be no lead and is none that is known."""
        return bool(row.reasons) and self._known.owners.keys().isdisjoint(row.identities)

    def _refuse_others(self, row: LeadRow, line: int, filename: str) -> bool:
        """Refuse for whoever has one of a row's further addresses, and suppress those of nobody yet; returns whether
        there was one to refuse for."""
        refused, heard = dict.fromkeys(row.stated.refused, False), False
        for identity in row.others:
            if (owner := self._known.owners.get(identity)) is not None:
                lead, heard = self._known.leads[owner], True
                if consents := self._add_consents(lead, row, refused, line, filename):
                    self._note(lead, line, {"consents": consents})
            elif not refused.keys().isdisjoint(_CHANNELS_OF[identity[0]]):
                self._shut.setdefault(identity, f"import of {filename}, line {line}")
                heard = True
        return heard

    def _note(self, lead: HeldLead, line: int, change: dict[str, Any]) -> None:
        lead.changed.add("updated_at")
        self._changes.append(
            (
                *(next(self._change_ids), self._work.workspace, lead.id, self._import_id),
                *(line, self._work.actor[:200], self._now, change),
            )
        )

    def _past(self, row: LeadRow) -> LeadRow:
        """Return a row without a last contact that is yet to come: as the later one counts, it would stay for ever."""
        last = row.values.get("last_contact_at")
        if not isinstance(last, datetime) or last <= self._now + _AHEAD:
            return row
        self.notes["dates of last contact yet to come, left out"] += 1
        return replace(row, values={name: value for name, value in row.values.items() if name != "last_contact_at"})

    def _own(self, lead: HeldLead, row: LeadRow) -> LeadRow:
        """Return a row without the addresses of somebody else: nobody is written to at another's."""
        others = {
            FIELD_OF[kind]
            for kind, value in row.identities
            if self._known.owners.get((kind, value), lead.id) != lead.id
        }
        if not others:
            return row
        return replace(row, values={name: value for name, value in row.values.items() if name not in others})

    def _fill(self, lead: HeldLead, row: LeadRow) -> dict[str, Any]:
        """Fill what is empty; returns what was and is: `fields` and `custom`, {name: [before, after]}."""
        change: dict[str, Any] = {}
        fields: dict[str, list[Any]] = {}
        for name, value in row.values.items():
            before = lead.values.get(name)
            if name == "last_contact_at":
                assert isinstance(value, datetime)
                if before is None or value > before or before > self._now + _AHEAD:
                    fields[name] = [before and before.isoformat(), value.isoformat()]
                    lead.values[name] = value
            elif not before:
                fields[name] = [before, value]
                lead.values[name] = value
        if fields:
            lead.changed.update(fields)
            change["fields"] = fields
        if new := {key: text for key, text in row.custom.items() if not lead.custom.get(key)}:
            change["custom"] = {key: [lead.custom.get(key), text] for key, text in new.items()}
            lead.custom = {**lead.custom, **new}
            lead.changed.add("custom")
        return change

    def _add_tags(self, lead: HeldLead, tags: Sequence[str]) -> list[str]:
        fresh = [tag for tag in dict.fromkeys(tags) if (lead.id, tag) not in self._known.tags]
        for tag in fresh:
            self._known.tags.add((lead.id, tag))
            self._new_tags.append((lead.id, tag, self._work.workspace))
        return fresh

    def _add_consents(
        self, lead: HeldLead, row: LeadRow, consents: Mapping[Channel, bool], line: int, filename: str
    ) -> list[str]:
        """Add consents and refusals of a row; returns the ids of their rows."""
        added = []
        given_at = row.evidence.given_at
        if given_at is not None and given_at > self._now:
            # Such a grant would be newer than whatever they say until then.
            self.notes["dates of consent yet to come, left out"] += 1
            given_at = None
        source = row.evidence.source or self._consent_source or f"import of {filename}, line {line}"
        for channel, granted in consents.items():
            held = self._known.consents.get((lead.id, channel))
            if held is False and granted:
                self.notes["consents in the file that do not overrule an earlier refusal"] += 1
                continue
            if held == granted:
                continue
            if granted and (why := self._grants.left_out(lead.id, lead.values, row, channel)):
                self.notes[why] += 1
                continue
            if granted and not row.evidence.wording:
                self.notes["consents recorded without the words agreed to"] += 1
            self._known.consents[lead.id, channel] = granted
            added.append(next(self._consent_ids))
            evidence = (source, row.evidence.wording or None, given_at, self._now)
            self._new_consents.append((added[-1], self._work.workspace, lead.id, channel, granted, *evidence))
        return added

    def write(self) -> None:
        """Write down what was merged.

        Raises:
            sqlalchemy.exc.IntegrityError: somebody else has stored the same people meanwhile.
        """
        work, workspace, now = self._work, self._work.workspace, self._now
        fresh = [
            (
                *(lead.id, workspace, *map(lead.values.get, FIELDS)),
                *(lead.custom, self._import_id, now, now),
            )
            for lead in self._known.leads.values()
            if lead.new
        ]
        insert_rows(work, Lead, _LEAD, fresh)
        self._update(lead for lead in self._known.leads.values() if lead.changed and not lead.new)
        # In one order, whoever imports: two imports of the same people then wait for each other, and never both.
        ids = new_ids("idn")
        identities = [(next(ids), workspace, owner, kind, value) for kind, value, owner in sorted(self._new_identities)]
        insert_rows(work, LeadIdentity, _IDENTITY, identities)
        insert_rows(work, LeadTag, _TAG, self._new_tags)
        insert_rows(work, Consent, _CONSENT, self._new_consents)
        insert_rows(work, LeadChange, _CHANGE, self._changes)
        self._suppress()

    def _suppress(self) -> None:
        kinds: tuple[Literal["email", "phone"], ...] = ("email", "phone")
        for kind in kinds:
            values = sorted(value for of, value in self._shut if of == kind)
            # Who was erased is known without being kept again.
            fresh = sorted(set(values) - suppressed(self._work, kind, values))
            add_all(self._work, [Wanted(kind, value, "refused", self._shut[kind, value]) for value in fresh])
            if fresh:
                self.notes["addresses of no lead yet in a row that refuses, suppressed"] += len(fresh)

    def _update(self, leads: Iterable[HeldLead]) -> None:
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for lead in leads:
            held = {**lead.values, "custom": lead.custom, "updated_at": self._now}
            names = tuple(sorted(lead.changed))
            alike[names].append({"lead": lead.id, **{f"new_{name}": held[name] for name in names}})
        for names, values in alike.items():
            changed = update(Lead.__table__).where(Lead.id == bindparam("lead"))  # type: ignore[arg-type]
            self._work.session.connection().execute(
                changed.values({name: bindparam(f"new_{name}") for name in names}), values
            )
