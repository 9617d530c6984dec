"""`overture imports` and `overture leads`: what an import did, its rejected rows, going on, and taking it back."""

from __future__ import annotations

import csv
import io
import json
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from overture_core.leads.chunks import CHUNK
from tests.conftest import WaitFor

BAD_INPUT, INTERRUPTED = 2, 130
Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def told(overture: Overture, *arguments: str) -> Any:
    ran = overture(*arguments, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def leads_in(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM leads").fetchone()
    return int(found)


def test_an_import_is_listed_shown_and_its_rejects_come_as_csv(overture: Overture, folder: Path) -> None:
    assert overture("imports", "list").stdout == "Nothing was imported yet; `overture import FILE` does.\n"
    (folder / "list.csv").write_text("email,name\na@example.com,Ada\nnobody,Bob\n=1+1,Eve\n")
    report = told(overture, "import", "list.csv")
    import_id = report["import_id"]
    (listed,) = told(overture, "imports", "list")
    counts = {"rows": 3, "created": 1, "merged": 0, "unchanged": 0, "rejected": 2}
    assert {key: listed[key] for key in ("id", "state", *counts)} == {"id": import_id, "state": "done", **counts}
    assert told(overture, "imports", "show", import_id) == {**report, "id": import_id, "state": "done"}
    rejects = list(csv.reader(io.StringIO(overture("imports", "rejects", import_id).stdout)))
    assert [(line, original) for line, _, original in rejects] == [
        ("line", "original"),
        ("3", "nobody,Bob"),
        ("4", "'=1+1,Eve"),
    ]
    assert import_id in overture("imports", "list").stdout
    unknown = overture("imports", "show", "imp_x")
    assert (unknown.returncode, "There is no import 'imp_x'" in unknown.stderr) == (BAD_INPUT, True)


def test_an_interrupted_import_says_how_far_it_came_and_goes_on(
    overture: Overture, running: Any, folder: Path, tmp_path: Path, wait_for: WaitFor
) -> None:
    rows = 20 * CHUNK
    with (folder / "many.csv").open("w") as file:
        file.write("email\n")
        file.writelines(f"p{number}@example.com\n" for number in range(rows))
    overture("imports", "list")
    with running("import", "many.csv") as importing:
        wait_for(lambda: leads_in(tmp_path / "data" / "overture.db"), deadline=60)
        importing.send_signal(signal.SIGINT)
        assert importing.wait(60) == INTERRUPTED
    (stopped,) = told(overture, "imports", "list")
    assert (stopped["state"], stopped["rows"] % CHUNK, stopped["rows"] < rows) == ("cancelled", 0, True)
    again = overture("import", "many.csv")
    assert f"It went on after row {stopped['rows']}, where it had broken off." in again.stdout
    (done,) = told(overture, "imports", "list")
    assert (done["state"], done["rows"], done["created"]) == ("done", rows, rows)


def test_an_import_and_one_merge_are_taken_back(overture: Overture, folder: Path) -> None:
    told(overture, "import", "good.csv")
    rows = "ada@example.com,,Owner\nnew@example.com,,Buyer\nada@example.com,+12125550123,\n"
    (folder / "more.csv").write_text(f"email,phone,title\n{rows}")
    more = told(overture, "import", "more.csv")["import_id"]
    lead = told(overture, "leads", "show", "ada@example.com")
    assert lead["provenance"]["title"].startswith(f"{more}, line 2, by cli:")
    assert lead["known_by"] == [["email", "ada@example.com"], ["phone", "+12125550123"]]
    shown = overture("leads", "show", "ada@example.com").stdout
    assert "Known by: email ada@example.com, phone +12125550123\n" in shown
    assert ("Owner" in shown, shown.count("phone +12125550123"), "custom_left_out" in shown) == (True, 2, False)
    merge = lead["changes"][1]["id"]
    asked = overture("leads", "undo", merge)
    assert (asked.returncode, asked.stderr) == (
        BAD_INPUT,
        f"overture: title of the lead {lead['id']} would be taken back; add --yes to do so.\n",
    )
    undone = told(overture, "leads", "undo", merge, "--yes")
    assert (undone["reverted"], undone["left"]) == (1, [])
    asked = overture("imports", "undo", more)
    assert (asked.returncode, asked.stderr) == (
        BAD_INPUT,
        "overture: 1 lead created and 1 merge of more.csv would be taken back; add --yes to do so.\n",
    )
    assert overture("imports", "undo", more, "--yes").stdout == "1 lead removed, 1 merge taken back.\n"
    assert told(overture, "leads", "show", "ada@example.com")["title"] is None
