"""The short form of the crew's fault suite, as part of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.short_form import run_short_form


@pytest.mark.timeout(400)
def test_a_crew_that_is_killed_around_its_writes_writes_to_each_once(warm_programs: Path) -> None:
    run_short_form("tests.faults.crew", "--short", "--python", str(warm_programs / "python"))
