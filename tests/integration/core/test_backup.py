"""A backup that is made while messages leave, and what is restored from it, on both databases."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput
from overture_core.messages import ledger, settling
from overture_core.messages.channels import Channel
from overture_core.messages.outcomes import Accepted
from overture_core.settings import Settings
from overture_core.storage.backup import REASON, back_up, restore
from overture_core.storage.schema import Message, MessageEvent
from overture_core.storage.store import Store
from overture_core.workspaces import emergency

WORKSPACE = "default"
LEADS = 60


@dataclass
class Place:
    """A database that is in use, and the settings of an empty one of the same kind."""

    store: Store
    empty: Settings


@pytest.fixture
def place(
    store: Store, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    if store.settings.database_url is None:
        yield Place(store, store.settings.model_copy(update={"data_dir": tmp_path / "new"}))
        return
    server = request.getfixturevalue("postgresql")
    monkeypatch.setenv("PATH", f"{server.programs}:{os.environ['PATH']}")
    name = server.create_database(empty=True)
    yield Place(store, store.settings.model_copy(update={"database_url": server.url(name)}))
    server.drop_database(name)


@contextmanager
def restored(place: Place, file: Path) -> Iterator[Store]:
    assert restore(place.empty, file, actor="cli:ada") == [WORKSPACE]
    opened = Store(place.empty, place.store.clock)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def messages_leave(store: Store, scene: Any) -> Iterator[Callable[[int], None]]:
    """Send one message after the other until the block ends; the block is given a wait for so many of them."""
    done, moved, sent = threading.Event(), threading.Condition(), [0]

    def send() -> None:
        while not done.is_set() and (token := claim(store)) is not None:
            with store.begin(WORKSPACE, actor="worker-1") as work:
                ids = [row.id for row in ledger.claimed(work, token)]
                ledger.start_sending(work, token, ids, owner="worker-1")
            with store.begin(WORKSPACE, actor="worker-1") as work:
                settling.settle(work, token, "sendgrid", [(each, Accepted("req")) for each in ids])
                audit.record(work, "test.sent", ids[0])
            with moved:
                sent[0] += 1
                moved.notify_all()

    def wait(number: int) -> None:
        with moved:
            assert moved.wait_for(lambda: sent[0] >= number, timeout=60)

    for number in range(LEADS):
        scene.add_lead(email=f"lead{number}@example.com")
    scene.launched()
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield wait
    finally:
        done.set()
        thread.join()


def claim(store: Store) -> str | None:
    waiting = ledger.backlog(store)
    if not waiting:
        return None
    with store.begin(WORKSPACE, actor="worker-1") as work:
        return ledger.claim(work, Channel.EMAIL, campaign_id=waiting[0].campaign_id, owner="worker-1", limit=1)


def accepted(store: Store) -> set[str]:
    with store.read(WORKSPACE) as work:
        return set(work.session.scalars(select(Message.id).where(Message.state == "accepted")))


def head(store: Store) -> str:
    with store.read(WORKSPACE) as work:
        return audit.verify(work).head or ""


def test_what_was_committed_before_a_backup_under_load_is_restored_and_holds(
    place: Place, scene: Any, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    with messages_leave(place.store, scene) as wait:
        wait(5)
        before, noted = accepted(place.store), head(place.store)
        back_up(place.store.settings, file)
        after = accepted(place.store)
    assert len(before) >= 5
    with restored(place, file) as store:
        assert before <= accepted(store) <= after
        with store.read(WORKSPACE) as work:
            verdict = audit.verify(work, noted)
            assert (verdict.intact, verdict.broken) == (True, None)
            assert work.session.scalar(select(func.count()).select_from(Message)) == LEADS
            assert work.session.execute(states_that_differ_from_their_last_event()).all() == []
            assert emergency.standing(work).reason == REASON
        assert file.stat().st_mode & 0o077 == 0


def states_that_differ_from_their_last_event() -> Any:
    newest = select(func.max(MessageEvent.id)).group_by(MessageEvent.message_id).scalar_subquery()
    said = select(MessageEvent).where(MessageEvent.id.in_(newest)).subquery()
    return select(Message.id).join(said, said.c.message_id == Message.id).where(said.c.to_state != Message.state)


def test_nothing_leaves_a_restored_database_until_a_person_lifts_the_stop(
    place: Place, scene: Any, tmp_path: Path
) -> None:
    scene.add_lead(email="ada@example.com")
    scene.launched()
    back_up(place.store.settings, tmp_path / "backup")
    with restored(place, tmp_path / "backup") as store:
        assert claim(store) is None
        with store.begin(WORKSPACE, actor="cli:ada") as work:
            emergency.lift(work)
        assert claim(store) is not None


def test_only_an_empty_database_is_restored_into(place: Place, tmp_path: Path) -> None:
    back_up(place.store.settings, tmp_path / "backup")
    with pytest.raises(Conflict, match=r"There is a database at|The database is not empty"):
        restore(place.store.settings, tmp_path / "backup", actor="cli:ada")


def test_a_backup_never_writes_over_a_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("mine")
    with pytest.raises(InvalidInput, match="exists; name a file that does not"):
        back_up(place.store.settings, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "mine"


def test_what_is_no_backup_is_refused_and_makes_nothing(place: Place, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("no backup at all")
    with pytest.raises(InvalidInput, match="is no backup of a"):
        restore(place.empty, tmp_path / "backup", actor="cli:ada")
    assert not (place.empty.data_dir / "overture.db").exists()


def test_a_backup_of_a_newer_release_is_refused(sqlite_store: Store, settings: Settings, tmp_path: Path) -> None:
    with sqlite_store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    back_up(settings, tmp_path / "backup")
    new = settings.model_copy(update={"data_dir": tmp_path / "new"})
    with pytest.raises(InvalidInput, match="of a newer release"):
        restore(new, tmp_path / "backup", actor="cli:ada")
    assert list(new.data_dir.glob("*.db*")) == []


@pytest.mark.parametrize("harm", [b"\x00" * 4096, b"\xff" * 4096], ids=["zeroes", "ones"])
def test_a_damaged_backup_is_refused(sqlite_store: Store, settings: Settings, tmp_path: Path, harm: bytes) -> None:
    file = tmp_path / "backup"
    back_up(settings, file)
    file.with_name("backup.sha256").unlink()
    with file.open("r+b") as opened:
        opened.seek(4096 * 3)
        opened.write(harm)
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
    database.close()
    new = settings.model_copy(update={"data_dir": tmp_path / "new"})
    with pytest.raises(InvalidInput, match=r"is damaged .*; use an older backup\."):
        restore(new, file, actor="cli:ada")
    assert list(new.data_dir.glob("*.db*")) == []


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_backup_whose_end_is_missing_is_refused_and_makes_nothing(place: Place, tmp_path: Path, share: float) -> None:
    file = tmp_path / "backup"
    back_up(place.store.settings, file)
    file.with_name("backup.sha256").unlink()
    os.truncate(file, int(file.stat().st_size * share))
    with pytest.raises(InvalidInput, match=r"is damaged .*; use an older backup\."):
        restore(place.empty, file, actor="cli:ada")
    assert list((tmp_path / "new").glob("*.db*")) == []


def test_a_backup_of_which_a_byte_changed_is_refused_and_makes_nothing(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    back_up(place.store.settings, file)
    subprocess.run(["sha256sum", "--check", "--status", "backup.sha256"], cwd=tmp_path, check=True)
    held = bytearray(file.read_bytes())
    held[-1] ^= 0xFF
    file.write_bytes(held)
    with pytest.raises(InvalidInput, match=r"is damaged \(it is not what backup\.sha256 says\); use an older backup\."):
        restore(place.empty, file, actor="cli:ada")
    assert list((tmp_path / "new").glob("*.db*")) == []
