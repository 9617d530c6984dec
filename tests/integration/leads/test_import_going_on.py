"""An import that broke off goes on where it stopped; two at once do no harm; every row is accounted for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from overture_core.leads import imports
from overture_core.leads.chunks import CHUNK
from overture_core.leads.importing import ImportCancelled, import_leads
from overture_core.leads.imports import QUIET, ImportReport, ImportState
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.settings import Settings
from overture_core.storage.schema import ImportReject, Lead, LeadIdentity, LeadImport
from overture_core.storage.store import Store
from tests.conftest import WaitFor

Import = Callable[..., ImportReport]
ROWS = 3 * CHUNK
KILLED = """
import sys
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
store = Store(Settings(_env_file=None, sandbox_only=True))
def tell(done):
    print(done.rows, flush=True)
    sys.stdin.readline()
import_leads(store, Source.from_person(sys.argv[1]), ImportOptions(), workspace="default", actor="test", progress=tell)
"""


def lines(rows: int = ROWS) -> list[str]:
    """A header and rows: each fifth is no address, each seventh repeats the one before."""
    found = ["email,city"]
    for number in range(rows):
        who = number - 1 if number % 7 == 6 else number
        found.append(f"nobody {number},Oslo" if number % 5 == 4 else f"p{who}@example.com,Oslo")
    return found


def imported(store: Store, text: str, cancel_after: int | None = None) -> ImportReport:
    asked = iter(range(1_000))
    return import_leads(
        store,
        Source.from_text(text, "leads.csv"),
        ImportOptions(),
        workspace="default",
        actor="test",
        cancelled=lambda: cancel_after is not None and next(asked) + 1 >= cancel_after,
    )


def state_of(store: Store) -> list[tuple[ImportState, int]]:
    with store.read("default") as work:
        return [(each.state, each.rows) for each in imports.list_(work)]


def sums_up(report: ImportReport) -> bool:
    return report.rows == report.created + report.merged + report.unchanged + report.rejected


def number_of(store: Store, *tables: type) -> list[int | None]:
    with store.read("default") as work:
        return [work.session.scalar(select(func.count()).select_from(table)) for table in tables]


def test_a_cancelled_import_goes_on_and_ends_as_if_nothing_had_been(store: Store) -> None:
    text = "\n".join(lines())
    with pytest.raises(ImportCancelled, match=f"stopped after {CHUNK} rows, which stay; import the same file again"):
        imported(store, text, cancel_after=1)
    assert state_of(store) == [(ImportState.CANCELLED, CHUNK)]
    report = imported(store, text)
    assert state_of(store) == [(ImportState.DONE, ROWS)]
    assert (report.rows, report.resumed, sums_up(report)) == (ROWS, CHUNK, True)
    assert number_of(store, Lead, LeadIdentity, ImportReject) == [report.created, report.created, report.rejected]
    assert [each.line for each in report.reject_samples] == [6, 11, 16, 21, 26]
    again = imported(store, text)
    assert (again.resumed, again.created, again.merged, again.rejected) == (0, 0, 0, report.rejected)


def test_another_file_or_other_options_do_not_go_on(store: Store, take: Import) -> None:
    with pytest.raises(ImportCancelled):
        imported(store, "\n".join(lines()), cancel_after=1)
    assert take("\n".join(lines()), tags=["spring"]).resumed == 0
    assert take("\n".join(lines(CHUNK))).resumed == 0


def test_an_import_that_was_killed_goes_on(store: Store, tmp_path: Path, wait_for: WaitFor) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("\n".join(lines()))
    settings = store.settings
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(file)],
        env={**os.environ, **_environment(settings)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == f"{CHUNK}\n"
        assert state_of(store) == [(ImportState.RUNNING, CHUNK)]
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{2 * CHUNK}\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()
    assert state_of(store) == [(ImportState.INTERRUPTED, 2 * CHUNK)]
    report = import_leads(store, Source.from_person(file), ImportOptions(), workspace="default", actor="test")
    assert state_of(store) == [(ImportState.DONE, ROWS)]
    assert (report.rows, report.resumed, sums_up(report)) == (ROWS, 2 * CHUNK, True)
    assert number_of(store, Lead, LeadIdentity, ImportReject) == [report.created, report.created, report.rejected]
    assert report.created == len({line for line in lines()[1:] if "@" in line})


def _environment(settings: Settings) -> dict[str, str]:
    found = {"OVERTURE_DATA_DIR": str(settings.data_dir)}
    return {**found, "OVERTURE_DATABASE_URL": settings.database_url} if settings.database_url else found


def test_an_import_elsewhere_counts_as_interrupted_once_it_is_silent(store: Store, take: Import) -> None:
    import_id = take("email\na@example.com").import_id
    now = store.clock.now()
    for silent, state in ((QUIET / 2, ImportState.RUNNING), (2 * QUIET, ImportState.INTERRUPTED)):
        with store.begin("default", actor="test") as work:
            row = work.session.get_one(LeadImport, import_id)
            row.state, row.holder, row.updated_at = ImportState.RUNNING, "elsewhere 1 mark", now - silent
        assert state_of(store) == [(state, 1)]


def test_two_imports_of_one_file_at_once_store_each_person_once(store: Store) -> None:
    text = "\n".join(lines())
    together = threading.Barrier(2)
    reports: list[ImportReport] = []

    def run() -> None:
        together.wait(timeout=30)
        reports.append(imported(store, text))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    people = len({line for line in lines()[1:] if "@" in line})
    assert number_of(store, Lead, LeadIdentity) == [people, people]
    assert [each.rows for each in reports] == [ROWS, ROWS]
    assert all(sums_up(each) for each in reports)
    assert sum(each.created for each in reports) == people


cell = st.one_of(
    st.sampled_from(
        ["", "a@example.com", "b@example.com", "A@EXAMPLE.com", "+12125550123", "212 555 0123", "nobody", "=1"]
    ),
    st.text(max_size=8),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(cell, max_size=5), min_size=1, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
def test_whatever_rows_hold_each_is_accounted_for(sqlite_store: Store, rows: list[list[str]], end: str) -> None:
    body = end.join([*(",".join(row) for row in rows), "z@example.com,,,"])
    report = imported(sqlite_store, f"email,phone,name,consent{end}{body}")
    assert sums_up(report)
    assert report.import_id is not None
    with sqlite_store.read("default") as work:
        assert len(list(imports.rejects(work, report.import_id))) == report.rejected
    again = imported(sqlite_store, f"email,phone,name,consent{end}{body}")
    assert (again.rows, again.created, again.merged, again.rejected) == (report.rows, 0, 0, report.rejected)
