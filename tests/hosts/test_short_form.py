"""The short form of the suite of several hosts, as part of the tests."""

from __future__ import annotations

import pytest

from tests.short_form import run_short_form


@pytest.mark.timeout(700)
def test_hosts_that_are_cut_off_in_turn_lose_nobody_and_send_nobody_twice() -> None:
    run_short_form("tests.hosts", "--short", within_s=660)
