"""Importing a large file: how long it takes and in what memory, against reading it with `csv` and inserting it raw.

    uv run python -m bench.leads --rows 1000000

The file is generated: nine columns as lists have them, two rows in a hundred about somebody who was there before, one
in two hundred without a usable address. `raw` reads it with csv.reader and inserts every cell as text into one table
without keys or indexes, by the driver's executemany, in transactions of the same size. `tables` inserts the cells as
they stand into the tables where leads are kept: what it takes more than raw is the price of keys, indexes and the index
of words, what ours takes more than it that of checking, normalising, mapping and deduplicating. Each case is a process
of its own on a fresh database, the rounds are interleaved. Budget: 4 times raw, and memory that does not grow with the
file. `processor` are seconds of this process and of the database's server, in brackets times raw: they say more than
the clock where others wait for the processors.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measuring import ROOT, Report, arguments, median, number, package_versions
from bench.places import DATABASES, Place, child_environment, place, tree_cpu_s
from bench.search import AREAS, FIRST, KINDS, LAST, RANKS, SYLLABLES

BUDGET = 4.0
DEADLINE_S = 3_600.0
HEADER = ("First name", "Last name", "Email", "Phone", "Company", "Title", "Country", "Last contact", "City")
# Countries with a number of theirs whose last digits are free.
PHONES = {
    "US": "+1 212 %03d %04d",
    "DE": "+49 30 %03d%04d",
    "GB": "+44 20 7%03d %04d",
    "FR": "+33 1 4%01d %02d %02d %02d",
}
CITIES = ("Austin", "Berlin", "Leeds", "Lyon", "Porto", "Turin", "Utrecht", "Ghent", "Graz", "Malmö")


def rows(number_of: int, chance: random.Random) -> Iterator[tuple[str, ...]]:
    """Return rows as a list has them, the same for the same `chance`."""
    companies = ["".join(chance.choices(SYLLABLES, k=chance.randrange(2, 5))).capitalize() for _ in range(20_000)]
    for n in range(number_of):
        who = chance.randrange(n) if n and chance.random() < 0.02 else n
        first, last = chance.choice(FIRST), chance.choice(LAST)
        company = chance.choice(companies)
        email = f"{first}.{last}{who}@{company}.example" if n == who else f"again{who}@{company}.example"
        country = chance.choice(("US", "US", "DE", "GB"))
        phone = "" if chance.random() < 0.3 else PHONES[country] % (200 + who // 10_000 % 700, who % 10_000)
        if chance.random() < 0.005:
            email, phone = f"{first} at {company}", ""
        yield (
            *(first, last, email.lower(), phone),
            f"{company} {chance.choice(KINDS)}",
            f"{chance.choice(RANKS)} {chance.choice(AREAS)}",
            country,
            ""
            if chance.random() < 0.2
            else f"20{chance.randrange(18, 26)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
            chance.choice(CITIES),
        )


def write_file(file: Path, number_of: int) -> None:
    """Write the generated file."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(HEADER)
        writer.writerows(rows(number_of, random.Random(7)))


def run_case(at: Place, database: str, how: str, file: Path) -> dict[str, Any]:
    """Import the file into a fresh database in a process of its own; returns what that measured."""
    settings = at.case(database)
    before = _server_cpu(at, database)
    command = [sys.executable, "-m", "bench.importer", how, str(file), str(settings.data_dir)]
    made = subprocess.run(
        command,
        cwd=ROOT,
        env=child_environment(settings),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )
    found: dict[str, Any] = json.loads(made.stdout)
    found["all_cpu"] = found["cpu"] + _server_cpu(at, database) - before
    if how == "ours" and found["rows"] != found["created"] + found["merged"] + found["unchanged"] + found["rejected"]:
        msg = f"an import lost rows: {found}"
        raise RuntimeError(msg)
    return found


def _server_cpu(at: Place, database: str) -> float:
    return tree_cpu_s(at.postgresql_pid()) if database == "postgresql" else 0.0


def _times(ours: list[dict[str, Any]], others: list[dict[str, Any]]) -> float:
    return median([mine["seconds"] / its["seconds"] for mine, its in zip(ours, others, strict=True)])


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=10_000, help="rows of the file whose memory is compared")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    with place() as at:
        large, small = at.folder / "large.csv", at.folder / "small.csv"
        write_file(large, given.rows)
        write_file(small, given.small)
        for _ in range(given.rounds):
            for database in given.databases:
                found[database, "small"].append(run_case(at, database, "ours", small))
                for how in ("raw", "tables", "ours"):
                    found[database, how].append(run_case(at, database, how, large))
        versions = {**package_versions(["overture-outreach", "sqlalchemy", "psycopg"]), **at.server_versions()}
    report = Report(
        f"Importing {given.rows:,} rows, medians of {given.rounds} rounds",
        [
            "database",
            "raw s",
            "tables s",
            "ours s",
            "times raw",
            "times tables",
            "rows a second",
            "processor",
            f"peak at {given.small:,}",
            f"at {given.rows:,}",
        ],
        versions=versions,
        measured={f"{database}, {how}": results for (database, how), results in found.items()},
    )
    for database in given.databases:
        raw, tables, ours, small_ones = (found[database, how] for how in ("raw", "tables", "ours", "small"))
        times, times_tables = _times(ours, raw), _times(ours, tables)
        seconds = median([each["seconds"] for each in ours])
        peaks = [f"{max(each['peak'] for each in cases):.0f} MiB" for cases in (small_ones, ours)]
        cpu, raw_cpu = (median([each["all_cpu"] for each in cases]) for cases in (ours, raw))
        raw_s, tables_s = (number(median([each["seconds"] for each in cases])) for cases in (raw, tables))
        rate = f"{given.rows / seconds:,.0f}"
        report.rows.append(
            [
                *(database, raw_s, tables_s, number(seconds), f"{times:.1f}", f"{times_tables:.1f}"),
                *(rate, f"{number(cpu)} ({cpu / raw_cpu:.1f})", *peaks),
            ]
        )
        held = "is kept" if times <= BUDGET else "is missed"
        counts = ", ".join(f"{ours[0][what]:,} {what}" for what in ("created", "merged", "unchanged", "rejected"))
        report.notes.append(f"{database}: {counts}. The budget of {BUDGET:.0f} times raw {held}.")
    report.show(given.json)


if __name__ == "__main__":
    main()
