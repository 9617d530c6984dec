"""`overture migrate`: a deployment's own step, and what it says of a database that is behind, level or beyond."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

from overture_core.storage import migrate

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_database_is_behind_until_it_is_migrated(overture: Overture, tmp_path: Path) -> None:
    before = overture("migrate", "--check", "--json")
    assert (before.returncode, json.loads(before.stdout)["current"]) == (3, False)
    assert not (tmp_path / "data" / "overture.db").exists()
    made = overture("migrate")
    assert (made.returncode, made.stdout, made.stderr) == (
        0,
        f"The database stands at {migrate.head()}, the newest of this release.\n",
        "",
    )
    after = overture("migrate", "--check", "--json")
    assert (after.returncode, json.loads(after.stdout)["stands"]) == (0, migrate.head())


def test_a_database_that_a_newer_release_migrated_is_left_as_it_is(overture: Overture, tmp_path: Path) -> None:
    assert overture("migrate").returncode == 0
    with sqlite3.connect(tmp_path / "data" / "overture.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    done = overture("migrate")
    assert (done.returncode, done.stdout) == (
        0,
        f"The database stands at 9999, beyond {migrate.head()}, the newest of this release; nothing was changed.\n",
    )


def test_a_database_that_is_away_is_said_to_be(overture: Overture, closed_port: int) -> None:
    done = overture("migrate", "--check", database_url=f"postgresql://overture@127.0.0.1:{closed_port}/overture")
    assert done.returncode == 3
    assert done.stderr.startswith("overture: The database did not answer")
