"""Runs the Alembic migrations, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Engine, text

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
    """Bring the database to the newest migration; processes that start together take turns."""
    if is_current(engine):
        return
    with _one_at_a_time(engine, settings), engine.begin() as connection:
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, "head")


def _head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


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
