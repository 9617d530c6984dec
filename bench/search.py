"""Searching a large list: how long a page of 20 takes, by kind of search, on both databases.

    uv run python -m bench.search --leads 1000000

Leads are inserted by plain SQL, which is not timed, with values as lists have them: 40 countries of which the first has
a third, 20,000 companies, 200 titles, a tenth with a tag, a fifth never contacted. Then each search is asked over and
over, in turn with all others, each time with other values. Budget: 200 ms at the 95th percentile over all of them.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert, text

from bench.measuring import Report, arguments, number, package_versions
from bench.places import DATABASES, Place, open_store, place
from overture_core.ids import new_id
from overture_core.leads.searching import Sort, search
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Lead, LeadTag
from overture_core.storage.store import Store

WORKSPACE = "default"
BUDGET_MS = 200.0
FIRST = ("Ada", "Bo", "Cleo", "Dana", "Eli", "Fay", "Gus", "Hana", "Ivo", "Jana", "Kai", "Lea", "Mara", "Nils", "Ola")
LAST = ("Moss", "Reed", "Hill", "Lund", "Vega", "Sato", "Okoye", "Novak", "Silva", "Weber", "Rossi", "Khan", "Ito")
KINDS = ("Works", "Trading", "Labs", "Foods", "Logistics", "Partners", "Media", "Energy", "Textiles", "Robotics")
RANKS = ("Chief", "Head of", "Director of", "Manager of", "Assistant for", "Buyer for", "Owner,", "Consultant for")
AREAS = ("Sales", "Marketing", "Finance", "Purchasing", "Operations", "People", "Design", "Engineering", "Support")
COUNTRIES = (
    "US",
    "DE",
    "FR",
    "GB",
    "ES",
    "IT",
    "NL",
    "PL",
    "SE",
    "CA",
    *(f"{a}{b}" for a in "ABC" for b in "ABCDEFGHIJ"),
)
SYLLABLES = ("nor", "wen", "tal", "mir", "bos", "kel", "dar", "fin", "lo", "sta", "gra", "vel")


def rows(leads: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Return leads as a table has them."""
    now = datetime.now(UTC)
    companies = [f"{name.capitalize()} {chance.choice(KINDS)}" for name in _names(chance, 20_000)]
    for n in range(leads):
        first, last, company = chance.choice(FIRST), chance.choice(LAST), chance.choice(companies)
        silent = chance.random() < 0.2
        yield {
            "id": new_id("lead"),
            "workspace_id": WORKSPACE,
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}{n}@{company.split()[0]}.example".lower(),
            "phone": None,
            "company": company,
            "title": f"{chance.choice(RANKS)} {chance.choice(AREAS)}",
            "country": COUNTRIES[0] if chance.random() < 0.33 else chance.choice(COUNTRIES),
            "last_contact_at": None if silent else now - timedelta(days=chance.randrange(1, 2_000)),
            "custom": {},
            "created_at": now,
            "updated_at": now,
        }


def _names(chance: random.Random, how_many: int) -> Iterator[str]:
    for _ in range(how_many):
        yield "".join(chance.choices(SYLLABLES, k=chance.randrange(2, 5)))


def searches(chance: random.Random) -> dict[str, Callable[[], tuple[LeadFilter, Sort]]]:
    """Return the kinds of search, each with values of its own every time."""

    def days() -> int:
        return chance.randrange(30, 1_500)

    def word() -> str:
        return "".join(chance.choices(SYLLABLES, k=2))

    def plain(made: Callable[[], LeadFilter], sort: Sort = Sort.OLDEST) -> Callable[[], tuple[LeadFilter, Sort]]:
        return lambda: (made(), sort)

    return {
        "all, oldest first": plain(LeadFilter),
        "a country": plain(lambda: LeadFilter(countries=[chance.choice(COUNTRIES)])),
        "silent for some time": plain(lambda: LeadFilter(dormant_days_min=days())),
        "silent, longest first": plain(lambda: LeadFilter(dormant_days_min=days()), Sort.LONGEST_SILENT),
        "a country, longest silent first": plain(
            lambda: LeadFilter(countries=[chance.choice(COUNTRIES)]), Sort.LONGEST_SILENT
        ),
        "a name and a surname": plain(lambda: LeadFilter(query=f"{chance.choice(FIRST)} {chance.choice(LAST)}")),
        "the beginning of a company": plain(lambda: LeadFilter(query=word())),
        "one address": plain(
            lambda: LeadFilter(query=f"{chance.choice(FIRST)}.{chance.choice(LAST)}{chance.randrange(9_999)}")
        ),
        "a tag": plain(lambda: LeadFilter(tags_any=["vip"])),
        "an expression": plain(
            lambda: LeadFilter(
                where=f'country in (US, DE) and title ~ "{chance.choice(AREAS)}" and '
                f"dormant_days >= {days()} and not tag = vip"
            )
        ),
    }


def fill(store: Store, leads: int, chance: random.Random) -> float:
    """Insert the leads; returns the seconds it took."""
    began = time.monotonic()
    made = rows(leads, chance)
    while chunk := list(islice(made, 10_000)):
        with store.begin(WORKSPACE, actor="bench") as work:
            connection = work.session.connection()
            connection.execute(insert(Lead.__table__), chunk)  # type: ignore[arg-type]
            tagged = [
                {"lead_id": row["id"], "tag": "vip", "workspace_id": WORKSPACE}
                for row in chunk
                if chance.random() < 0.1
            ]
            connection.execute(insert(LeadTag.__table__), tagged)  # type: ignore[arg-type]
    with store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return time.monotonic() - began


def measure(store: Store, rounds: int, chance: random.Random) -> dict[str, list[float]]:
    """Ask each kind in turn; returns milliseconds."""
    found: dict[str, list[float]] = defaultdict(list)
    kinds = searches(chance)
    for _ in range(rounds):
        for kind, made in kinds.items():
            wanted, sort = made()
            began = time.perf_counter()
            with store.read(WORKSPACE) as work:
                search(work, wanted, sort=sort)
            found[kind].append((time.perf_counter() - began) * 1000)
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def run_case(at: Place, database: str, leads: int, rounds: int) -> tuple[dict[str, list[float]], float]:
    chance = random.Random(7)
    with open_store(at.case(database)) as store:
        seconds = fill(store, leads, chance)
        return measure(store, rounds, chance), seconds


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    report = Report(f"A page of 20 out of {given.leads:,} leads, ms", ["search"])
    found: dict[str, dict[str, list[float]]] = {}
    with place() as at:
        for database in given.databases:
            found[database], seconds = run_case(at, database, given.leads, given.rounds)
            report.notes.append(f"{database}: the leads were inserted in {seconds:.0f} s.")
            report.columns += [f"{database} median", "p95"]
        report.versions = {**package_versions(["overture-outreach", "sqlalchemy", "psycopg"]), **at.server_versions()}
    for kind in searches(random.Random(7)):
        values = [found[database][kind] for database in given.databases]
        report.rows.append([kind, *(number(each) for v in values for each in (statistics.median(v), p95(v)))])
    together = [[each for kind in found[database].values() for each in kind] for database in given.databases]
    report.rows.append(["all of them", *(number(each) for v in together for each in (statistics.median(v), p95(v)))])
    for database, whole in zip(given.databases, together, strict=True):
        held = "is kept" if p95(whole) < BUDGET_MS else "is missed"
        report.notes.append(f"{database}: the budget of {BUDGET_MS:.0f} ms at p95 {held}.")
    report.measured = found
    report.show(given.json)


if __name__ == "__main__":
    main()
