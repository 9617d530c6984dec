"""A disk that is full costs the transaction, and the sentence says so."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, text

from overture_core.errors import DatabaseUnavailable
from overture_core.storage.schema import Workspace
from overture_core.storage.store import Store

WORKSPACE = "default"


def write_until_full(store: Store) -> None:
    many = [{"id": f"w{n}", "policy": {"x": "x" * 3000}, "trusted_clients": []} for n in range(500)]
    with store.begin(WORKSPACE, actor="test") as work:
        pages = work.session.scalar(text("PRAGMA page_count"))
        work.session.execute(text(f"PRAGMA max_page_count={pages + 1}"))
        with work.session.begin_nested():
            work.session.execute(insert(Workspace), [{**each, "created_at": work.now()} for each in many])


def test_a_full_disk_is_said_and_nothing_is_changed(sqlite_store: Store) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"full.*nothing was changed\. Make room"):
        write_until_full(sqlite_store)
    with sqlite_store.read(WORKSPACE) as work:
        assert work.session.get(Workspace, "w0") is None
