"""Launching at scale: how long until a campaign's rows are written and its first chunk has left, in what memory.

    uv run python -m bench.launch --sizes 1000000

Leads are inserted first, which is not timed. Then a process of its own plans the campaign, has it approved
and launches it, with a real worker beside it, as a server would. `rows written` counts from the call that
plans until every row stands as due; `first accepted` until the provider has the first message.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import stage
from bench.measuring import (
    ROOT,
    Report,
    SinkProcess,
    arguments,
    median,
    number,
    package_versions,
    running_sink,
)
from bench.places import DATABASES, Place, child_environment, open_store, overture_workers, place, wait_for

DEADLINE_S = 900.0


@dataclass(frozen=True, slots=True)
class Launch:
    """Seconds from the call that plans, and the largest resident memory of the process, in MiB. `worker` is
    that of the worker, None where the system does not say. `delivered` is None unless it was waited for."""

    leads: int
    planned: float
    launched: float
    written: float
    first: float
    peak: float
    worker: float | None
    delivered: float | None = None


def run_case(at: Place, sink: SinkProcess, database: str, leads: int, *, deliver: bool = False) -> Launch:
    """Launch one campaign to `leads` people on a fresh database; with `deliver` wait until all is accepted."""
    settings = at.case(database, sandbox_url=sink.url)
    with open_store(settings) as store:
        stage.prepare(store)
        stage.add_leads(store, leads)
        sink.reset()
        with overture_workers(settings, 1) as workers:
            command = [sys.executable, "-m", "bench.launcher", str(settings.data_dir)]
            process = subprocess.Popen(
                command, cwd=ROOT, env=child_environment(settings), stdout=subprocess.PIPE, text=True
            )
            try:
                assert process.stdout is not None
                began = float(process.stdout.readline())
                first = wait_for(
                    lambda: sink.counts()["recipients"] > 0 or process.poll() not in {None, 0},
                    DEADLINE_S,
                    what="the first message",
                )
                out, _ = process.communicate(timeout=DEADLINE_S)
            finally:
                process.kill()
                process.wait()
            if process.returncode:
                msg = "the process that launches failed; what it said stands above"
                raise RuntimeError(msg)
            told = json.loads(out)
            written = wait_for(
                lambda: stage.launched_rows(store) >= leads, DEADLINE_S, what="all rows to be due", every_s=0.1
            )
            delivered = None
            if deliver:
                wait_for(lambda: sink.counts()["recipients"] >= leads, DEADLINE_S, what="delivery", every_s=0.05)
                delivered = wait_for(
                    lambda: stage.accepted(store) >= leads, DEADLINE_S, what="all to be accepted", every_s=0.05
                )
            return Launch(
                leads=leads,
                planned=told["planned"],
                launched=told["launched"],
                # Where launching itself writes the rows, they were there before we came to look.
                written=told["launched"] if told["rows"] >= leads else written - began,
                first=first - began,
                peak=told["peak"],
                worker=_peak_mib(workers[0]),
                delivered=delivered - began if delivered is not None else None,
            )


def _peak_mib(pid: int) -> float | None:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    found: dict[tuple[str, int], list[Launch]] = defaultdict(list)
    with place() as at, running_sink() as sink:
        for _ in range(given.rounds):
            for size in given.sizes:
                for database in given.databases:
                    found[database, size].append(run_case(at, sink, database, size))
        versions = {**package_versions(["overture-outreach", "sqlalchemy", "psycopg"]), **at.server_versions()}
    rows = []
    for (database, size), results in found.items():
        written, first = median([r.written for r in results]), median([r.first for r in results])
        row = [f"{database}, {size:,}", f"{median([r.planned for r in results]):.1f} s", f"{written:.1f} s"]
        row += [f"{first:.1f} s", number(written / size * 1e6), f"{max(r.peak for r in results):.0f} MiB"]
        workers = [r.worker for r in results if r.worker is not None]
        rows.append([*row, f"{max(workers):.0f} MiB" if workers else ""])
    Report(
        title=f"Launching e-mail campaigns, from the call that plans, medians of {given.rounds} rounds",
        columns=["database, leads", "planned", "rows written", "first accepted", "us a row", "peak", "worker's peak"],
        rows=rows,
        measured={f"{db}, {size}": [asdict(each) for each in results] for (db, size), results in found.items()},
        versions=versions,
    ).show(given.json)


if __name__ == "__main__":
    main()
