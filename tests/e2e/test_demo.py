"""The README's command, in an empty home, twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


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
    second = run_demo(tmp_path)
    assert (second["sent_now"], second["accepted_twice"], second["accepted"]) == (0, 0, first["accepted"])
    assert (second["created"], second["unchanged"]) == (0, first["imported"])
