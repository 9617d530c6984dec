"""Runs the Alembic migrations, one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, text

from overture_core.settings import Settings

_ADVISORY_LOCK = 7_226_001  # any constant that nothing else in the database uses


def config() -> Config:
    """Return the Alembic configuration of the packaged migrations."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return made


def is_current(engine: Engine) -> bool:
    """Tell whether the database stands at the newest migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == _head()


def upgrade(engine: Engine, settings: Settings) -> None:
    """Bring the database to the newest migration; processes that start together take turns.

    Also with the first look: it makes SQLite's file, and who makes it a WAL lets nobody else in and waits for nobody.
    """
    with _one_at_a_time(engine, settings):
        if not is_current(engine):
            run(engine, command.upgrade, "head")


def run(engine: Engine, step: Callable[[Config, str], None], revision: str) -> None:
    """Run Alembic's `upgrade` or `downgrade` to a revision, in one transaction."""
    made = config()
    with engine.connect() as connection, _tables_may_be_rebuilt(connection), connection.begin():
        made.attributes["connection"] = connection
        step(made, revision)


def _head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


@contextmanager
def _tables_may_be_rebuilt(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew: what refers to it must not go with the old one.

    The switch has no effect inside a transaction (sqlite.org/foreignkeys.html), hence on the driver.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


@contextmanager
def _one_at_a_time(engine: Engine, settings: Settings) -> Iterator[None]:
    if engine.dialect.name == "sqlite":
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(settings.data_dir / "migrate.lock"):
            yield
        return
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
