"""A PostgreSQL that is out of reach is given up in time; tests/hosts does the same to connections that are open."""

from __future__ import annotations

import socket
import time

import pytest

from overture_core.errors import DatabaseUnavailable
from overture_core.settings import Settings
from overture_core.storage.store import CONNECT_S, PROBE_AFTER_S, SILENT_S, Store


@pytest.mark.parametrize(("asked", "within_s"), [("", CONNECT_S), ("?connect_timeout=2", 2)])
def test_one_that_takes_connections_and_says_nothing_is_given_up_when_the_address_says_or_by_default(
    settings: Settings, asked: str, within_s: float
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none{asked}"
        store = Store(settings.model_copy(update={"database_url": url}))
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable), store.read("default"):
            pass
        took = time.monotonic() - began
    store.close()
    assert within_s - 0.5 < took < within_s + 2.5


def test_a_connection_is_probed_while_it_is_silent(postgresql_store: Store) -> None:
    raw = postgresql_store.engine.raw_connection()
    try:
        assert raw.driver_connection is not None
        given = raw.driver_connection.info.get_parameters()
    finally:
        raw.close()
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == (str(PROBE_AFTER_S), str(SILENT_S * 1000))
