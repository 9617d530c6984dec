"""A newer release migrates the database while processes of this one send, and both send beside each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import overture_core
from overture_core.settings import Settings
from overture_core.storage import migrate
from tests.faults.system import System

NEWER = "9001"
# What a release may do to tables that the one before still uses: docs/production.md.
EXPANDING = f'''
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{NEWER}", "{migrate.head()}", None, None


def upgrade():
    op.add_column("messages", sa.Column("seen_by_newer", sa.String(60)))
    op.create_index("ix_messages_seen_by_newer", "messages", ["seen_by_newer"])
    op.create_table("of_newer", sa.Column("id", sa.String(60), primary_key=True))
'''


def newer_release_beside(system: System, _rounds: int) -> None:
    """Migrate in the middle of sending, have workers of this release start anew on that, and newer ones beside them."""
    newer = _newer_release(system.settings.data_dir / "newer")
    system.fault("slow", seconds=1.0)
    system.start_workers()
    system.wait_accepted(10)
    with _looked_for_first(newer):
        _migrated(system.settings, f"stands at {NEWER}, the newest of this release")
    _migrated(system.settings, f"stands at {NEWER}, beyond {migrate.head()}")
    system.kill_children()
    system.children()
    with _looked_for_first(newer):
        system.start_workers()
    assert system.accepted() < system.size, "all was sent before the newer release came"
    system.no_faults()


def _newer_release(folder: Path) -> Path:
    """Make this release's core with one more migration, for processes that look there first."""
    package = Path(overture_core.__file__).parent
    core = folder / package.name
    shutil.copytree(package, core, ignore=shutil.ignore_patterns("__pycache__"))
    (core / "storage" / "migrations" / "versions" / f"{NEWER}_of_newer.py").write_text(EXPANDING, encoding="utf-8")
    return folder


@contextmanager
def _looked_for_first(folder: Path) -> Iterator[None]:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(folder)
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _migrated(settings: Settings, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "overture_cli", "migrate"],
        env={**os.environ, **settings.environment()},
        cwd=settings.data_dir,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout, done.stdout
