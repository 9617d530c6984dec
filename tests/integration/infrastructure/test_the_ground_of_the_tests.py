"""The fixtures that every other test stands on."""

from __future__ import annotations

import os
import socket

import pytest
from sqlalchemy import select

from overture_core.settings import Settings
from overture_core.storage import migrate
from overture_core.storage.schema import Workspace
from overture_core.storage.store import Store
from overture_queue.broker import RedisHandle


def test_a_store_is_migrated_and_has_the_default_workspace(store: Store) -> None:
    assert migrate.is_current(store.engine)
    with store.read("default") as work:
        assert list(work.session.scalars(select(Workspace.id))) == ["default"]
        assert work.now().isoformat() == "2026-11-23T16:30:00+00:00"


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_store_starts_without_what_the_test_before_wrote(store: Store, attempt: int) -> None:
    with store.begin("other", actor=f"attempt {attempt}", check=False) as work:
        assert work.session.get(Workspace, "other") is None
        work.session.add(Workspace(id="other", created_at=work.now(), policy={}, trusted_clients=[]))


def test_the_queue_starts_empty(redis_handle: RedisHandle) -> None:
    assert redis_handle.client.ping() is True
    assert redis_handle.client.dbsize() == 0


def test_settings_come_from_nowhere_but_the_test(settings: Settings) -> None:
    assert settings.model_dump(exclude_unset=True).keys() == {"data_dir", "sandbox_only", "import_roots"}
    assert sorted(name for name in os.environ if name.startswith("OVERTURE_")) == [
        "OVERTURE_DATA_DIR",
        "OVERTURE_SANDBOX_ONLY",
    ]


def test_loopback_may_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_another_machine_may_not(outside_contacts: list[str]) -> None:
    with pytest.raises(RuntimeError, match=r"tests reach nobody outside this machine"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with socket.socket() as sender, pytest.raises(RuntimeError, match=r"tried socket\.connect"):
        sender.connect(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match=r"tried socket\.getaddrinfo api\.sendgrid\.com"):
        socket.getaddrinfo("api.sendgrid.com", 443)
    assert outside_contacts == [
        "socket.getaddrinfo 192.0.2.1",
        "socket.connect 192.0.2.1",
        "socket.getaddrinfo api.sendgrid.com",
    ]
    outside_contacts.clear()
