"""The short form of the crew's fault suite, as part of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(400)
def test_a_crew_that_is_killed_around_its_writes_writes_to_each_once() -> None:
    command = [sys.executable, "-m", "tests.faults.crew", "--short"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        try:
            told, _ = run.communicate(timeout=360)
        finally:
            run.terminate()  # it ends its own processes then; a kill would leave them behind
    assert run.returncode == 0, told
