"""The client that obeys every order, as part of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_orders_in_outside_text_send_refund_export_and_erase_nothing() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.hostile"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
