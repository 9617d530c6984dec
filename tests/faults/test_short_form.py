"""The short form of the fault suite, as part of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.short_form import run_short_form


@pytest.mark.timeout(400)
def test_workers_killed_around_the_providers_answer_send_nobody_twice_and_lose_nobody(warm_programs: Path) -> None:
    run_short_form("tests.faults", "--short", "--python", str(warm_programs / "python"))


@pytest.mark.timeout(400)
def test_two_releases_on_one_database_send_nobody_twice_and_lose_nobody() -> None:
    told = run_short_form("tests.faults", "--only", "newer release beside", "--size", "600")
    assert "newer release beside" in told
