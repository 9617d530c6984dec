"""The process that `leads.py` measures: one import of a file, by Overture, raw, or raw into Overture's tables.

Prints what it measured as JSON.
"""

from __future__ import annotations

import csv
import gc
import json
import resource
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from overture_core.ids import new_ids
from overture_core.leads.chunks import CHUNK
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.settings import Settings
from overture_core.storage.bulk import insert_rows
from overture_core.storage.schema import Lead, LeadIdentity
from overture_core.storage.store import Store

_LEAD = (
    *("id", "workspace_id", "first_name", "last_name", "email", "phone", "company", "title", "country"),
    *("last_contact_at", "custom", "created_at", "updated_at"),
)
_IDENTITY = ("id", "workspace_id", "kind", "value", "lead_id")


def ours(store: Store, file: Path) -> dict[str, int]:
    """Import as `overture import` does."""
    source = Source.from_person(file)
    options = ImportOptions(default_country="US")
    report = import_leads(store, source, options, workspace=store.settings.workspace, actor="bench")
    return report.model_dump(include={"rows", "created", "merged", "unchanged", "rejected"})


def raw(store: Store, file: Path) -> dict[str, int]:
    """Read with `csv` and insert every cell as text into a table without keys or indexes, chunk by chunk."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = csv.reader(opened)
        columns = [f"c{number}" for number, _ in enumerate(next(rows))]
        mark = "?" if store.engine.dialect.name == "sqlite" else "%s"
        into = f"INSERT INTO raw VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE raw ({', '.join(f'{name} TEXT' for name in columns)})")
        done = 0
        while chunk := [tuple(row) for row in islice(rows, CHUNK)]:
            with store.engine.begin() as connection:
                connection.exec_driver_sql(into, chunk)
            done += len(chunk)
    return {"rows": done}


def tables(store: Store, file: Path) -> dict[str, int]:
    """Read with `csv` and insert the cells as they stand as leads with their identities, chunk by chunk.

    Nothing is looked at: what this costs is what the ledger's tables, keys and indexes cost.
    """
    done, ids, identity_ids = 0, new_ids("lead"), new_ids("idn")
    with file.open(encoding="utf-8", newline="") as opened:
        rows = csv.reader(opened)
        next(rows)
        while chunk := list(islice(rows, CHUNK)):
            with store.begin(store.settings.workspace, actor="bench") as work:
                now = work.now()
                leads: list[tuple[object, ...]] = []
                identities: list[tuple[str, str, str]] = []
                for first, last, email, phone, company, title, country, contacted, city in chunk:
                    lead = next(ids)
                    fields = (first, last, email, phone, company, title, country)
                    moment = datetime.fromisoformat(contacted).replace(tzinfo=UTC) if contacted else None
                    leads.append((lead, work.workspace, *fields, moment, {"City": city}, now, now))
                    # With the lead's id, as no two may have the same.
                    identities.append(("email", f"{email} {lead}", lead))
                    if phone:
                        identities.append(("phone", f"{phone} {lead}", lead))
                insert_rows(work, Lead, _LEAD, leads)
                insert_rows(
                    work,
                    LeadIdentity,
                    _IDENTITY,
                    [(next(identity_ids), work.workspace, *identity) for identity in sorted(identities)],
                )
            done += len(chunk)
    return {"rows": done}


CASES = {"ours": ours, "raw": raw, "tables": tables}


def main() -> None:
    how, file, data_dir = sys.argv[1:]
    values: dict[str, Any] = {"_env_file": None, "data_dir": Path(data_dir)}
    store = Store(Settings(**values))
    with store.read(store.settings.workspace):
        pass  # connecting is not timed
    gc.freeze()  # as the servers do
    began, cpu = time.perf_counter(), time.process_time()
    counts = CASES[how](store, Path(file))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    store.close()
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, **counts}), flush=True)


if __name__ == "__main__":
    main()
