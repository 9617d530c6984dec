"""The audit on both databases: one chain a workspace, in step with what was done, and any tampering is found."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import delete, insert, select, update

from overture_core.audit import service as audit
from overture_core.audit.chain import START
from overture_core.messages.stopping import suppress
from overture_core.storage.schema import AuditEntry, AuditHead
from overture_core.storage.store import Store
from overture_core.workspaces import emergency
from tests.integration.core.conftest import WORKSPACE, Scene

TAMPERING = {
    "edit": (update(AuditEntry).where(AuditEntry.number == 2).values(actor="eve"), "Entry 2 (note) is not what"),
    "detail": (update(AuditEntry).where(AuditEntry.number == 2).values(detail={"step": 9}), "Entry 2 (note) is not"),
    "removal": (delete(AuditEntry).where(AuditEntry.number == 2), "Entry 2 is missing"),
    "removal of the last": (delete(AuditEntry).where(AuditEntry.number == 4), "Entry 4 is missing"),
    "removal of all": (delete(AuditEntry), "Entry 1 is missing"),
    "removal of the head": (delete(AuditHead), "Entry 1 has lost its chain"),
    "swap": (update(AuditEntry).where(AuditEntry.number >= 3).values(number=10 - AuditEntry.number), "Entry 3 is"),
    "insertion": (
        insert(AuditEntry).from_select(
            [each.name for each in AuditEntry.__table__.columns],
            select(
                *(AuditEntry.number + 4 if each.name == "number" else each for each in AuditEntry.__table__.columns)
            ).where(AuditEntry.number == 1),
        ),
        "Entry 5 does not follow",
    ),
}


def note(store: Store, step: int, *, actor: str = "ada") -> None:
    with store.begin(WORKSPACE, actor=actor) as work:
        audit.record(work, "note", step=step)


def verdict(store: Store) -> audit.AuditVerdict:
    with store.read(WORKSPACE) as work:
        return audit.verify(work)


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found_and_the_first_broken_entry_named(store: Store, how: str) -> None:
    for step in range(4):
        note(store, step)
    assert verdict(store).intact
    statement, sentence = TAMPERING[how]
    with store.begin(WORKSPACE, actor="eve") as work:
        work.session.connection().execute(statement)
    assert str(verdict(store).broken).startswith(sentence)


def test_entries_that_are_written_at_the_same_time_make_one_chain(store: Store) -> None:
    def run(actor: str) -> None:
        for step in range(10):
            note(store, step, actor=actor)

    threads = [threading.Thread(target=run, args=(f"worker-{number}",)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = verdict(store)
    assert (found.intact, found.entries) == (True, 40)


def test_what_is_rolled_back_leaves_no_entry(store: Store) -> None:
    with store.begin(WORKSPACE, actor="ada") as work:
        audit.record(work, "note", step=1)
        with work.session.begin_nested() as part:
            audit.record(work, "note", step=2)
            part.rollback()
        audit.record(work, "note", step=3)
    with pytest.raises(ZeroDivisionError), store.begin(WORKSPACE, actor="ada") as work:
        audit.record(work, "note", step=4 // 0)
    with store.read(WORKSPACE) as work:
        assert [each.detail for each in audit.list_(work)] == [{"step": 1}, {"step": 3}]
    assert verdict(store).intact


def test_a_workspace_without_entries_has_a_chain_that_holds(store: Store) -> None:
    assert verdict(store) == audit.AuditVerdict(intact=True, entries=0, head=START, broken=None)


def test_every_deed_is_there_with_who_did_it_and_no_address(scene: Scene) -> None:
    scene.add_lead(email="Ada@example.com")
    planned = scene.launched()
    with scene.store.begin(WORKSPACE, actor="mcp:desk") as work:
        suppress(work, "email", "Ada@example.com", reason="manual", origin="mcp:desk")
        suppress(work, "email", " ada@EXAMPLE.com", reason="manual", origin="mcp:desk")
        emergency.stop(work, reason="wrong text")
        emergency.stop(work)
        emergency.lift(work)
    with scene.store.read(WORKSPACE) as work:
        found = audit.list_(work)
        written = [(each.actor, each.action) for each in found]
        assert "example.com" not in str(found).lower()
    assert written == [
        *[("test", "template.saved")] * 2,
        ("test", "segment.saved"),
        ("model", "plan.made"),
        ("ada", "approval.approved"),
        ("model", "plan.launched"),
        ("mcp:desk", "address.suppressed"),
        ("mcp:desk", "sending.stopped"),
        ("mcp:desk", "sending.let_go_on"),
    ]
    assert (found[4].detail["content_hash"], found[4].detail["via"]) == (planned.content_hash, "cli")
    assert verdict(scene.store).intact
