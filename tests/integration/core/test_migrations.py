"""The migrations make exactly the schema that the code has, on both databases."""

from __future__ import annotations

import threading
from datetime import datetime

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, insert, select

from overture_core.settings import Settings
from overture_core.storage import migrate
from overture_core.storage.schema import Base, Message, MessageEvent, Reply, Workspace
from overture_core.storage.store import Store


def test_the_migrated_database_is_what_the_schema_says(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _is_compared})
        assert compare_metadata(context, Base.metadata) == []


def _is_compared(_object: object, name: str | None, *_: object) -> bool:
    """The index of words is each database's own (migration 0017), as is where an order has unknown values first."""
    own = ("lead_words", "lead_rows", "ix_leads_words", "ix_leads_workspace_id_leads_last_contact_at")
    return not (name or "").startswith(own)


def test_the_newest_migration_is_the_one_that_alembic_finds() -> None:
    assert migrate.head() == ScriptDirectory.from_config(migrate.config()).get_current_head()


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
    now = datetime.fromisoformat("2026-11-23T16:30:00")
    made = {"created_at": now, "updated_at": now}
    message = {
        "workspace_id": "default",
        "step": 1,
        "lead_id": "led_1",
        "channel": "email",
        "merge": {},
        "attempt": 0,
    }
    message |= {"address": "ada@example.com", "template_id": "tpl_1", **made}
    message |= {"owner": "worker-1", "lease_token": "chk_1", "lease_until": now}
    template = {"id": "tpl_1", "name": "old", "version": 1, "channel": "email", "body": "Hi", "created_at": now}
    event = {"message_id": "msg_accepted", "at": now, "to_state": "accepted", "cause": "sendgrid"}
    reply = {"id": "rpl_1", "lead_id": "led_1", "message_id": "msg_accepted", "channel": "email", "body": "Yes"}
    rows: list[tuple[str, dict[str, object]]] = [
        ("leads", {"id": "led_1", "workspace_id": "default", "custom": {}, **made}),
        ("templates", {"workspace_id": "default", **template}),
        *(
            ("messages", {"id": f"msg_{state}", "state": state, **message})
            for state in ("claimed", "sending", "accepted")
        ),
        ("message_events", {"workspace_id": "default", **event}),
        ("replies", {"workspace_id": "default", "intent": "interested", "received_at": now, **reply}),
    ]
    with store.engine.begin() as connection:
        for name, row in rows:
            old = Table(name, MetaData(), autoload_with=connection)
            connection.execute(insert(old).values(row))
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
        messages = connection.execute(select(Message.id, Message.state).order_by(Message.id))
        assert [tuple(row) for row in messages] == [
            ("msg_accepted", "accepted"),
            ("msg_claimed", "due"),
            ("msg_sending", "unknown"),
        ]
        assert connection.execute(select(Reply.message_id)).scalar_one() == "msg_accepted"


def test_messages_of_an_older_database_are_meant_for_the_world_that_their_plan_was_approved_for(store: Store) -> None:
    migrate.run(store.engine, command.downgrade, "0003")
    now = datetime.fromisoformat("2026-11-23T16:30:00")
    made = {"created_at": now, "updated_at": now}
    plan = {"campaign_id": "cmp_1", "content_hash": "", "summary": {}, "state": "launched", "created_at": now}
    plan |= {"workspace_id": "default", "expires_at": now, "spec": {"sandbox": {"email": False, "sms": True}}}
    message = {"workspace_id": "default", "step": 1, "lead_id": "led_1", "merge": {}, "attempt": 0, "state": "due"}
    message |= {"address": "ada@example.com", "template_id": "tpl_1", **made}
    rows: list[tuple[str, dict[str, object]]] = [
        ("leads", {"id": "led_1", "workspace_id": "default", "custom": {}, **made}),
        ("campaigns", {"id": "cmp_1", "workspace_id": "default", "name": "old", "state": "running", "created_at": now}),
        ("plans", {"id": "pln_1", **plan}),
        ("messages", {"id": "msg_mail", "plan_id": "pln_1", "channel": "email", **message}),
        ("messages", {"id": "msg_text", "plan_id": "pln_1", "channel": "sms", **message}),
        ("messages", {"id": "msg_direct", "plan_id": None, "channel": "email", **message}),
    ]
    with store.engine.begin() as connection:
        for name, row in rows:
            old = Table(name, MetaData(), autoload_with=connection)
            connection.execute(insert(old).values(row))
    migrate.upgrade(store.engine, store.settings)
    with store.engine.connect() as connection:
        found = {row.id: row.sandbox for row in connection.execute(select(Message.id, Message.sandbox))}
    # One whose plan cannot say reaches nobody real.
    assert found == {"msg_mail": False, "msg_text": True, "msg_direct": True}
