"""The store: one engine, one clock, and transactions that know their workspace.

    with store.begin("default", actor="cli") as work:
        leads.upsert(work, ...)

Write transactions on SQLite take the write lock at once (BEGIN IMMEDIATE): a later upgrade from a
read lock would fail with SQLITE_BUSY whatever the busy timeout (sqlite.org/lang_transaction.html).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from overture_core.clock import Clock, SystemClock
from overture_core.errors import ConfigurationError, Conflict, DatabaseUnavailable, InvalidInput, NotFound
from overture_core.settings import Settings
from overture_core.storage import migrate
from overture_core.storage.schema import Workspace

CONNECT_S = 5
# A host whose packets vanish breaks no connection. By the systems' own figures it is waited for from a quarter of an
# hour to two hours, and PostgreSQL keeps for as long what a worker that is cut off had locked. So either end gives up
# after about ten seconds: where what it sent is not acknowledged, and where silence is not ended by these probes.
SILENT_S, PROBE_AFTER_S, PROBE_EVERY_S, PROBES = 10, 5, 2, 3
# PostgreSQL's names of what is set for a connection, ours and its own; of our end, the address may say otherwise.
_OUR_END = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": PROBE_AFTER_S,
    "keepalives_interval": PROBE_EVERY_S,
    "keepalives_count": PROBES,
    "tcp_user_timeout": SILENT_S * 1000,
}
_ITS_END = {
    "tcp_keepalives_idle": PROBE_AFTER_S,
    "tcp_keepalives_interval": PROBE_EVERY_S,
    "tcp_keepalives_count": PROBES,
    "tcp_user_timeout": SILENT_S * 1000,
}
BUSY_TIMEOUT_S = 15.0
SQLITE_CONNECTIONS = 15  # each keeps up to 2 MB of pages
_LOG_PAGES = 8_000  # of 4 KiB


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction in one workspace, on behalf of `actor` (a person, a client, a worker)."""

    session: Session
    workspace: str
    actor: str
    clock: Clock
    settings: Settings

    def now(self) -> datetime:
        return self.clock.now()


class Store:
    """Opens transactions. Thread-safe; make one per process."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock(timedelta(seconds=settings.clock_offset_s))
        self.engine = _engine(settings)
        self._read_engine = self.engine.execution_options(overture_read=True)
        self._known: set[str] = set()  # workspaces; none is ever removed, so each is looked for once

    def prepare(self) -> None:
        """Bring the database up to the newest migration and make sure the default workspace exists.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        from overture_core.workspaces.service import ensure_workspace

        with _translated():
            migrate.upgrade(self.engine, self.settings)
        with self.begin(self.settings.workspace, actor="system", check=False) as work:
            ensure_workspace(work)

    @contextmanager
    def begin(self, workspace: str, *, actor: str, check: bool = True) -> Iterator[Work]:
        """Open a write transaction; commits at the end, rolls back on an error.

        Raises:
            NotFound: there is no such workspace.
            DatabaseUnavailable: the database cannot be reached.
        """
        with self._transaction(self.engine, workspace, actor, check=check) as work:
            yield work

    @contextmanager
    def read(self, workspace: str, *, actor: str = "system") -> Iterator[Work]:
        """Open a read transaction: one consistent view, no write lock."""
        with self._transaction(self._read_engine, workspace, actor, check=True) as work:
            yield work

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Open a read transaction over every workspace, for dispatch and its like.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        with _translated(), self._read_engine.connect() as connection:
            yield connection

    @contextmanager
    def _transaction(self, engine: Engine, workspace: str, actor: str, *, check: bool) -> Iterator[Work]:
        with _translated(), Session(engine, expire_on_commit=False) as session, session.begin():
            if check and workspace not in self._known:
                if session.scalar(select(Workspace.id).where(Workspace.id == workspace)) is None:
                    msg = f"There is no workspace {workspace!r}; set OVERTURE_WORKSPACE to one that exists."
                    raise NotFound(msg)
                self._known.add(workspace)
            yield Work(session, workspace, actor, self.clock, self.settings)

    def checkpoint(self) -> bool:
        """Have SQLite carry its log over into its file and empty it; false while somebody else still reads from it.

        Until then what was overwritten stands in the log as it was (sqlite.org/pragma.html#pragma_wal_checkpoint).
        """
        if self.engine.dialect.name != "sqlite":
            return True
        raw = self.engine.raw_connection()
        try:
            return bool(raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
        finally:
            raw.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable(_reason(error)) from error
    except IntegrityError as error:
        msg = "Somebody else changed the same rows at the same time; nothing of this step was stored, try it again."
        raise Conflict(msg) from error
    except (DataError, UnicodeEncodeError) as error:
        msg = (
            "A value cannot be stored: a text has a NUL character or half of a surrogate pair in it, or a number is "
            "too large; nothing was changed. Correct it, then try again."
        )
        raise InvalidInput(msg) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable from error
        raise


def _reason(error: OperationalError) -> str:
    first: BaseException = error
    # SQLite takes a whole transaction back on a full disk; taking back its savepoint fails then, and would
    # hide why (sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
    while "no such savepoint" in str(first) and isinstance(first.__context__, DBAPIError | sqlite3.Error):
        first = first.__context__
    said = str(first.orig if isinstance(first, DBAPIError) else first)
    text = said.splitlines()[0] if said else "no details"
    if "disk" in text:
        return f"The database could not write ({text}); nothing was changed. Make room on its disk, then retry."
    return f"The database did not answer ({text}); nothing was changed. Check OVERTURE_DATABASE_URL, then retry."


def _engine(settings: Settings) -> Engine:
    url = _url(settings)
    if url.get_backend_name() == "postgresql":
        given = {name: value for name, value in _OUR_END.items() if name not in url.query}
        kept = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10}
        # Its errors would else show the values of the row.
        engine = create_engine(url, json_serializer=_json, connect_args=given, hide_parameters=True, **kept)
        event.listen(engine, "connect", _postgresql_connect)
        return engine
    if settings.database_url is None:
        _make_folder(settings)
    shared = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    # All of them are kept. Were some opened and closed with the load, each time in another thread, the pages that they
    # had would be given back to the heaps of ever more threads, and a busy server would grow without end.
    kept = {"pool_size": SQLITE_CONNECTIONS, "max_overflow": 0, "pool_use_lifo": True}
    engine = create_engine(url, json_serializer=_json, connect_args=shared, hide_parameters=True, **kept)
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # text that is no Unicode, numbers of more than 64 bits, keys that are no text
        return json.dumps(value)


def _url(settings: Settings) -> URL:
    try:
        url = make_url(settings.effective_database_url)
        supported = url.get_backend_name() in {"sqlite", "postgresql"}
    except ArgumentError:
        supported = False
    if not supported:
        msg = "OVERTURE_DATABASE_URL is not usable; it looks like postgresql://user:password@host/database."
        raise ConfigurationError(msg)
    return url


def _make_folder(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        msg = (
            f"The data folder {settings.data_dir} cannot be made ({error.strerror}); set OVERTURE_DATA_DIR to another."
        )
        raise ConfigurationError(msg) from error


def _postgresql_connect(connection: Any, _record: Any) -> None:
    # Not as the address's `options`, which PgBouncer refuses.
    connection.autocommit = True
    connection.execute("; ".join(f"SET {name} = {value}" for name, value in _ITS_END.items()))
    connection.autocommit = False


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # A log that is carried over into the file less often than by default, several times a chunk of an import.
    cursor.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    if connection.get_execution_options().get("overture_read", False):
        connection.connection.driver_connection.execute("BEGIN")  # it takes no lock: there is nothing to translate
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
