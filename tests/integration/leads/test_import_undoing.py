"""What an import wrote can be taken back, where nobody has built on it since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select

from overture_core.audit import service as audit
from overture_core.clock import ManualClock
from overture_core.errors import Conflict, NotFound
from overture_core.leads import consenting, imports, service, tagging
from overture_core.leads.imports import QUIET, ImportReport, ImportState
from overture_core.leads.staying import Left
from overture_core.leads.undoing import Going, Undoable, Undone, going, undo_change, undo_import, undoable_import
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.operations import service as operations
from overture_core.operations.models import Proposal
from overture_core.scoring import signals
from overture_core.storage.schema import Consent, Lead, LeadChange, LeadIdentity, LeadTag, Reply
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]


def lead(store: Store, address: str) -> service.LeadView:
    with store.read("default") as work:
        found = service.find_by_address(work, Channel.EMAIL, address)
        assert found is not None
        return service.get(work, found.id)


def merges(store: Store, lead_id: str) -> list[service.ChangeView]:
    with store.read("default") as work:
        return service.changes(work, lead_id)


def undone(store: Store, report: ImportReport) -> Undone:
    assert report.import_id is not None
    return undo_import(store, report.import_id, workspace="default", actor="test")


def contents(store: Store) -> list[int | None]:
    with store.read("default") as work:
        tables = (Lead, LeadIdentity, LeadTag, Consent)
        return [work.session.scalar(select(func.count()).select_from(table)) for table in tables]


def test_every_field_says_where_it_comes_from(store: Store, take: Import) -> None:
    take("email,company\na@example.com,Quill\n")
    second = take("email,company,title,last contact,size\na@example.com,Other,Owner,2025-02-03,12\n")
    found = lead(store, "a@example.com")
    (change,) = merges(store, found.id)
    assert (change.import_id, change.line, change.actor) == (second.import_id, 2, "test")
    assert change.detail == {
        "fields": {"title": [None, "Owner"], "last_contact_at": [None, "2025-02-03T00:00:00+00:00"]},
        "custom": {"size": [None, "12"]},
    }
    said = f"{second.import_id}, line 2, by test on 2026-11-23"
    assert found.provenance == dict.fromkeys(("title", "last_contact_at", "custom.size"), said)


def test_an_undone_import_leaves_what_was_there_before(store: Store, take: Import) -> None:
    take("email,last contact,size\na@example.com,2024-05-01,\nb@example.com,,\n")
    before, was = contents(store), lead(store, "a@example.com")
    second = take(
        "email,phone,title,last contact,size,tags,consent\n"
        "a@example.com,+12125550123,Owner,2025-02-03,12,vip,email\n"
        "c@example.com,,,,,,email\nc@example.com,,Buyer,,,,\n"
    )
    assert undone(store, second) == Undone(import_id=second.import_id, removed=1, reverted=1, stayed={}, left=[])
    assert contents(store) == before
    now = lead(store, "a@example.com")
    history = {"updated_at", "changes"}
    assert now.model_dump(exclude=history) == was.model_dump(exclude=history)
    assert [each.undone_at is not None for each in merges(store, now.id)] == [True]
    assert second.import_id is not None
    with store.read("default") as work:
        assert imports.show(work, second.import_id).state is ImportState.UNDONE
        assert audit.list_(work)[-1].action == "leads.import_undone"
    with pytest.raises(Conflict, match="was taken back already"):
        undone(store, second)
    assert take("email\nc@example.com\n").created == 1


def test_what_others_built_on_and_what_refuses_stays_and_is_said(store: Store, take: Import) -> None:
    first = take(
        "email,last contact,consent\na@example.com,2024-05-01,\nb@example.com,,no\nc@example.com,,\nd@example.com,,\n"
    )
    take("email,last contact\na@example.com,2025-05-01\n")
    with store.begin("default", actor="test") as work:
        found = service.find_by_address(work, Channel.EMAIL, "c@example.com")
        assert found is not None
        values = {"channel": "email", "body": "Yes", "intent": "interested", "received_at": work.now()}
        work.session.add(Reply(id="rpl_1", workspace_id="default", lead_id=found.id, **values))
    result = undone(store, first)
    assert (result.removed, result.reverted) == (1, 0)
    assert result.stayed == {
        "they refused a channel": 1,
        "they wrote back": 1,
        "a later import added to them": 1,
    }
    assert contents(store)[0] == 3


def test_one_merge_is_taken_back_but_for_what_changed_since(store: Store, take: Import) -> None:
    take("email\na@example.com\n")
    take("email,title,last contact,consent\na@example.com,Owner,2024-05-01,no\n")
    take("email,last contact\na@example.com,2025-05-01\n")
    first = merges(store, lead(store, "a@example.com").id)[-1].id
    with store.begin("default", actor="cli:ada") as work:
        result = undo_change(work, first)
    found = lead(store, "a@example.com")
    assert (found.title, found.last_contact_at is not None) == (None, True)
    assert result.left == [
        Left(lead_id=found.id, what="last_contact_at", why="it was changed since"),
        *[Left(lead_id=found.id, what="consent", why="a refusal is never taken back")] * len(Channel),
    ]
    with store.begin("default", actor="cli:ada") as work:
        again = undo_change(work, first)
        assert (again.reverted, [each.what for each in again.left]) == (0, ["last_contact_at"])
        undo_change(work, merges(store, found.id)[0].id)
        assert undo_change(work, first) == Undone(import_id=None, removed=0, reverted=1, stayed={}, left=[])
    assert lead(store, "a@example.com").last_contact_at is None
    with store.begin("default", actor="cli:ada") as work, pytest.raises(Conflict, match="taken back on"):
        undo_change(work, first)
    with store.begin("default", actor="cli:ada") as work, pytest.raises(NotFound, match="There is no change"):
        undo_change(work, "chg_x")


def test_a_row_of_two_leads_is_reported_with_both_and_moves_no_address(store: Store, take: Import) -> None:
    take("email,phone\na@example.com,\n,+12125550123\n")
    report = take("email,phone,title\na@example.com,+12125550123,Owner\n")
    assert (lead(store, "a@example.com").title, lead(store, "a@example.com").phone) == ("Owner", None)
    with store.read("default") as work:
        by_email, by_phone = work.session.scalars(select(Lead.id).order_by(Lead.id))
        assert work.session.scalar(select(func.count()).select_from(LeadChange)) == 1
    assert report.shared == {2: [by_email, by_phone]}


def test_a_lead_who_was_suppressed_tagged_or_recorded_of_since_stays_with_the_reason(
    store: Store, take: Import, clock: ManualClock
) -> None:
    names = ("shut", "agreed", "moved", "tagged", "free")
    report = take(
        "email,tags,consent\n" + "".join(f"{name}@example.com,own,email\n" for name in names), tags=["everybody"]
    )
    clock.advance(timedelta(days=1))
    ids = {name: lead(store, f"{name}@example.com").id for name in names}
    with store.begin("default", actor="test") as work:
        suppress(work, "person", ids["shut"], reason="asked", origin="test")
        consenting.record(work, ids["agreed"], Channel.SMS, granted=True, source="form", wording="Yes")
        signals.record(work, ids["moved"], signals.Kind.HIRING, source=signals.Source.PERSON)
        tagging.tag(work, "vip", lead_ids=[ids["tagged"]])
        tagging.tag(work, "everybody", lead_ids=list(ids.values()))
    result = undone(store, report)
    assert result.removed == 1
    assert {each.lead_id: each.why for each in result.left} == {
        ids["shut"]: "they are suppressed",
        ids["agreed"]: "a consent of theirs was recorded since",
        ids["moved"]: "signals of them were recorded",
        ids["tagged"]: "a tag that they have was given since",
    }
    assert result.stayed == dict.fromkeys((each.why for each in result.left), 1)
    again = take("email\nshut@example.com\n")
    assert (again.created, again.unchanged) == (0, 1)


def test_an_import_of_which_something_stayed_is_taken_back_again(store: Store, take: Import) -> None:
    take("email,last contact\nb@example.com,\n")
    first = take("email,last contact\na@example.com,2024-05-01\nb@example.com,2024-05-01\n")
    later = take("email,last contact\na@example.com,2025-05-01\nb@example.com,2025-05-01\n")
    with store.read("default") as work:
        assert going(work, str(first.import_id)) == Going(leads=0, merges=0, stay=2)
    kept = undone(store, first)
    assert (kept.removed, kept.reverted) == (0, 0)
    assert kept.stayed == {"a later import added to them": 1, "it was changed since": 1}
    assert undone(store, first) == kept
    undone(store, later)
    with store.read("default") as work:
        assert going(work, str(first.import_id)) == Going(leads=1, merges=1, stay=0)
    again = undone(store, first)
    assert (again.removed, again.reverted, again.stayed) == (1, 1, {})
    assert lead(store, "b@example.com").last_contact_at is None
    with pytest.raises(Conflict, match="was taken back already"):
        undone(store, first)


def test_an_undo_whose_process_is_gone_is_told_so_and_goes_on(store: Store, take: Import, clock: ManualClock) -> None:
    take("email\na@example.com\n")
    report = take("email,title\na@example.com,Owner\nb@example.com,Buyer\nc@example.com,Buyer\n")
    import_id, gone = str(report.import_id), lead(store, "b@example.com").id
    with store.begin("default", actor="test") as work:
        row = imports.stored(work, import_id)
        row.state, row.holder, row.updated_at = ImportState.UNDOING, "elsewhere 1 mark", work.now()
        work.session.execute(delete(Lead).where(Lead.id == gone))
    with store.read("default") as work:
        assert imports.show(work, import_id).state is ImportState.UNDOING
        with pytest.raises(Conflict, match="still at work"):
            undoable_import(work, import_id)
    clock.advance(2 * QUIET)
    with store.read("default") as work:
        assert imports.show(work, import_id).state is ImportState.UNDO_INTERRUPTED
        assert undoable_import(work, import_id) == Undoable(leads=1, merges=1)
    assert undone(store, report) == Undone(import_id=import_id, removed=1, reverted=1, stayed={}, left=[])
    with store.read("default") as work:
        assert imports.show(work, import_id).state is ImportState.UNDONE
        with pytest.raises(Conflict, match="taken back already"):
            undoable_import(work, import_id)


def test_an_address_that_something_waits_to_be_sent_to_stays(store: Store, take: Import) -> None:
    take("email\na@example.com\n")
    report = take("email,phone,title\na@example.com,+12125550123,Owner\n")
    asked = Proposal(
        kind="fake.send",
        params={},
        told=["Write."],
        sandbox=True,
        repeatable=True,
        why=["it writes"],
        lead_id=lead(store, "a@example.com").id,
    )
    with store.begin("default", actor="mcp:crew") as work:
        made = operations.propose(work, asked)
    for goes in (Going(leads=0, merges=1, stay=0), Going(leads=0, merges=0, stay=1)):
        with store.read("default") as work:
            assert going(work, str(report.import_id)) == goes
        result = undone(store, report)
        assert (result.reverted, result.stayed) == (goes.merges, {"an operation about them waits": 1})
    assert (lead(store, "a@example.com").phone, lead(store, "a@example.com").title) == ("+12125550123", None)
    with store.begin("default", actor="mcp:crew") as work:
        operations.cancel(work, made.id)
    assert undone(store, report).stayed == {}
    assert lead(store, "a@example.com").phone is None
