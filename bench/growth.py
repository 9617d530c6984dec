"""How the cost of one message grows with the size of its campaign, from 1,000 to 1,000,000.

    uv run python -m bench.growth --sizes 1000 10000 100000 1000000

Each size is planned, launched and delivered through one real worker on a fresh database. A cost that stays
level is a ratio of 1; small campaigns pay the fixed costs of a start.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict

from bench.launch import Launch, run_case
from bench.measuring import Report, arguments, median, number, package_versions, running_sink
from bench.places import DATABASES, place


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 40_000])
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    found: dict[tuple[str, int], list[Launch]] = defaultdict(list)
    with place() as at, running_sink() as sink:
        run_case(at, sink, given.databases[0], min(given.sizes), deliver=True)  # warm: caches, the server's files
        for _ in range(given.rounds):
            for size in given.sizes:
                for database in given.databases:
                    found[database, size].append(run_case(at, sink, database, size, deliver=True))
        versions = {**package_versions(["overture-outreach", "sqlalchemy", "psycopg"]), **at.server_versions()}
    rows = []
    for (database, size), results in found.items():
        rows.append([f"{database}, {size:,}"])
        for part in (_planning, _launching, _delivering):
            cost = median([part(each) for each in results])
            least = median([part(each) for each in found[database, min(given.sizes)]])
            rows[-1] += [number(cost), f"{cost / least:.2f}" if least else ""]
        rows[-1].append(f"{max(each.peak for each in results):.0f} MiB")
    Report(
        title=f"Microseconds a message by size of campaign, e-mail, medians of {given.rounds} rounds",
        columns=[
            "database, messages",
            *("plan us", "to smallest", "launch us", "to smallest", "deliver us", "to smallest", "peak"),
        ],
        rows=rows,
        measured={f"{db}, {size}": [asdict(each) for each in results] for (db, size), results in found.items()},
        versions=versions,
    ).show(given.json)


def _planning(case: Launch) -> float:
    return case.planned / case.leads * 1e6


def _launching(case: Launch) -> float:
    return (case.launched - case.planned) / case.leads * 1e6


def _delivering(case: Launch) -> float:
    assert case.delivered is not None
    return (case.delivered - case.launched) / case.leads * 1e6


if __name__ == "__main__":
    main()
