"""Scoring a large list: a segment of everybody and of a country, one lead, a round of keeping, and searches by score.

    uv run python -m bench.scoring --leads 1000000

The leads are those of bench/search.py. A third of them got a message of a campaign, of whom a third opened it and one
in twenty answered with interest; one in twenty has a signal. Seconds, medians of the rounds; keeping is done once.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, text

from bench.measuring import Report, arguments, number, package_versions
from bench.places import DATABASES, Place, open_store, place
from bench.search import COUNTRIES, WORKSPACE, fill
from overture_core.ids import new_id
from overture_core.leads.searching import Sort, search
from overture_core.scoring import keeping
from overture_core.scoring.service import score_lead, score_segment
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Lead, LeadSignal, Message, Reply
from overture_core.storage.store import Store, Work

KINDS = ("job_change", "funding", "hiring")


def live(store: Store, chance: random.Random) -> None:
    """Give the leads a past."""
    with store.begin(WORKSPACE, actor="bench") as work:
        connection = work.session.connection()
        for leads in _pages(list(connection.scalars(select(Lead.id)))):
            _happen(connection, leads, chance)
    with store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _pages(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + 10_000] for start in range(0, len(ids), 10_000)]


def _happen(connection: Connection, leads: list[str], chance: random.Random) -> None:
    now = datetime.now(UTC)
    messages: list[dict[str, Any]] = []
    replies: list[dict[str, Any]] = []
    signals: list[dict[str, Any]] = []
    for lead in leads:
        of = {"workspace_id": WORKSPACE, "lead_id": lead}
        if chance.random() < 1 / 3:
            at = now - timedelta(days=chance.randrange(1, 700))
            opened = at if chance.random() < 1 / 3 else None
            times = {"accepted_at": at, "opened_at": opened, "created_at": at, "updated_at": at}
            sent = {"campaign_id": "cmp_1", "channel": "email", "template_id": "tpl_1", "state": "delivered"}
            messages.append({"id": new_id("msg"), **of, **sent, "address": "x@x.example", "merge": {}, **times})
            if chance.random() < 1 / 20:
                told = {"channel": "email", "body": "Yes", "intent": "interested", "received_at": at}
                replies.append({"id": new_id("rpl"), **of, **told})
        if chance.random() < 1 / 20:
            seen = now - timedelta(days=chance.randrange(1, 300))
            signal = {"kind": chance.choice(KINDS), "observed_at": seen, "recorded_at": seen, "source": "file"}
            signals.append({"id": new_id("sig"), **of, **signal})
    for table, made in ((Message, messages), (Reply, replies), (LeadSignal, signals)):
        connection.execute(insert(table), made)


def measure(store: Store, rounds: int, chance: random.Random) -> dict[str, list[float]]:
    """Score, keep and search; returns seconds."""
    with store.read(WORKSPACE) as work:
        some = list(work.session.scalars(select(Lead.id).limit(1_000)))

    def country() -> LeadFilter:
        return LeadFilter(countries=[chance.choice(COUNTRIES[1:])])

    kinds: dict[str, Callable[[Work], object]] = {
        "a segment of everybody": lambda work: score_segment(work, LeadFilter()),
        "a segment of a country": lambda work: score_segment(work, country()),
        "one lead": lambda work: score_lead(work, chance.choice(some)),
    }
    searches: dict[str, Callable[[Work], object]] = {
        "a page, best score first": lambda work: search(work, LeadFilter(), sort=Sort.BEST_SCORE),
        "a page of score >= 60": lambda work: search(work, LeadFilter(where="score >= 60")),
        "a page of tier = hot in a country, best first": lambda work: search(
            work, country().model_copy(update={"where": "tier = hot"}), sort=Sort.BEST_SCORE
        ),
    }
    found = {"a round of keeping all": [_keep(store)]}
    for kind, ask in (kinds | searches).items():
        found[kind] = [_timed(store, ask) for _ in range(rounds)]
    return found


def _timed(store: Store, ask: Callable[[Work], object]) -> float:
    began = time.perf_counter()
    with store.read(WORKSPACE) as work:
        ask(work)
    return time.perf_counter() - began


def _keep(store: Store) -> float:
    began = time.perf_counter()
    with store.begin(WORKSPACE, actor="bench") as work:
        keeping.begin(work)
    done = 1
    while done:
        with store.begin(WORKSPACE, actor="bench") as work:
            done = keeping.keep_page(work)
    with store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return time.perf_counter() - began


def run_case(at: Place, database: str, leads: int, rounds: int) -> dict[str, list[float]]:
    chance = random.Random(7)
    with open_store(at.case(database)) as store:
        fill(store, leads, chance)
        live(store, chance)
        return measure(store, rounds, chance)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    report = Report(f"Scores of {given.leads:,} leads, s", ["what", *given.databases])
    with place() as at:
        found = {database: run_case(at, database, given.leads, given.rounds) for database in given.databases}
        report.versions = {**package_versions(["overture-outreach", "sqlalchemy", "psycopg"]), **at.server_versions()}
    for kind in found[given.databases[0]]:
        medians = [statistics.median(found[database][kind]) for database in given.databases]
        report.rows.append([kind, *(number(each) if each >= 0.1 else f"{each:.4f}" for each in medians)])
    report.measured = found
    report.show(given.json)


if __name__ == "__main__":
    main()
