"""The README's command, in an empty home, twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

MONEY = ("payment_links", "revenue", "revenue_total")


def run_demo(home: Path, *args: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OVERTURE_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-m", "overture_cli", "demo", "--json", *args],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=home,
        env={**kept, "HOME": str(home)},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    story: dict[str, Any] = json.loads(done.stdout)
    return story


def test_the_demo_tells_the_whole_story_and_a_second_run_sends_nobody_the_same_twice(tmp_path: Path) -> None:
    first = run_demo(tmp_path)
    assert first["ending"] == "finished"
    assert first["brain"] == "rules planner (no AI model)"
    assert first["imported"] > 150
    assert all(
        first[what] > 0 for what in ("rejected", "merged", "planned", "delivered", "bounced", "replied", "stopped")
    )
    assert first["held"]
    assert first["excluded"]
    assert set(first["accepted_by_channel"]) == {"email", "sms"}
    assert (first["accepted_twice"], first["unknown"]) == (0, 0)
    assert first["accepted"] == first["sent_now"] == first["planned"] - sum(first["held"].values())
    # Who said yes paid, and that is credited to the step that they answered.
    payments = sum(row["payments"] for row in first["revenue"])
    assert 0 < payments == first["payment_links"]
    assert {row["step"] for row in first["revenue"]} == {1}
    assert first["revenue_total"] == {"USD": payments * 4900}
    assert first["linkedin_post"].startswith("https://www.linkedin.com/feed/update/urn:li:")
    second = run_demo(tmp_path)
    assert second["linkedin_post"] == first["linkedin_post"]
    assert [second[what] for what in MONEY] == [first[what] for what in MONEY]
    assert (second["sent_now"], second["accepted_twice"], second["accepted"]) == (0, 0, first["accepted"])
    assert (second["created"], second["unchanged"]) == (0, first["imported"])


def test_the_demo_goes_on_when_its_worker_is_killed_while_it_sends(tmp_path: Path, wait_for: Any) -> None:
    command = [sys.executable, "-m", "overture_cli", "demo", "--json", "--folder", str(tmp_path / "demo")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=tmp_path) as demo:
        wait_for(lambda: in_the_air(tmp_path / "demo" / "overture.db"), deadline=60)
        log = (tmp_path / "demo" / "logs" / "worker.log").read_text()
        worker = json.loads(log.splitlines()[0])["pid"]
        os.kill(worker, signal.SIGKILL)
        output, _ = demo.communicate(timeout=110)
    assert demo.returncode == 0
    story = json.loads(output)
    assert (story["ending"], story["accepted_twice"]) == ("finished", 0)
    assert story["accepted"] + story["unknown"] == story["planned"] - sum(story["held"].values())


def in_the_air(database: Path) -> bool:
    """Whether any message is claimed, being sent or accepted."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            counted = connection.execute("SELECT count(*) FROM messages WHERE state NOT IN ('draft', 'due', 'skipped')")
        except sqlite3.OperationalError:  # not migrated yet
            return False
        return bool(counted.fetchone()[0])
