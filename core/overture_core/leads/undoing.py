"""Taking an import back, whole or one merge of it: what it wrote goes, where nobody has built on it since.

What refuses stays: a consent that was refused and a suppression are never taken back, nor is any address of who said no
(staying.py), or to whom messages were planned or sent. docs/duplicates.md tells the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, CursorResult, Select, delete, func, or_, select, tuple_, update

from overture_core.audit import service as audit
from overture_core.errors import Conflict, NotFound
from overture_core.leads.imports import ImportState, is_held, stored, this_process
from overture_core.leads.merging import FIELD_OF
from overture_core.leads.staying import Left, keeping_addresses, needing_addresses, staying
from overture_core.operations.ending import forget
from overture_core.operations.states import TAKEN_BACK
from overture_core.storage.among import among
from overture_core.storage.schema import Consent, Lead, LeadChange, LeadIdentity, LeadImport, LeadTag
from overture_core.storage.store import Store, Work
from overture_core.text import quoted

PAGE = 500
MOST_LEFT = 20
CHANGED = "it was changed since"
STAYED = "stayed"  # in the detail of a change: the fields and identities that could not go, as in the detail itself


class Undone(BaseModel):
    """What an undo did. `left` are examples of what had to stay, `stayed` counts all of it by its reason."""

    import_id: str | None
    removed: int = Field(description="Leads who went: the import had created them.")
    reverted: int = Field(description="Merges of which something was taken back.")
    stayed: dict[str, int]
    left: list[Left]


class Undoable(NamedTuple):
    """What an import wrote and is not taken back: leads that it created, and merges into those of others."""

    leads: int
    merges: int


class Going(NamedTuple):
    """What an undo would take back now, of all that can be asked of it."""

    leads: int
    merges: int
    stay: int


def undoable_change(work: Work, change_id: str) -> LeadChange:
    """Return a merge that can be taken back.

    Raises:
        NotFound: there is no such change.
        Conflict: it was taken back already, and nothing of it stayed.
    """
    change = work.session.scalar(
        select(LeadChange).where(LeadChange.workspace_id == work.workspace, LeadChange.id == change_id)
    )
    if change is None:
        msg = f"There is no change {quoted(change_id)}; `overture leads show` and leads_get_lead name a lead's."
        raise NotFound(msg)
    if change.undone_at is not None and STAYED not in change.detail:
        msg = f"The change {change_id} was taken back on {change.undone_at:%Y-%m-%d} already."
        raise Conflict(msg)
    return change


def undo_change(work: Work, change_id: str) -> Undone:
    """Take one merge back; of one that was taken back already, what stayed then.

    Raises:
        NotFound: there is no such change.
        Conflict: it was taken back already, and nothing of it stayed.
    """
    change = undoable_change(work, change_id)
    left, reverted = _take_back(work, [change])
    audit.record(work, "lead.change_undone", change.lead_id, change=change_id, stayed=len(left))
    stayed = Counter(each.why for each in left)
    return Undone(import_id=None, removed=0, reverted=reverted, stayed=dict(stayed), left=left[:MOST_LEFT])


def undoable_import(work: Work, import_id: str, *, lock: bool = False) -> Undoable:
    """Count what of an import can be asked to be taken back.

    Raises:
        NotFound: there was no such import.
        Conflict: it is running, or was taken back already and nothing of it stayed.
    """
    row = stored(work, import_id, lock=lock)
    if is_held(row, work.now()):
        msg = f"The import {import_id} is still at work; stop it first."
        raise Conflict(msg)
    leads = select(func.count()).select_from(Lead).where(*_created(work, import_id))
    merges = select(func.count()).select_from(_changes(work, import_id).subquery())
    found = Undoable(work.session.scalar(leads) or 0, work.session.scalar(merges) or 0)
    if row.state == ImportState.UNDONE and not any(found):
        msg = f"The import {import_id} was taken back already."
        raise Conflict(msg)
    return found


def going(work: Work, import_id: str) -> Going:
    """Count what an undo of an import would take back now, and how much of it would stay; raises as the undo does."""
    asked, row = undoable_import(work, import_id), stored(work, import_id)
    created = work.session.scalars(select(Lead.id).where(*_created(work, import_id)).order_by(Lead.id)).all()
    leads = len(created)
    for start in range(0, len(created), PAGE):
        leads -= len(staying(work, row, created[start : start + PAGE]))
    merges = 0
    for part in work.session.scalars(_changes(work, import_id), execution_options={"yield_per": PAGE}).partitions():
        ids = sorted({change.lead_id for change in part})
        keeping = {**needing_addresses(work, ids), **keeping_addresses(work, ids)}
        merges += sum(_goes(work, change, keep_addresses=change.lead_id in keeping) for change in part)
    return Going(leads, merges, asked.leads + asked.merges - leads - merges)


def _goes(work: Work, change: LeadChange, *, keep_addresses: bool) -> bool:
    """Say whether something of a change would go."""
    lead, wanted = work.session.get_one(Lead, change.lead_id), change.detail.get(STAYED, change.detail)
    fields = any(
        _told(getattr(lead, name)) == after and not (keep_addresses and name in FIELD_OF.values())
        for name, (_, after) in wanted.get("fields", {}).items()
    )
    custom = any(lead.custom.get(name) == after for name, (_, after) in wanted.get("custom", {}).items())
    added = wanted.get("tags") or wanted.get("consents") or (wanted.get("identities") and not keep_addresses)
    return bool(fields or custom or added)


def undo_import(store: Store, import_id: str, *, workspace: str, actor: str) -> Undone:
    """Take a whole import back, in pages; one that broke off in the middle, or of which something stayed, can be asked
    for again.

    Raises:
        NotFound: there was no such import.
        Conflict: it is running, or was taken back already and nothing of it stayed; or another process went on with it.
    """
    with store.begin(workspace, actor=actor) as work:
        undoable_import(work, import_id, lock=True)
        row = stored(work, import_id)
        row.state, row.holder, row.updated_at = ImportState.UNDOING, this_process(), work.now()
    found = Undone(import_id=import_id, removed=0, reverted=0, stayed={}, left=[])
    after: str | None = ""
    while after is not None:
        with store.begin(workspace, actor=actor) as work:
            _require_hold(work, import_id)
            after, removed, left = _remove_created(work, import_id, after)
        found = _added(found, left, removed=removed)
    before: str | None = None
    while True:
        with store.begin(workspace, actor=actor) as work:
            _require_hold(work, import_id)
            page = _changes(work, import_id) if before is None else _changes(work, import_id, LeadChange.id < before)
            changes = work.session.scalars(page.order_by(LeadChange.id.desc()).limit(PAGE)).all()
            left, reverted = _take_back(work, changes)
            before = changes[-1].id if changes else None
        found = _added(found, left, reverted=reverted)
        if before is None:
            break
    with store.begin(workspace, actor=actor) as work:
        row = stored(work, import_id, lock=True)
        row.state, row.holder, row.updated_at = ImportState.UNDONE, None, work.now()
        stayed = sum(found.stayed.values())
        audit.record(
            work, "leads.import_undone", import_id, removed=found.removed, reverted=found.reverted, stayed=stayed
        )
    return found


def _added(found: Undone, left: Sequence[Left], *, removed: int = 0, reverted: int = 0) -> Undone:
    return Undone(
        import_id=found.import_id,
        removed=found.removed + removed,
        reverted=found.reverted + reverted,
        stayed=dict(Counter(found.stayed) + Counter(each.why for each in left)),
        left=[*found.left, *left][:MOST_LEFT],
    )


def _require_hold(work: Work, import_id: str) -> None:
    """Say that this process is at the undo still, and that it is the only one.

    Raises:
        Conflict: it was taken for dead, and another one went on.
    """
    mine = update(LeadImport).where(
        LeadImport.workspace_id == work.workspace, LeadImport.id == import_id, LeadImport.holder == this_process()
    )
    kept = work.session.execute(mine.values(updated_at=work.now()))
    assert isinstance(kept, CursorResult)
    if kept.rowcount != 1:
        msg = f"Another process goes on with taking {import_id} back; `overture imports list` shows it."
        raise Conflict(msg)


def _remove_created(work: Work, import_id: str, after: str) -> tuple[str | None, int, list[Left]]:
    """Remove a page of the leads that an import created; returns where it ended, how many went and who stays."""
    page = select(Lead.id, Lead.import_id, Lead.erased_at).where(Lead.workspace_id == work.workspace, Lead.id > after)
    found = work.session.execute(page.order_by(Lead.id).limit(PAGE * 10)).all()
    created = [id_ for id_, origin, erased_at in found if origin == import_id and erased_at is None]
    # Held, so that nobody asks for an operation about them between look and removal.
    held = select(Lead.id).where(Lead.workspace_id == work.workspace, among(Lead.id, created))
    created = list(work.session.scalars(held.order_by(Lead.id).with_for_update()))
    left = staying(work, stored(work, import_id), created)
    stay = {each.lead_id for each in left}
    free = [id_ for id_ in created if id_ not in stay]
    about = "something about a lead who was removed when their import was taken back"
    forget(work, free, about=about, reason=TAKEN_BACK)
    for start in range(0, len(free), PAGE):
        work.session.execute(
            delete(Lead).where(Lead.workspace_id == work.workspace, among(Lead.id, free[start : start + PAGE])),
            execution_options={"synchronize_session": False},
        )
    return found[-1][0] if len(found) == PAGE * 10 else None, len(free), left


def _created(work: Work, import_id: str) -> tuple[ColumnElement[bool], ...]:
    return Lead.workspace_id == work.workspace, Lead.import_id == import_id, Lead.erased_at.is_(None)


def _changes(work: Work, import_id: str, *conditions: ColumnElement[bool]) -> Select[LeadChange]:
    """What an import changed in leads of others and is not taken back whole."""
    return (
        select(LeadChange)
        .join(Lead, Lead.id == LeadChange.lead_id)
        .where(
            LeadChange.workspace_id == work.workspace,
            LeadChange.import_id == import_id,
            or_(LeadChange.undone_at.is_(None), LeadChange.detail[STAYED].as_string().is_not(None)),
            or_(Lead.import_id.is_(None), Lead.import_id != import_id),
            *conditions,
        )
    )


def _take_back(work: Work, changes: Sequence[LeadChange]) -> tuple[list[Left], int]:
    """Take changes back, in their order; returns what had to stay, and of how many something went."""
    ids = sorted({change.lead_id for change in changes})
    held = select(Lead).where(Lead.workspace_id == work.workspace, among(Lead.id, ids), Lead.erased_at.is_(None))
    leads = {lead.id: lead for lead in work.session.scalars(held.order_by(Lead.id).with_for_update(key_share=True))}
    keeping = {**needing_addresses(work, ids), **keeping_addresses(work, ids)}
    left: list[Left] = []
    reverted = 0
    for change in changes:
        change.undone_at = work.now()
        lead = leads.get(change.lead_id)
        if lead is None:
            continue
        wanted, why = change.detail.get(STAYED, change.detail), keeping.get(lead.id)
        stay = _restore(lead, wanted, keep_addresses=why)
        change.detail = _with_stayed(change.detail, wanted, stay, keep_addresses=why)
        if why is None:
            _remove_identities(work, lead, wanted)
        else:
            stay |= {FIELD_OF[kind]: why for kind, _ in wanted.get("identities", ())}
        left += [Left(lead_id=lead.id, what=what, why=reason) for what, reason in stay.items()]
        refused = _remove_added(work, lead, wanted)
        left += [Left(lead_id=lead.id, what="consent", why="a refusal is never taken back")] * refused
        reverted += _size(wanted) > _size(change.detail.get(STAYED, {})) + refused
        lead.updated_at = work.now()
    work.session.flush()
    return left, reverted


def _size(detail: dict[str, Any]) -> int:
    """Return of how many things a change, or a part of it, consists."""
    return sum(len(detail.get(part, ())) for part in ("fields", "custom", "identities", "tags", "consents"))


def _restore(lead: Lead, detail: dict[str, Any], *, keep_addresses: str | None) -> dict[str, str]:
    """Give fields their former value; returns which stay, with the reason: addresses for `keep_addresses`, if given."""
    stay: dict[str, str] = {}
    for name, (before, after) in detail.get("fields", {}).items():
        held = getattr(lead, name)
        if _told(held) != after:
            stay[name] = CHANGED
        elif name in FIELD_OF.values() and keep_addresses is not None:
            stay[name] = keep_addresses
        else:
            setattr(lead, name, datetime.fromisoformat(before) if name == "last_contact_at" and before else before)
    custom = dict(lead.custom)
    for name, (before, after) in detail.get("custom", {}).items():
        if custom.get(name) != after:
            stay[name] = CHANGED
        elif before is None:
            del custom[name]
        else:
            custom[name] = before
    if custom != lead.custom:
        lead.custom = custom
    return stay


def _with_stayed(
    detail: dict[str, Any], wanted: dict[str, Any], names: Collection[str], *, keep_addresses: str | None
) -> dict[str, Any]:
    """Return the detail of a change with what of it stayed, which can be taken back later."""
    parts: dict[str, Any] = {
        part: {name: each for name, each in wanted.get(part, {}).items() if name in names}
        for part in ("fields", "custom")
    }
    if keep_addresses is not None and (identities := wanted.get("identities")):
        parts["identities"] = identities
    whole = {name: each for name, each in detail.items() if name != STAYED}
    return {**whole, STAYED: parts} if any(parts.values()) else whole


def _told(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _remove_identities(work: Work, lead: Lead, detail: dict[str, Any]) -> None:
    if identities := [(kind, value) for kind, value in detail.get("identities", [])]:
        work.session.execute(
            delete(LeadIdentity).where(
                LeadIdentity.workspace_id == work.workspace,
                LeadIdentity.lead_id == lead.id,
                tuple_(LeadIdentity.kind, LeadIdentity.value).in_(identities),
            )
        )


def _remove_added(work: Work, lead: Lead, detail: dict[str, Any]) -> int:
    """Remove tags and grants of consent; returns how many refusals there are, which stay."""
    if tags := detail.get("tags"):
        work.session.execute(
            delete(LeadTag).where(
                LeadTag.workspace_id == work.workspace, LeadTag.lead_id == lead.id, LeadTag.tag.in_(tags)
            )
        )
    consents = detail.get("consents", [])
    granted = delete(Consent).where(
        Consent.workspace_id == work.workspace, Consent.id.in_(consents), Consent.granted.is_(True)
    )
    result = work.session.execute(granted)
    assert isinstance(result, CursorResult)
    return len(consents) - result.rowcount
