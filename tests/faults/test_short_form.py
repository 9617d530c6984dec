"""The short form of the fault suite, as part of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(400)
def test_workers_killed_around_the_providers_answer_send_nobody_twice_and_lose_nobody() -> None:
    run_faults("--short")


@pytest.mark.timeout(400)
def test_two_releases_on_one_database_send_nobody_twice_and_lose_nobody() -> None:
    told = run_faults("--only", "newer release beside", "--size", "600")
    assert "newer release beside" in told


def run_faults(*options: str) -> str:
    command = [sys.executable, "-m", "tests.faults", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        try:
            told, _ = run.communicate(timeout=360)
        finally:
            run.terminate()  # it ends its own processes then; a kill would leave them behind
    assert run.returncode == 0, told
    return told
