"""The migrations make exactly the schema that the code has, on both databases."""

from __future__ import annotations

import threading

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from overture_core.settings import Settings
from overture_core.storage import migrate
from overture_core.storage.schema import Base, Message, MessageEvent, Reply, Workspace
from overture_core.storage.store import Store


def test_the_migrated_database_is_what_the_schema_says(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_every_migration_can_be_taken_back(store: Store) -> None:
    migrate.run(store.engine, command.downgrade, "base")
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


def test_an_older_database_keeps_its_rows_and_gives_back_what_was_held(store: Store) -> None:
    migrate.run(store.engine, command.downgrade, "0001")
    now = "2026-11-23 16:30:00"
    with store.engine.begin() as connection:
        for statement in (
            "INSERT INTO leads (id, workspace_id, custom, created_at, updated_at) "
            f"VALUES ('led_1', 'default', '{{}}', '{now}', '{now}')",
            "INSERT INTO templates (id, workspace_id, name, version, channel, body, created_at) "
            f"VALUES ('tpl_1', 'default', 'old', 1, 'email', 'Hi', '{now}')",
            *(
                "INSERT INTO messages (id, workspace_id, step, lead_id, channel, address, template_id, merge, state, "
                "attempt, owner, lease_token, lease_until, created_at, updated_at) "
                f"VALUES ('msg_{state}', 'default', 1, 'led_1', 'email', 'ada@example.com', 'tpl_1', '{{}}', "
                f"'{state}', 0, 'worker-1', 'chk_1', '{now}', '{now}', '{now}')"
                for state in ("claimed", "sending", "accepted")
            ),
            "INSERT INTO message_events (workspace_id, message_id, at, to_state, cause) "
            f"VALUES ('default', 'msg_accepted', '{now}', 'accepted', 'sendgrid')",
            "INSERT INTO replies (id, workspace_id, lead_id, message_id, channel, body, intent, received_at) "
            f"VALUES ('rpl_1', 'default', 'led_1', 'msg_accepted', 'email', 'Yes', 'interested', '{now}')",
        ):
            connection.exec_driver_sql(statement)
    migrate.upgrade(store.engine, store.settings)
    with store.engine.connect() as connection:
        events = connection.execute(
            select(MessageEvent.message_id, MessageEvent.to_state, MessageEvent.cause).order_by(MessageEvent.message_id)
        )
        assert [tuple(row) for row in events] == [
            ("msg_accepted", "accepted", "sendgrid"),
            ("msg_claimed", "due", "migration"),
            ("msg_sending", "unknown", "migration"),
        ]
        rows = connection.execute(select(Message.id, Message.state).order_by(Message.id))
        assert [tuple(row) for row in rows] == [
            ("msg_accepted", "accepted"),
            ("msg_claimed", "due"),
            ("msg_sending", "unknown"),
        ]
        assert connection.execute(select(Reply.message_id)).scalar_one() == "msg_accepted"
