"""The audit on both databases: one chain a workspace, in step with what was done, and any tampering is found."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import delete, insert, select, text, update

from overture_core.audit import service as audit
from overture_core.audit.chain import START
from overture_core.errors import AuditBroken, InvalidInput
from overture_core.messages.stopping import suppress
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.operations.models import Proposal
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

# What only SQLite lets anybody write into these columns.
UNREADABLE = {
    "detail = '{not json'": "Entry 3 is not what was written: it cannot be read.",
    "detail = '[]'": "Entry 3 (note) is not what was written: its hash does not fit.",
    "at = 'yesterday'": "Entry 3 is not what was written: it cannot be read.",
    "actor = x'ff00fe'": "Entry 3 is not what was written: it cannot be read.",
    "actor = CAST(x'ff00fe' AS TEXT)": "Entry 3 is not what was written: it cannot be read.",
    "number = 'abc'": "Entry 3 is missing: entry 4 comes next.",
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


@pytest.mark.parametrize("change", UNREADABLE)
def test_what_cannot_be_read_is_named_too(sqlite_store: Store, change: str) -> None:
    for step in range(4):
        note(sqlite_store, step)
    with sqlite_store.begin(WORKSPACE, actor="eve") as work:
        work.session.execute(text(f"UPDATE audit_entries SET {change} WHERE number = 3"))  # noqa: S608 - from above
    found = verdict(sqlite_store)
    assert (found.intact, found.broken) == (False, UNREADABLE[change])
    with sqlite_store.read(WORKSPACE) as work, pytest.raises(AuditBroken, match=r"The audit is broken\. Entry 3 "):
        audit.list_(work)


@pytest.mark.parametrize("table", ["audit_entries", "audit_heads"])
def test_a_table_that_is_gone_is_a_broken_chain(store: Store, table: str) -> None:
    note(store, 1)
    with store.begin(WORKSPACE, actor="eve") as work:
        work.session.execute(text(f"DROP TABLE {table}"))
    assert verdict(store).broken == f"Entry 1 is missing: the table {table} is not as it was made."


@pytest.mark.parametrize("kept", [0, 3])
def test_a_chain_that_was_cut_off_with_its_head_does_not_fit_what_was_done(scene: Scene, kept: int) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.launched()
    whole = verdict(scene.store)
    assert whole.intact
    with scene.store.begin(WORKSPACE, actor="eve") as work:
        last = work.session.scalar(select(AuditEntry.hash).where(AuditEntry.number == kept))
        work.session.execute(delete(AuditEntry).where(AuditEntry.number > kept))
        rewound = update(AuditHead).values(number=kept, hash=last) if last else delete(AuditHead)
        work.session.connection().execute(rewound)
    lost = "template tpl_" if kept == 0 else f"plan {planned.plan_id}"
    assert str(verdict(scene.store).broken).startswith(f"The {lost}")


def test_a_suppression_without_an_entry_is_found(store: Store) -> None:
    with store.begin(WORKSPACE, actor="ada") as work:
        suppress(work, "email", "ada@example.com", reason="manual", origin="cli")
    assert verdict(store).intact
    with store.begin(WORKSPACE, actor="eve") as work:
        work.session.execute(delete(AuditEntry))
        work.session.execute(delete(AuditHead))
    assert str(verdict(store).broken).startswith("1 suppression without an entry")


def test_a_noted_head_proves_that_nothing_before_it_was_written_anew(store: Store) -> None:
    for step in range(3):
        note(store, step)
    noted = verdict(store)
    note(store, 3)
    heads = (f"{noted.entries}:{noted.head}", noted.head, START, f"0:{START}")
    with store.begin(WORKSPACE, actor="eve") as work:
        assert [audit.verify(work, each).intact for each in heads] == [True] * 4
        assert not audit.verify(work, f"2:{noted.head}").intact
        last = work.session.scalar(select(AuditEntry.hash).where(AuditEntry.number == 2))
        work.session.execute(delete(AuditEntry).where(AuditEntry.number > 2))
        work.session.execute(update(AuditHead).values(number=2, hash=last))
    with store.read(WORKSPACE) as work:
        assert audit.verify(work).intact
        assert str(audit.verify(work, heads[0]).broken).startswith("The head that you noted is not part of it")
        with pytest.raises(InvalidInput, match="NUMBER:HASH"):
            audit.verify(work, "twelve")


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


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("operation.proposed", "The operation"),
        ("operation.begun", "The beginning of the operation"),
        ("operation.done", "The end of the operation"),
    ],
)
def test_a_tail_that_was_cut_off_with_its_head_is_found_by_what_an_operation_became(
    store: Store, action: str, told: str
) -> None:
    with store.begin(WORKSPACE, actor="ada") as work:
        made = operations.propose(work, Proposal("x.y", {}, ["Do."], sandbox=True, repeatable=False))
    with store.begin(WORKSPACE, actor="ada") as work:
        claim = claims.begin(work, made.id, sandbox=True)
    with store.begin(WORKSPACE, actor="ada") as work:
        assert claim is not None
        claims.finish(work, claim, {})
    assert verdict(store).intact
    with store.begin(WORKSPACE, actor="eve") as work:
        number, before = work.session.execute(
            select(AuditEntry.number, AuditEntry.previous_hash).where(AuditEntry.action == action)
        ).one()
        work.session.execute(delete(AuditEntry).where(AuditEntry.number >= number))
        work.session.execute(update(AuditHead).values(number=number - 1, hash=before))
    assert verdict(store).broken == f"{told} {made.id} has no entry: it was removed, or the chain's end was cut off."
