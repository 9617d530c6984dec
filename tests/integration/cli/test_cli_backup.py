"""`overture backup` and `overture restore`, as a person runs them on one machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_machine_that_is_lost_is_made_anew_from_its_backup(overture: Overture, tmp_path: Path, folder: Path) -> None:
    assert overture("import", "good.csv").returncode == 0
    made = overture("backup", "monday.backup")
    assert (made.returncode, made.stderr) == (0, "")
    assert f"keep {tmp_path / 'data' / 'secret.key'} too" in made.stdout
    anew = {"data_dir": str(tmp_path / "anew")}
    restored = overture("restore", str(folder / "monday.backup"), "--json", **anew)
    assert (restored.returncode, json.loads(restored.stdout)) == (0, {"workspaces": ["default"]})
    found = json.loads(overture("search", "ada", "--json", **anew).stdout)
    assert "ada@example.com" in json.dumps(found)


def test_a_backup_of_nothing_is_refused(overture: Overture) -> None:
    done = overture("backup", "nothing.backup")
    assert done.returncode == 2
    assert done.stderr.startswith("overture: There is no database at ")
