"""The migrations make exactly the schema that the code has, on both databases."""

from __future__ import annotations

import threading

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from overture_core.settings import Settings
from overture_core.storage import migrate
from overture_core.storage.schema import Base, Workspace
from overture_core.storage.store import Store


def test_the_migrated_database_is_what_the_schema_says(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_every_migration_can_be_taken_back(store: Store) -> None:
    config = migrate.config()
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert not migrate.is_current(store.engine)
    migrate.upgrade(store.engine, store.settings)
    assert migrate.is_current(store.engine)


def test_processes_that_start_together_make_one_database(settings: Settings) -> None:
    stores = [Store(settings) for _ in range(4)]
    threads = [threading.Thread(target=each.prepare) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].read("default") as work:
        assert list(work.session.scalars(select(Workspace.id))) == ["default"]
    for each in stores:
        each.close()
