"""How many connections a process has to SQLite: a bounded number, all of them kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import event, text

from overture_core.storage.store import SQLITE_CONNECTIONS, Store


def test_a_connection_that_a_busy_moment_needed_is_not_opened_again_in_the_next(sqlite_store: Store) -> None:
    opened: list[object] = []
    event.listen(sqlite_store.engine, "connect", lambda connection, _record: opened.append(connection))
    together = Barrier(SQLITE_CONNECTIONS)

    def read(_number: int) -> int:
        with sqlite_store.read("default") as work:
            found: int = work.session.scalar(text("SELECT 1"))
            together.wait(timeout=30)
        return found

    with ThreadPoolExecutor(SQLITE_CONNECTIONS) as threads:
        for _ in range(3):
            assert sum(threads.map(read, range(SQLITE_CONNECTIONS))) == SQLITE_CONNECTIONS
    assert len(opened) <= SQLITE_CONNECTIONS
