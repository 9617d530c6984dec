"""Runs the Alembic migrations, one process at a time.

A database that stands at the newest one is told by its version alone: Alembic takes longer to import than all the rest
of what a short command does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from overture_core.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

_ADVISORY_LOCK = 7_226_001  # any constant that nothing else in the database uses
_FOLDER = Path(__file__).parent / "migrations"


def config() -> Config:
    """Return the Alembic configuration of the packaged migrations."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_FOLDER))
    return made


def is_current(engine: Engine) -> bool:
    """Tell whether the database stands at the newest migration, or beyond it.

    A newer release has migrated it then while processes of this one still run, or start again: what it added is
    nothing to them (docs/production.md).
    """
    stands = version(engine)
    return stands is not None and stands >= head()


def version(engine: Engine) -> str | None:
    """Return the migration at which the database stands; None for an empty one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        stands: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return stands


def upgrade(engine: Engine, settings: Settings) -> None:
    """Bring the database to the newest migration; processes that start together take turns.

    Also with the first look: it makes SQLite's file, and who makes it a WAL lets nobody else in and waits for nobody.
    """
    with _one_at_a_time(engine, settings):
        if not is_current(engine):
            from alembic import command

            run(engine, command.upgrade, "head")


def run(engine: Engine, step: Callable[[Config, str], None], revision: str) -> None:
    """Run Alembic's `upgrade` or `downgrade` to a revision, in one transaction."""
    made = config()
    with engine.connect() as connection, _tables_may_be_rebuilt(connection), connection.begin():
        made.attributes["connection"] = connection
        step(made, revision)


def head() -> str:
    """Return the newest migration: files are named by their number, which is their revision."""
    return max(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


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
