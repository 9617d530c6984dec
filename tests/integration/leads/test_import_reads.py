"""What an import and a look for the suppressed read of a list does not grow with it, whatever PostgreSQL believes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import insert, text

from overture_core.leads.merging import Merger
from overture_core.leads.reading import Row
from overture_core.leads.rows import LeadRow
from overture_core.storage.schema import Suppression
from overture_core.storage.store import Store, Work
from overture_core.suppressions import service as suppressions

WORKSPACE = "default"
LIST, AGAIN = 12_000, 50
COUNTED = text("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables")


def rows(numbers: Sequence[int], **values: object) -> list[tuple[Row, LeadRow]]:
    return [
        (Row(line, "", {}), LeadRow({"email": address, **values}, [("email", address)], {}, tags=["fair"]))
        for line, address in enumerate((f"lead{number}@example.com" for number in numbers), start=2)
    ]


def merge(work: Work, found: list[tuple[Row, LeadRow]]) -> dict[str, int]:
    merger = Merger(work, "imp_test", consent_source=None, tags=())
    outcomes = merger.merge(found, "leads.csv")
    merger.write()
    return dict(outcomes)


@pytest.fixture
def long_list(postgresql_store: Store) -> Store:
    """A list that came in after the last time that the database looked at its tables."""
    with postgresql_store.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    with postgresql_store.begin(WORKSPACE, actor="test") as work:
        merge(work, rows(range(LIST)))
    return postgresql_store


def test_people_who_are_there_are_found_without_reading_the_list(long_list: Store) -> None:
    with long_list.begin(WORKSPACE, actor="test") as work:
        before = work.session.scalar(COUNTED) or 0
        assert merge(work, rows(range(AGAIN), company="Engine Works")) == {"merged": AGAIN}
        assert (work.session.scalar(COUNTED) or 0) - before < 20 * AGAIN


def test_who_is_suppressed_is_found_without_reading_the_list(postgresql_store: Store) -> None:
    with postgresql_store.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    values = [f"lead{number}@example.com" for number in range(LIST)]
    with postgresql_store.begin(WORKSPACE, actor="test") as work:
        plain = {
            "workspace_id": WORKSPACE,
            "kind": "email",
            "reason": "asked",
            "origin": "test",
            "created_at": work.now(),
        }
        shut = [{"id": f"sup_{each}", "value": each, "mailbox": each, **plain} for each in values]
        work.session.execute(insert(Suppression), shut)
    asked = [*values[:AGAIN], *(f"free{number}@example.com" for number in range(AGAIN))]
    with postgresql_store.read(WORKSPACE) as work:
        before = work.session.scalar(COUNTED) or 0
        assert suppressions.suppressed(work, "email", asked) == set(values[:AGAIN])
        assert suppressions.known(work, [("email", each) for each in asked]) == {
            ("email", each) for each in values[:AGAIN]
        }
        assert (work.session.scalar(COUNTED) or 0) - before < 10 * AGAIN
