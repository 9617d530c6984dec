"""Backups of the whole database while it is in use, and what is restored from them.

SQLite is copied by its own online backup (sqlite.org/backup.html), PostgreSQL by pg_dump and pg_restore; both see one
moment. What was sent after that moment is unknown to what is restored, and due there: so all sending is stopped in it,
until a person has looked and lifts that.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, inspect, make_url, text

from overture_core.audit import service as audit
from overture_core.errors import ConfigurationError, Conflict, DatabaseUnavailable, InvalidInput
from overture_core.messages import ledger
from overture_core.settings import Settings
from overture_core.storage import migrate
from overture_core.storage.store import Store
from overture_core.workspaces import emergency

_SQLITE, _POSTGRESQL = b"SQLite format 3\x00", b"PGDMP"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
REASON = "Restored from a backup: what was sent after it was made is not known here."


def back_up(settings: Settings, target: Path) -> None:
    """Write the database, as it is at one moment, to a new file, and beside it what `sha256sum --check` reads.

    Raises:
        InvalidInput: the file exists, or its folder does not.
        ConfigurationError: there is no database yet, or pg_dump is not installed.
        DatabaseUnavailable: it does not answer.
    """
    if target.exists():
        msg = f"{target} exists; name a file that does not."
        raise InvalidInput(msg)
    if not target.parent.is_dir():
        msg = f"There is no folder {target.parent}; make it first."
        raise InvalidInput(msg)
    url = make_url(settings.effective_database_url)
    with _whole(target) as fresh:
        if url.get_backend_name() == "sqlite":
            _copy(_existing(url), fresh)
        else:
            _run("pg_dump", url, "--format=custom", f"--file={fresh}")
        _sum_of(target).write_text(f"{_digest(fresh)}  {target.name}\n", encoding="utf-8")


def restore(settings: Settings, source: Path, *, actor: str) -> list[str]:
    """Make the database anew from a backup, migrated to this release, with all sending stopped; returns its workspaces.

    Raises:
        InvalidInput: the file is no backup of such a database, is damaged, or is of a newer release.
        Conflict: the database is not empty, or others are connected to it.
        ConfigurationError: pg_restore is not installed.
        DatabaseUnavailable: it does not answer.
    """
    url = make_url(settings.effective_database_url)
    if url.get_backend_name() == "sqlite":
        return _restore_sqlite(settings, url, source, actor)
    _require(source, _POSTGRESQL, "PostgreSQL")
    _require_unchanged(source)
    _require_whole(source)
    store = Store(settings)
    try:
        _require_unused(store)
        _run("pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(source))
        return _stopped(store, actor)
    finally:
        store.close()


def _restore_sqlite(settings: Settings, url: URL, source: Path, actor: str) -> list[str]:
    _require(source, _SQLITE, "SQLite")
    _require_unchanged(source)
    target = Path(url.database or "")
    if target.exists():
        msg = f"There is a database at {target}; move it away with its -wal and -shm files, then restore."
        raise Conflict(msg)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # It appears where processes look for it when it is whole, and stopped.
    with _whole(target) as fresh:
        _copy(source, fresh)
        store = Store(settings.model_copy(update={"database_url": f"sqlite:///{fresh}"}))
        try:
            found = _stopped(store, actor)
            store.checkpoint()
        finally:
            store.close()
    return found


def _stopped(store: Store, actor: str) -> list[str]:
    stands = migrate.version(store.engine) or ""
    if not stands:
        msg = "The backup is of no database of Overture's; nothing was made usable of it."
        raise InvalidInput(msg)
    if stands > migrate.head():
        msg = f"The backup is of a newer release (it stands at {stands}); restore it with that release."
        raise InvalidInput(msg)
    store.prepare()
    found = ledger.workspaces(store)
    for workspace in found:
        with store.begin(workspace, actor=actor) as work:
            emergency.stop(work, reason=REASON)
            audit.record(work, "database.restored")
    return found


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Give a path beside `target`, which takes its name at the end and is removed if something fails."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}.part")
    fresh.touch(mode=0o600)
    try:
        yield fresh
        os.link(fresh, target)
    finally:
        fresh.unlink()


def _copy(source: Path, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as made,
        ):
            read.backup(made)
            (verdict,) = made.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        if error.sqlite_errorcode in _DAMAGED:
            msg = f"{source} is damaged ({error}); use an older backup."
            raise InvalidInput(msg) from error
        msg = f"{source} could not be copied ({error})."
        raise DatabaseUnavailable(msg) from error
    if verdict != "ok":
        msg = f"{source} is damaged ({verdict.splitlines()[-1]}); use an older backup."
        raise InvalidInput(msg)


def _existing(url: URL) -> Path:
    path = Path(url.database or "")
    if not path.exists():
        msg = f"There is no database at {path} yet; set OVERTURE_DATA_DIR or OVERTURE_DATABASE_URL to where it is."
        raise ConfigurationError(msg)
    return path


def _require(source: Path, beginning: bytes, kind: str) -> None:
    try:
        with source.open("rb") as file:
            begins = file.read(len(beginning))
    except OSError as error:
        msg = f"{source} cannot be read ({error.strerror})."
        raise InvalidInput(msg) from error
    if begins != beginning:
        msg = f"{source} is no backup of a {kind} database, which the settings name; see OVERTURE_DATABASE_URL."
        raise InvalidInput(msg)


def _require_unchanged(source: Path) -> None:
    """Compare a backup with its sum. One that was moved without it is held against what its database tells alone."""
    if not (noted := _sum_of(source)).exists():
        return
    if noted.read_text(encoding="utf-8", errors="replace").split()[:1] != [_digest(source)]:
        msg = f"{source} is damaged (it is not what {noted.name} says); use an older backup."
        raise InvalidInput(msg)


def _sum_of(backup: Path) -> Path:
    return backup.with_name(f"{backup.name}.sha256")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_whole(source: Path) -> None:
    """Read a backup of PostgreSQL to its end, which tells a damaged one before anything is written."""
    done = _ran("pg_restore", f"--file={os.devnull}", str(source))
    if done.returncode:
        msg = f"{source} is damaged ({_said(done)}); use an older backup."
        raise InvalidInput(msg)


def _require_unused(store: Store) -> None:
    with store.look() as connection:
        if inspect(connection).get_table_names():
            msg = "The database is not empty; name a new one in OVERTURE_DATABASE_URL, then restore into that."
            raise Conflict(msg)
        others = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> :mine")
        mine = connection.scalar(text("SELECT pg_backend_pid()"))
        if connection.scalar(others, {"mine": mine}):
            msg = "Others are connected to the database; stop servers and workers, then restore."
            raise Conflict(msg)


def _run(program: str, url: URL, *arguments: str) -> None:
    # A password among the arguments would be seen by every user of the machine.
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    done = _ran(program, f"--dbname={address}", *arguments, **secret)
    if done.returncode:
        msg = f"{program} failed: {_said(done)}"
        raise DatabaseUnavailable(msg)


def _ran(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = shutil.which(program)
    if path is None:
        msg = f"{program} is not installed; add PostgreSQL's client programs, of the server's version or newer."
        raise ConfigurationError(msg)
    return subprocess.run(  # noqa: S603 - PostgreSQL's own program with arguments of ours
        [path, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _said(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    return lines[0].partition(": ")[2] or lines[0]
