"""What the ledger reads does not grow with the campaign, whatever PostgreSQL believes of its tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages import ledger
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store, Work

WORKSPACE = "default"
LEADS = 4_000
CHUNK = 100
MOST_READ = 10 * CHUNK  # old versions of a row are read too


@pytest.fixture
def launched(postgresql_store: Store, make_scene: Callable[[Store], Any]) -> Store:
    """A large campaign, launched after the last time that the database looked at its tables."""
    scene = make_scene(postgresql_store)
    rows = "".join(f"Lead{number},lead{number}@example.com,US\n" for number in range(LEADS))
    source = Source.from_text("First Name,E-mail,Country\n" + rows, "leads.csv")
    import_leads(postgresql_store, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    planned = scene.plan()
    scene.approve(planned)
    with postgresql_store.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    with postgresql_store.begin(WORKSPACE, actor="model") as work:
        launch(work, planned.plan_id)
    return postgresql_store


def read(work: Work) -> int:
    """Rows of the table that were read on this connection lately; only differences mean something."""
    counted = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'messages'")
    return work.session.scalar(counted) or 0


def test_a_claim_reads_its_chunk_and_no_more(launched: Store) -> None:
    campaign = ledger.backlog(launched)[0].campaign_id
    for _ in range(4):
        with launched.begin(WORKSPACE, actor="pump") as work:
            before = read(work)
            token = ledger.claim(work, Channel.EMAIL, campaign_id=campaign, owner="pump", limit=CHUNK)
            assert token is not None
            assert len(ledger.claimed(work, token)) == CHUNK
            assert read(work) - before < MOST_READ


def test_what_the_pump_asks_every_second_is_a_look(launched: Store) -> None:
    with launched.begin(WORKSPACE, actor="pump") as work:
        before = read(work)
        assert ledger.sweep(work).woken == 0
        assert campaigns.finish_done(work) == 0
        assert read(work) - before < CHUNK


def test_a_wave_reads_its_own_rows(launched: Store) -> None:
    campaign = ledger.backlog(launched)[0].campaign_id
    with launched.begin(WORKSPACE, actor="pump") as work:
        token = ledger.claim(work, Channel.EMAIL, campaign_id=campaign, owner="pump", limit=CHUNK)
        assert token is not None
        wave = [row.id for row in ledger.claimed(work, token)][: CHUNK // 2]
        before = read(work)
        assert len(ledger.start_sending(work, token, wave, owner="pump")) == len(wave)
        assert read(work) - before < MOST_READ
